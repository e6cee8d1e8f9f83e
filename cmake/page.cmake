# sec_embed_page(target folder [name]): compiles the page in `folder` into the target as the text `name`, by default page_shell,
# which page_of() of tools/page/page.h shows. See cmake/embed_page.cmake.
function(sec_embed_page target folder)
  set(name page_shell)
  if(ARGC GREATER 2)
    set(name ${ARGV2})
  endif()
  set(folder ${CMAKE_CURRENT_SOURCE_DIR}/${folder})
  set(output ${CMAKE_CURRENT_BINARY_DIR}/${target}_${name}.cpp)
  set(shared ${CMAKE_SOURCE_DIR}/tools/page)
  file(GLOB files CONFIGURE_DEPENDS ${folder}/* ${shared}/*.js)
  list(APPEND files ${CMAKE_SOURCE_DIR}/train/report/colours.css)
  foreach(script IN ITEMS data.js dom.js)
    list(APPEND files ${CMAKE_SOURCE_DIR}/tools/secinspect/page/${script})  # other pages use these, too
  endforeach()
  add_custom_command(OUTPUT ${output}
    COMMAND ${CMAKE_COMMAND} -D FOLDER=${folder} -D NAME=${name} -D CHART_JS=${SEC_CHART_JS} -D OUTPUT=${output} -P ${CMAKE_SOURCE_DIR}/cmake/embed_page.cmake
    DEPENDS ${files} ${CMAKE_SOURCE_DIR}/cmake/embed_page.cmake
    COMMENT "Embedding the page of ${target}"
    VERBATIM)
  target_sources(${target} PRIVATE ${output} ${shared}/page.cpp)
endfunction()

# sec_embed_page(target folder): compiles the page in `folder` into the target, with page_of() of tools/page/page.h. See
# cmake/embed_page.cmake.
function(sec_embed_page target folder)
  set(folder ${CMAKE_CURRENT_SOURCE_DIR}/${folder})
  set(output ${CMAKE_CURRENT_BINARY_DIR}/${target}_page.cpp)
  set(shared ${CMAKE_SOURCE_DIR}/tools/page)
  file(GLOB files CONFIGURE_DEPENDS ${folder}/* ${shared}/*.js)
  list(APPEND files ${CMAKE_SOURCE_DIR}/train/report/colours.css)
  add_custom_command(OUTPUT ${output}
    COMMAND ${CMAKE_COMMAND} -D FOLDER=${folder} -D OUTPUT=${output} -P ${CMAKE_SOURCE_DIR}/cmake/embed_page.cmake
    DEPENDS ${files} ${CMAKE_SOURCE_DIR}/cmake/embed_page.cmake
    COMMENT "Embedding the page of ${target}"
    VERBATIM)
  target_sources(${target} PRIVATE ${output} ${shared}/page.cpp)
endfunction()

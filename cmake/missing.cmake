# GoogleTest and Google Benchmark are optional when CMake runs.
# A target that needs a missing library fails when the target is built, and names the package.
find_package(GTest QUIET)
find_package(benchmark QUIET)

# sec_missing(library purpose targets...): stands for targets that need a missing library.
# `tools/setup PURPOSE` installs the library.
function(sec_missing library purpose)
  foreach(target IN LISTS ARGN)
    add_custom_target(${target}
      COMMAND ${CMAKE_COMMAND} -E echo
        "${target}: ${library} was not found. Run: tools/setup ${purpose} && cmake ${CMAKE_BINARY_DIR}"
      COMMAND ${CMAKE_COMMAND} -E false
      VERBATIM)
  endforeach()
endfunction()

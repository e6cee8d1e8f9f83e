# Most of the time that a file takes to compile goes into the headers of the C++ library and of fmt.
# They are precompiled for everyday code, for inner loops, for command lines, for tests and for kernels.
# A precompiled header serves only files that are compiled with its own flags.
file(CONFIGURE OUTPUT ${CMAKE_BINARY_DIR}/precompiled/empty.cpp CONTENT "")
set(sec_precompiled_headers <algorithm> <array> <atomic> <bit> <chrono> <cmath> <cstdint> <cstring> <deque> <filesystem>
  <fstream> <functional> <limits> <map> <memory> <mutex> <numbers> <numeric> <optional> <ranges> <set> <span> <sstream>
  <stdexcept> <string> <string_view> <thread> <tuple> <utility> <variant> <vector> <fmt/format.h> <fmt/ranges.h>)

# Everyday code is compiled at -O1, in a third less time than at -O2. A build for the debugger stays at -O0.
set(sec_everyday "$<$<AND:$<CONFIG:RelWithDebInfo>,$<COMPILE_LANGUAGE:CXX>>:-O1>")
set(sec_unoptimised "$<$<AND:$<CONFIG:RelWithDebInfo>,$<COMPILE_LANGUAGE:CXX>>:-O0>")
set(sec_precompiled_flags "")
if(CMAKE_CXX_COMPILER_ID STREQUAL GNU)
  set(sec_precompiled_flags "$<$<COMPILE_LANGUAGE:CXX>:-fpch-preprocess>")  # ccache needs this flag
endif()

# GCC 12 wrongly finds overlaps and overflows in std::string, where the warnings point into precompiled headers.
set(sec_precompiled_warnings
  "$<$<COMPILE_LANG_AND_ID:CXX,GNU>:-Wno-restrict;-Wno-array-bounds;-Wno-stringop-overflow;-Wno-stringop-overread>")

function(sec_add_precompiled name)
  add_library(${name} OBJECT ${CMAKE_BINARY_DIR}/precompiled/empty.cpp)
  target_link_libraries(${name} PRIVATE sec_options)
  target_compile_options(${name} PRIVATE ${ARGN} ${sec_precompiled_flags})
  target_precompile_headers(${name} PRIVATE ${sec_precompiled_headers})
endfunction()
sec_add_precompiled(sec_precompiled_everyday -fPIC ${sec_everyday})
sec_add_precompiled(sec_precompiled_hot -fPIC)

# sec_everyday_code(targets...): compiles targets at -O1 with precompiled headers.
function(sec_everyday_code)
  foreach(target IN LISTS ARGN)
    target_compile_options(${target} PRIVATE $<$<COMPILE_LANGUAGE:CXX>:-fPIC> ${sec_everyday} ${sec_precompiled_warnings}
      ${sec_precompiled_flags})
    target_precompile_headers(${target} REUSE_FROM sec_precompiled_everyday)
  endforeach()
endfunction()

# sec_hot_code(target sources...): adds sources to a target. They hold inner loops, and are compiled at -O2.
function(sec_hot_code target)
  add_library(${target}_hot OBJECT ${ARGN})
  target_link_libraries(${target}_hot PRIVATE $<TARGET_PROPERTY:${target},LINK_LIBRARIES>)
  target_compile_options(${target}_hot PRIVATE $<$<COMPILE_LANGUAGE:CXX>:-fPIC> ${sec_precompiled_flags}
    ${sec_precompiled_warnings})
  target_precompile_headers(${target}_hot REUSE_FROM sec_precompiled_hot)
  target_sources(${target} PRIVATE $<TARGET_OBJECTS:${target}_hot>)
endfunction()

# sec_kernel_code(targets...): precompiles the few headers that kernels include. Each of these targets has flags of its
# own, and so its own precompiled header.
function(sec_kernel_code)
  foreach(target IN LISTS ARGN)
    target_compile_options(${target} PRIVATE ${sec_precompiled_warnings} ${sec_precompiled_flags})
    target_precompile_headers(${target} PRIVATE <algorithm> <array> <cmath> <cstdint> <cstring> <functional> <memory> <span>
      <string> <utility> <vector> <fmt/format.h>)
  endforeach()
endfunction()

# sec_command_line(target sources...): adds the sources that include CLI11 to a target. They are compiled at -O0, in half
# the time, with CLI11 precompiled.
function(sec_command_line target)
  if(NOT TARGET sec_precompiled_command_line)
    sec_add_precompiled(sec_precompiled_command_line ${sec_unoptimised})
    target_link_libraries(sec_precompiled_command_line PRIVATE CLI11::CLI11)
    target_precompile_headers(sec_precompiled_command_line PRIVATE <CLI/CLI.hpp>)
    set_target_properties(sec_precompiled_command_line PROPERTIES EXCLUDE_FROM_ALL ON)
  endif()
  add_library(${target}_command_line OBJECT ${ARGN})
  target_link_libraries(${target}_command_line PRIVATE CLI11::CLI11 $<TARGET_PROPERTY:${target},LINK_LIBRARIES>)
  target_compile_definitions(${target}_command_line PRIVATE $<TARGET_PROPERTY:${target},COMPILE_DEFINITIONS>)
  target_compile_options(${target}_command_line PRIVATE ${sec_unoptimised} ${sec_precompiled_warnings}
    ${sec_precompiled_flags})
  target_precompile_headers(${target}_command_line REUSE_FROM sec_precompiled_command_line)
  target_sources(${target} PRIVATE $<TARGET_OBJECTS:${target}_command_line>)
endfunction()

# sec_test_code(targets...): compiles tests at -O1 with precompiled headers, GoogleTest's among them.
function(sec_test_code)
  if(NOT TARGET sec_precompiled_tests)
    sec_add_precompiled(sec_precompiled_tests ${sec_everyday})
    target_link_libraries(sec_precompiled_tests PRIVATE GTest::gtest)
    target_precompile_headers(sec_precompiled_tests PRIVATE <gtest/gtest.h>)
    set_target_properties(sec_precompiled_tests PROPERTIES EXCLUDE_FROM_ALL ON)
  endif()
  foreach(target IN LISTS ARGN)
    target_compile_options(${target} PRIVATE ${sec_everyday} ${sec_precompiled_warnings}
      ${sec_precompiled_flags})
    target_precompile_headers(${target} REUSE_FROM sec_precompiled_tests)
  endforeach()
endfunction()

# Static libraries for programs that are carried to another machine, which has the C library and a driver.
# They replace the shared libraries of Debian's packages.
# Code that uses them is compiled with the same flags as in every other build: a folder that is configured with
# SEC_CUDA keeps what it has compiled.
function(sec_static_library name package)
  add_library(${name} STATIC ${ARGN})
  target_include_directories(${name} SYSTEM PUBLIC $<TARGET_PROPERTY:${package},INTERFACE_INCLUDE_DIRECTORIES>)
  target_compile_definitions(${name} PUBLIC $<TARGET_PROPERTY:${package},INTERFACE_COMPILE_DEFINITIONS>)
  target_compile_options(${name} PUBLIC $<TARGET_PROPERTY:${package},INTERFACE_COMPILE_OPTIONS>)
endfunction()

# Different versions of fmt need different definitions besides the header.
# If cmake/fmt.cpp does not fit the version, every file compiles fmt's header-only form.
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)
try_compile(SEC_FMT_COMPILES ${CMAKE_BINARY_DIR}/fmt_compiles ${CMAKE_SOURCE_DIR}/cmake/fmt.cpp CXX_STANDARD 20)
unset(CMAKE_TRY_COMPILE_TARGET_TYPE)
if(SEC_FMT_COMPILES)
  sec_static_library(sec_fmt fmt::fmt cmake/fmt.cpp)
else()
  message(STATUS "cmake/fmt.cpp does not fit this version of fmt: every file compiles it")
  add_library(sec_fmt ALIAS fmt::fmt-header-only)
endif()
sec_static_library(sec_toml tomlplusplus::tomlplusplus cmake/toml.cpp)

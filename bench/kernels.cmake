# bench_kernels: single kernels, timed by Google Benchmark.
add_executable(bench_kernels kernels/cuda.cpp kernels/fused.cpp kernels/kernels.cpp)
target_link_libraries(bench_kernels PRIVATE bench_ceilings bench_cuda_ceiling sec_train benchmark::benchmark)
if(SEC_CUDA)
  # Debian has Google Benchmark as a shared library only. A copy goes with the program to the GPU machine.
  # The program then needs the same C++ library as the copy.
  get_target_property(benchmark_type benchmark::benchmark TYPE)
  if(benchmark_type STREQUAL SHARED_LIBRARY)
    set_target_properties(bench_kernels PROPERTIES SEC_SHARED_RUNTIME ON BUILD_RPATH "$ORIGIN")
    add_custom_command(TARGET bench_kernels POST_BUILD
      COMMAND ${CMAKE_COMMAND} -E copy_if_different $<TARGET_FILE:benchmark::benchmark>
        ${CMAKE_RUNTIME_OUTPUT_DIRECTORY}/$<TARGET_SONAME_FILE_NAME:benchmark::benchmark>)
  endif()
endif()

# oneDNN's convolutions are timed beside ours where oneDNN is installed, but not in programs for a GPU machine.
find_library(SEC_DNNL_LIBRARY dnnl)
find_path(SEC_DNNL_HEADERS oneapi/dnnl/dnnl.hpp)
find_package(OpenMP QUIET COMPONENTS CXX)
if(SEC_DNNL_LIBRARY AND SEC_DNNL_HEADERS AND OpenMP_CXX_FOUND AND NOT SEC_CUDA)
  target_sources(bench_kernels PRIVATE kernels/dnnl.cpp)
  target_include_directories(bench_kernels SYSTEM PRIVATE ${SEC_DNNL_HEADERS})
  target_link_libraries(bench_kernels PRIVATE ${SEC_DNNL_LIBRARY} OpenMP::OpenMP_CXX)
else()
  target_sources(bench_kernels PRIVATE kernels/dnnl_absent.cpp)
endif()

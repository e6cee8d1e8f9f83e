# Device code (*.cu) is compiled twice: by g++ for the simt device and, with SEC_CUDA, by nvcc for the cuda device.
# In CMake the folder that lists a file determines how the file is compiled.
# The two libraries of the same sources are therefore declared in two folders, kernels/simt and kernels/cuda.

# sec_simt_library(name sources...): the kernels of the simt device.
function(sec_simt_library name)
  add_library(${name} STATIC ${ARGN})
  set_source_files_properties(${ARGN} PROPERTIES LANGUAGE CXX)
  target_compile_options(${name} PRIVATE -g -Wno-unknown-pragmas)  # nvcc knows #pragma unroll, g++ does not
  sec_kernel_code(${name})
  target_link_libraries(${name} PUBLIC sec_engine)
endfunction()

# sec_counted_library(name sources...): simt kernels for programs that count what kernels do (bench/traffic/counters.h).
# The calls that ThreadSanitizer and coverage insert go to the counters. Aggregates stay whole: a float4 is one access.
function(sec_counted_library name)
  add_library(${name} OBJECT ${ARGN})
  set_source_files_properties(${ARGN} PROPERTIES LANGUAGE CXX)
  target_compile_options(${name} PRIVATE -g -Wno-unknown-pragmas -fsanitize=thread -fsanitize-coverage=trace-pc
    -fno-tree-sra -fno-tree-vectorize)
  target_link_libraries(${name} PUBLIC sec_simt_counters)
  sec_kernel_code(${name})
endfunction()

# sec_traced_library(name sources...): simt kernels for kernel_lab (tools/kernel_lab/recorder.h), without optimisation, so
# that gdb shows every variable. ThreadSanitizer's calls go to the recorder.
function(sec_traced_library name)
  add_library(${name} OBJECT ${ARGN})
  set_source_files_properties(${ARGN} PROPERTIES LANGUAGE CXX)
  target_compile_options(${name} PRIVATE -O0 -g -Wno-unknown-pragmas -fsanitize=thread)
  target_link_libraries(${name} PUBLIC sec_lab_recorder)
  sec_kernel_code(${name})
  target_precompile_headers(${name} PRIVATE ${CMAKE_SOURCE_DIR}/tools/kernel_lab/whole_vectors.h)
endfunction()

# sec_cuda_library(name sources...): the kernels of the cuda device. Only with SEC_CUDA.
function(sec_cuda_library name)
  add_library(${name} STATIC ${ARGN})
  set_source_files_properties(${ARGN} PROPERTIES LANGUAGE CUDA)
  target_link_libraries(${name} PUBLIC sec_engine PRIVATE sec_cuda)
endfunction()

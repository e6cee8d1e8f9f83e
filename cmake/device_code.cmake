# Device code (*.cu) is compiled twice: by g++ for the simt device and, with SEC_CUDA, by nvcc for the cuda
# device. How a file is compiled is a property of the folder that lists it, so the two libraries of the same
# sources are declared in two folders, as in kernels/simt and kernels/cuda.

# sec_simt_library(name sources...): the kernels of the simt device.
function(sec_simt_library name)
  add_library(${name} STATIC ${ARGN})
  set_source_files_properties(${ARGN} PROPERTIES LANGUAGE CXX)
  target_compile_options(${name} PRIVATE -g -Wno-unknown-pragmas)  # #pragma unroll is nvcc's
  target_link_libraries(${name} PUBLIC sec_engine)
endfunction()

# sec_counted_library(name sources...): the same for programs that count what kernels do (bench/traffic/counters.h).
# ThreadSanitizer's and the coverage's calls come to the counters; aggregates stay whole, so that a float4 is one access of 16 bytes.
function(sec_counted_library name)
  add_library(${name} OBJECT ${ARGN})
  set_source_files_properties(${ARGN} PROPERTIES LANGUAGE CXX)
  target_compile_options(${name} PRIVATE -g -Wno-unknown-pragmas -fsanitize=thread -fsanitize-coverage=trace-pc
    -fno-tree-sra -fno-tree-vectorize)
  target_link_libraries(${name} PUBLIC sec_simt_counters)
endfunction()

# sec_cuda_library(name sources...): the kernels of the cuda device. Only with SEC_CUDA.
function(sec_cuda_library name)
  add_library(${name} STATIC ${ARGN})
  set_source_files_properties(${ARGN} PROPERTIES LANGUAGE CUDA)
  target_link_libraries(${name} PUBLIC sec_engine PRIVATE sec_cuda)
endfunction()

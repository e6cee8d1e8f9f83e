# The CUDA toolkit: nvcc for kernels, and its runtime library, static, for the engine.
# Programs then need nothing but a driver.
if(NOT CMAKE_CUDA_COMPILER)
  find_program(CMAKE_CUDA_COMPILER nvcc HINTS ENV CUDACXX ENV CUDA_PATH PATHS /usr/local/cuda PATH_SUFFIXES bin
               REQUIRED)
endif()
set(CMAKE_CUDA_ARCHITECTURES 80-real 90-real 90-virtual CACHE STRING "GPU architectures to compile for")
set(CMAKE_CUDA_RUNTIME_LIBRARY Static)
set(CMAKE_CUDA_FLAGS_RELWITHDEBINFO "-O2 -g1")
if(SEC_CCACHE AND NOT CMAKE_CUDA_COMPILER_LAUNCHER)
  set(CMAKE_CUDA_COMPILER_LAUNCHER ${SEC_CCACHE})
endif()
enable_language(CUDA)
if(NOT CMAKE_CUDA20_STANDARD_COMPILE_OPTION)  # unknown to CMake before 3.26
  set(CMAKE_CUDA20_STANDARD_COMPILE_OPTION -std=c++20)
endif()
set(CMAKE_CUDA_STANDARD 20)
set(CMAKE_CUDA_STANDARD_REQUIRED ON)
set(CMAKE_CUDA_EXTENSIONS OFF)
find_package(CUDAToolkit REQUIRED)

add_library(sec_cuda INTERFACE)
target_link_libraries(sec_cuda INTERFACE CUDA::cudart_static)
target_include_directories(sec_cuda SYSTEM INTERFACE ${CUDAToolkit_INCLUDE_DIRS})

# Without cuDNN's headers, programs cannot compare with cuDNN.
find_path(SEC_CUDNN_INCLUDE_DIR cudnn.h HINTS ${CUDAToolkit_INCLUDE_DIRS})
if(NOT SEC_CUDNN_INCLUDE_DIR)
  message(WARNING "cudnn.h was not found: --kernels cudnn will not be available")
endif()

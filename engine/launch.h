// The engine header for kernel files. It provides the CUDA language, launch() and shared memory.
// nvcc compiles a kernel file for the GPU. g++ compiles the same file for the simt device.
// There the threads of a kernel are fibers on the host, and races and out-of-bounds accesses are reported.
//
// How to write a kernel:
//
//   #include "engine/launch.h"
//   #include "engine/device_intrinsics.h"   // if needed: cp.async, mma, ldmatrix, packed bf16
//
//   namespace sec::kernels::SEC_BACKEND {   // `cuda` under nvcc, `simt` under g++
//   namespace {
//
//   template <typename T>                   // float or bf16 (engine/dtype.h)
//   __global__ void __launch_bounds__(256) sum_rows(const T* __restrict__ x,  // (rows, columns)
//                                                   float* __restrict__ y,    // (rows)
//                                                   int columns) {
//     SHARED(float, partial, [8]);          // instead of __shared__ float partial[8]
//     DYN_SHARED(float, row);               // instead of extern __shared__: float* row
//     ...
//     __syncthreads();
//   }
//
//   void launch_sum_rows(Stream& stream, ...) {
//     launch<sum_rows<float>>(stream, dim3(rows), dim3(256), columns * sizeof(float), x, y, columns);
//   }
//
//   }  // namespace
//   }  // namespace sec::kernels::SEC_BACKEND
//
// Rules:
// - All code of a kernel file, including device functions, belongs in namespace sec.
//   On both devices threadIdx, float4, __syncthreads, expf, min and so on are found there.
// - Every definition belongs inside SEC_BACKEND, because one program may link both compilations.
// - SHARED(T, name, [extents]…) declares a reference to an array, aligned to 16 bytes.
//   SHARED(T, name) declares a scalar. T must not contain a comma.
//   The content is undefined when the block starts; simt fills it with NaN.
// - launch<kernel>(stream, grid, block, dynamic_shared_bytes, arguments…) replaces <<<>>>.
//   Arguments are converted without narrowing: an int64 argument for an int parameter does not compile.
//   blocks_for(count, per_block) computes a grid extent. Errors name the kernel and the launch sizes.
//   With SEC_SYNC=1 in the environment every launch waits, so a fault is attributed to the right kernel.
// - Every thread of a block must reach every __syncthreads(), so no thread may return before it.
//   The mask of a warp collective must name exactly the lanes that call it. A full mask needs whole warps.
//   simt reports violations of both rules.
// - Shuffles do not order memory accesses. A lane's read needs a __syncwarp() after another lane's write.
// - For a reduction across blocks, each block writes a partial result, and a second kernel adds them up.
//   Floating-point atomics would make the result depend on the schedule.
// - On simt the blocks of a grid run in parallel on host threads. A block must not wait for another block.
#pragma once

#include "engine/device.h"
#include "engine/launch_size.h"
#include "engine/ranges.h"

#ifdef __CUDACC__
#define SEC_BACKEND cuda
#include "engine/cuda/launch.h"
#else
#define SEC_BACKEND simt
#include "engine/simt/cuda_language.h"
#include "engine/simt/launch.h"
#endif

namespace sec {
using namespace SEC_BACKEND;  // makes launch() and, on simt, the CUDA language visible to kernels
}

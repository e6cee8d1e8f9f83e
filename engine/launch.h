// What a kernel file includes, and all it includes from the engine: the CUDA language, launch(), shared
// memory. nvcc compiles the file for the GPU, g++ compiles the same file for the simt device, where a
// kernel's threads are fibers on the host and every mistake that can be seen there is reported.
//
// How a kernel is written:
//
//   #include "engine/launch.h"
//   #include "engine/device_intrinsics.h"   // cp.async, mma, ldmatrix, packed bf16: where needed
//
//   namespace sec::kernels::SEC_BACKEND {   // `cuda` under nvcc, `simt` under g++
//   namespace {
//
//   template <typename T>                   // float or bf16 (engine/dtype.h), both work in device code
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
// - All of it, device functions included, lives inside namespace sec, where threadIdx, float4, __syncthreads,
//   expf, min, … are found on both devices. Both compilations can be linked into one program, so nothing
//   defined in a kernel file may lie outside SEC_BACKEND.
// - SHARED(T, name, [extents]…) is a reference to an array, aligned to 16 bytes; a scalar is SHARED(T, name).
//   Its content is undefined at block start: simt fills it with NaN. T may not contain a comma.
// - launch<kernel>(stream, grid, block, dynamic_shared_bytes, arguments…) replaces <<<>>>. Arguments convert
// to
//   the parameters' types, but never narrow (an int64 given for an int does not compile). blocks_for(count,
//   per_block) gives a grid extent. Errors name the kernel and the sizes; SEC_SYNC=1 in the environment waits
//   for every kernel, so that a fault is blamed on the kernel at fault.
// - Every thread of a block must reach every __syncthreads(): none may have returned before. A warp
// collective's
//   mask names exactly the lanes that call it: blocks are whole warps wherever a full mask is used. simt
//   reports both.
// - Shuffles order no memory: use __syncwarp() between a lane's write to memory and another's read.
// - A reduction across blocks writes one partial result a block and adds these up in order in a second
// kernel:
//   floating point atomics would make results depend on the schedule.
// - On simt the blocks of a grid run in parallel on host threads, and no block waits for another.
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
using namespace SEC_BACKEND;  // so that a kernel's namespace sees launch() and, on simt, the CUDA language
}

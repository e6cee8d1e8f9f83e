// What one launch costs a GPU: instructions that its warps issue, bytes that it moves, products on tensor cores.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "bench/forecast/record.h"
#include "bench/forecast/sass.h"

namespace sec::forecast {

struct Cost {
  std::vector<double> issued;  // per instruction of the kernel, over all warps of the launch
  double instructions = 0;     // sum of the above
  double longest_warp = 0;     // instructions of the warp that issues most
  double flops = 0;            // of products on tensor cores, padding included
  double bytes = 0;            // of global memory: each sector that is read, and each that is written, once
  double stored_bytes = 0;     // by all threads
};

// Some items of a line of `count`, and how many of the line each stands for. The first, the last and one in between are
// looked at. If their values differ by more than 3 %, so are items between them, down to 1/64 of the line. The others
// count like the nearest one.
std::map<unsigned, double> sample(unsigned count, const std::function<double(unsigned)>& value);

// Executes some blocks of the launch (bench/forecast/machine.h) and infers the others: blocks with consecutive blockIdx.x
// are sampled by their instructions, and so are such rows along blockIdx.y. Every blockIdx.z is executed.
// Whether blocks read the same sectors (weights) or separate ones (activations) is inferred from the executed ones. No
// launch is said to read or write more of an arena block than its size. With `every_block` all blocks are executed.
Cost estimate(const Kernel& kernel, const RecordedLaunch& launch, bool every_block = false);

// Kernels by file and name.
using Kernels = std::map<std::pair<std::string, std::string>, Kernel>;

// Reads the .sass files of a folder. Throws Error if there are none.
Kernels read_kernels(const std::string& folder);

// The note "# nvcc V13.0.88" that tools/gpu_code --sass leaves in the file `compiler` of the folder.
std::string compiler_of(const std::string& folder);

// A text that is equal for launches with equal costs: kernel, grid and parameters, addresses aside.
std::string cost_key(const RecordedLaunch& launch);

}  // namespace sec::forecast

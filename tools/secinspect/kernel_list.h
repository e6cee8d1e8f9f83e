// The kernels behind the nodes of a page.
#pragma once

#include <string>
#include <vector>

#include "io/files/json.h"
#include "train/inspect/observe.h"

namespace sec::tools {

// The kernel of an operation on a device. The build writes the list, with line numbers, from kernels.txt.
struct KernelLine {
  std::string operation, device, kernel, source;
};
const std::vector<KernelLine>& kernel_lines();

// What bench_forecast predicts for the kernels of an operation in a training step of SE-ECGNet on an H200, in TF32, with
// batches of 64 recordings of 8 leads and 5000 samples: bench/results/forecast.tsv, read by the build.
struct KernelForecast {
  std::string operation, kernel;
  int launches;                           // in a step
  double issue_ms, memory_ms, tensor_ms;  // what each limit alone would take, all launches together
  double ms;                              // the forecast, all launches together
};
const std::vector<KernelForecast>& kernel_forecasts();

// Adds "kernels" to every node of page["nodes"], page["roofline"], and page["forecast"] for the operations of these nodes.
// A kernel has its bytes (each operand once) and floating point operations for one sample. `seconds` are the measured
// times on cpu, of the nodes behind the inputs; empty: not measured. Of cuda nothing is measured here: "bound_ms" is the
// least time that the data sheet of an H200 allows for the input of the page, and "bound" what limits it.
void add_kernels(const train::Observation& observation, const std::vector<double>& seconds, io::Json& page);

}  // namespace sec::tools

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

// Adds "kernels" to every node of page["nodes"], and page["roofline"]. A kernel has its bytes (each operand once) and
// floating point operations for one sample. `seconds` are the measured times on cpu, of the nodes behind the inputs;
// empty: not measured. Of cuda nothing is measured here: "bound_ms" is the least time that the data sheet of an H200
// allows, and "bound" what limits it.
void add_kernels(const train::Observation& observation, const std::vector<double>& seconds, io::Json& page);

}  // namespace sec::tools

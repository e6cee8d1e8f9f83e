// secinspect --kernel: a page about a kernel instead of a network.
#pragma once

#include <optional>

namespace sec::tools {

// If the first argument is --kernel, becomes the program kernel_lab, which is beside this one and writes the page. Its
// kernels are compiled with a call at every load and store, so they cannot be linked beside those of this program.
// --out FILE is its --trace FILE; all other arguments are its own. Returns the exit status if it cannot be started, and
// nothing if the first argument is another one.
std::optional<int> start_kernel_lab(int argc, char** argv);

}  // namespace sec::tools

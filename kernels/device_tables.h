// The tables of the devices that a build may lack. kernels/absent/ has, for each, a file that is linked in
// its place and throws Error.
#pragma once

#include "kernels/table.h"

namespace sec::kernels {

namespace cuda {
const Table& table();
}
namespace simt {
const Table& table();
}

}  // namespace sec::kernels

// The most that one core can do: fused multiply-adds between registers.
#pragma once

namespace sec {

// Runs a few ten thousand of them in vectors of the named instruction set, and returns the number of
// floating-point operations done.
namespace baseline {
double multiply_add();
}
namespace avx2 {
double multiply_add();
}
namespace avx512 {
double multiply_add();
}

}  // namespace sec

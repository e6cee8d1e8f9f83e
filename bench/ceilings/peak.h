// The most that one core can do: fused multiply-adds between registers, and copying past the caches.
#pragma once

#include <cstddef>

namespace sec {

struct Peak {
  // Runs a few ten thousand in vectors of the named instruction set, and returns the number of floating-point
  // operations done.
  double (*multiply_add)();
  // Copies `bytes`, a multiple of 64 at addresses of such, with stores that do not read what they overwrite,
  // where there are such.
  void (*copy)(char* to, const char* from, std::size_t bytes);
};

namespace baseline {
double multiply_add();
void copy(char* to, const char* from, std::size_t bytes);
}  // namespace baseline
namespace avx2 {
double multiply_add();
void copy(char* to, const char* from, std::size_t bytes);
}  // namespace avx2
namespace avx512 {
double multiply_add();
void copy(char* to, const char* from, std::size_t bytes);
}  // namespace avx512

Peak cpu_peak();  // of the instruction set in use

}  // namespace sec

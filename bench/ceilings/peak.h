// The peak rates of one core: fused multiply-adds between registers, and copying with streaming stores.
#pragma once

#include <cstddef>

namespace sec {

struct Peak {
  // Runs some ten thousand multiply-adds per vector register of the instruction set.
  // Returns the number of floating-point operations.
  double (*multiply_add)();
  // Copies `bytes`, a multiple of 64, between addresses that are multiples of 64.
  // Where the machine has streaming stores, uses them: they do not read the cache lines they overwrite.
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

Peak cpu_peak();  // the peak rates with the instruction set in use

}  // namespace sec

// The grid and block of a kernel launch, and the limits common to all supported GPUs.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace sec {

struct LaunchSize {
  std::array<unsigned, 3> grid;   // blocks along x, y, z
  std::array<unsigned, 3> block;  // threads of a block along x, y, z
  std::size_t dynamic_shared;     // bytes per block

  unsigned threads() const { return block[0] * block[1] * block[2]; }
  std::size_t blocks() const { return std::size_t{grid[0]} * grid[1] * grid[2]; }
  std::string text() const;  // "grid (3, 1, 1), block (128, 1, 1), 0 bytes of dynamic shared memory"
};

// Bytes of shared memory per block on every GPU from sm_80 on, and the part available without opting in.
constexpr std::size_t max_shared = 163 * 1024;
constexpr std::size_t max_static_shared = 48 * 1024;

// Throws Error, naming the kernel and the sizes, if the launch exceeds a limit.
void check_launch(const char* kernel, const LaunchSize& size);

// Extracts the kernel's name without namespaces, such as "relu<float>".
// The input is the __PRETTY_FUNCTION__ of a function template with the parameter `auto kernel`.
std::string kernel_name_in(std::string_view pretty_function);

// The number of blocks that cover `count` items if each block handles `per_block` items.
// Throws Error if the number exceeds the limit of a grid's x axis.
unsigned blocks_for(std::int64_t count, std::int64_t per_block);

}  // namespace sec

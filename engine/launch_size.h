// The shape of a kernel launch, and what all GPUs we build for accept.
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
  std::size_t dynamic_shared;     // bytes a block

  unsigned threads() const { return block[0] * block[1] * block[2]; }
  std::size_t blocks() const { return std::size_t{grid[0]} * grid[1] * grid[2]; }
  std::string text() const;  // "grid (3, 1, 1), block (128, 1, 1), 0 bytes of dynamic shared memory"
};

// Shared memory a block can have on every GPU from sm_80 on, and the part of it that needs no opting in.
constexpr std::size_t max_shared = 163 * 1024;
constexpr std::size_t max_static_shared = 48 * 1024;

// Throws Error, naming the kernel and the sizes, if no such grid can be launched.
void check_launch(const char* kernel, const LaunchSize& size);

// The kernel's name without namespaces, "relu<float>", from the text that __PRETTY_FUNCTION__ has in a
// function template whose parameter is `auto kernel`.
std::string kernel_name_in(std::string_view pretty_function);

// The blocks of `per_block` that cover `count` items, for one axis of a grid. Throws Error if they are more
// than a grid can have.
unsigned blocks_for(std::int64_t count, std::int64_t per_block);

}  // namespace sec

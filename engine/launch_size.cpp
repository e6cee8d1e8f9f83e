#include "engine/launch_size.h"

#include "engine/error.h"

namespace sec {

std::string LaunchSize::text() const {
  return fmt::format("grid ({}, {}, {}), block ({}, {}, {}), {} bytes of dynamic shared memory", grid[0],
                     grid[1], grid[2], block[0], block[1], block[2], dynamic_shared);
}

void check_launch(const char* kernel, const LaunchSize& size) {
  constexpr std::array<unsigned, 3> max_grid = {2147483647U, 65535U, 65535U};
  constexpr std::array<unsigned, 3> max_block = {1024U, 1024U, 64U};
  for (std::size_t axis = 0; axis < 3; ++axis) {
    require(size.grid[axis] >= 1 && size.grid[axis] <= max_grid[axis],
            "kernel {}, {}: expected 1 to {} blocks along {}", kernel, size.text(), max_grid[axis],
            "xyz"[axis]);
    require(size.block[axis] >= 1 && size.block[axis] <= max_block[axis],
            "kernel {}, {}: expected 1 to {} threads along {}", kernel, size.text(), max_block[axis],
            "xyz"[axis]);
  }
  require(size.threads() <= 1024, "kernel {}, {}: {} threads in a block, at most 1024 are possible", kernel,
          size.text(), size.threads());
  require(size.dynamic_shared <= max_shared, "kernel {}, {}: at most {} bytes of shared memory are possible",
          kernel, size.text(), max_shared);
}

std::string kernel_name_in(std::string_view pretty_function) {
  constexpr std::string_view before = "kernel = ";
  const std::size_t begin = pretty_function.find(before);
  const std::size_t end = pretty_function.find_first_of(";]", begin);
  if (begin == std::string_view::npos || end == std::string_view::npos) {
    return "?";
  }
  const std::string_view qualified =
      pretty_function.substr(begin + before.size(), end - begin - before.size());
  const std::size_t scope = qualified.substr(0, qualified.find('<')).rfind("::");
  // Copies the name and its template arguments, and drops the namespaces of the arguments, too.
  std::string name;
  std::size_t word = 0;  // position of the last word of `name`
  for (std::size_t i = scope == std::string_view::npos ? 0 : scope + 2; i < qualified.size(); ++i) {
    if (qualified.substr(i, 2) == "::") {
      name.resize(word);
      ++i;
      continue;
    }
    name += qualified[i];
    if (std::string_view("<, ").find(qualified[i]) != std::string_view::npos) {
      word = name.size();
    }
  }
  return name;
}

unsigned blocks_for(std::int64_t count, std::int64_t per_block) {
  const std::int64_t blocks = (count + per_block - 1) / per_block;
  require(blocks <= 2147483647, "launch: {} items need {} blocks of {}, a grid has at most 2147483647", count,
          blocks, per_block);
  return static_cast<unsigned>(blocks);
}

}  // namespace sec

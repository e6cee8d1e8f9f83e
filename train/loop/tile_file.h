// Tiles of convolutions (kernels/conv_tiles.h) as a TOML file, a line a shape. bench_tiles measures and
// writes it,
// --tiles reads it:
//
//   device = "NVIDIA H100 80GB HBM3"
//   measured = "..."
//   forward = [
//     {precision = "bf16", c_in = 32, ..., leads = 8, length = 2476, columns = 32, rows = 128},  # a note
//   ]
//   dgrad = [...]  # as forward, with `samples`, the batch
//   wgrad = [...]  # with `samples`, and part_tiles and most_blocks instead of columns and rows
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "kernels/conv_tiles.h"

namespace sec::train {

struct TileFile {
  std::string device;    // what model_of() says of it
  std::string measured;  // how, for readers
  kernels::TileChoices choices;
};

// Values that there are kernels for.
const std::vector<int>& tile_columns();
const std::vector<int>& tile_rows();
constexpr int most_part_tiles = 1024;
constexpr int most_wgrad_blocks = 65535;

// Whether tensor cores compute the task, and so whether there is a choice of rows.
bool on_tensor_cores(const kernels::ConvTask& task);

// Throws Error "FILE:LINE: ..." for whatever is no such file: unknown keys, tiles that no kernel has, a shape
// that is there twice.
TileFile read_tile_file(const std::filesystem::path& path);

// `note(task)` becomes the comment on its line.
std::string tile_file_text(const TileFile& file, const std::map<kernels::ConvTask, std::string>& notes);

// --tiles: from now on the device's convolutions take what the file says. Throws Error, also if it is the
// file of another device, or the device has none of these kernels.
void use_tile_file(const std::filesystem::path& path, Device device);

}  // namespace sec::train

// Tile sizes of convolutions (kernels/conv_tiles.h) as a TOML file with one line per shape.
// bench_tiles measures them and writes the file; --tiles reads it:
//
//   device = "NVIDIA H100 80GB HBM3"
//   measured = "..."
//   forward = [
//     {precision = "bf16", c_in = 32, ..., leads = 8, length = 2476, columns = 32, rows = 128},  # a note
//   ]
//   dgrad = [...]  # as forward, and with `samples`, the batch size
//   wgrad = [...]  # as dgrad, but with part_tiles and most_blocks instead of columns and rows
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "kernels/conv_tiles.h"

namespace sec::train {

struct TileFile {
  std::string device;    // the device model, as model_of() returns it
  std::string measured;  // how the tiles were measured, for human readers
  kernels::TileChoices choices;
};

// The tile sizes for which kernels exist.
const std::vector<int>& tile_columns();
const std::vector<int>& tile_rows();
constexpr int most_part_tiles = 1024;
constexpr int most_wgrad_blocks = 65535;

// Whether tensor cores compute the task. Only then is there a choice of rows.
bool on_tensor_cores(const kernels::ConvTask& task);

// Reads a tile file. Throws Error "FILE:LINE: ..."
// on malformed files, unknown keys, tile sizes without a kernel, and a shape that is listed twice.
TileFile read_tile_file(const std::filesystem::path& path);

// The text of a tile file. The note of a task becomes the comment on its line.
std::string tile_file_text(const TileFile& file, const std::map<kernels::ConvTask, std::string>& notes);

// Makes the device's convolutions use the tile sizes of the file (--tiles).
// Throws Error if the file cannot be read or is for another device, and if the device has no tiled kernels.
void use_tile_file(const std::filesystem::path& path, Device device);

}  // namespace sec::train

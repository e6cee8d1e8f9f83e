#include "kernels/conv_tiles.h"

#include <tuple>
#include <utility>

namespace sec::kernels {
namespace {

TileChoices choices;
std::set<ConvTask>* collected = nullptr;

auto key_of(const ConvTask& task) {
  const ConvShape& s = task.shape;
  return std::tuple(task.pass, task.arithmetic, s.n, s.l, s.h, s.c_in, s.c_out, s.k, s.stride, s.pad);
}

}  // namespace

bool operator<(const ConvTask& a, const ConvTask& b) {
  return key_of(a) < key_of(b);
}

ConvTask conv_task(ConvPass pass, Precision arithmetic, const ConvShape& shape) {
  ConvTask task{pass, arithmetic, shape};
  if (pass == ConvPass::forward) {
    task.shape.n = 0;
  }
  return task;
}

ConvTiles built_in_tiles(ConvPass pass, const ConvShape& shape, Precision arithmetic) {
  const std::int64_t channels = pass == ConvPass::dgrad ? shape.c_in : shape.c_out;
  // A block on tensor cores has up to 16 warps, and one per multiprocessor is enough. More parts are more sums to add.
  // The stem has one input channel. Its version on tensor cores (conv_stem.cu) ignores these tiles.
  const bool tensor = arithmetic != Precision::f32 && shape.c_in >= 8;
  const int columns = channels <= 32 ? 32 : 64;
  return {.columns = columns,
          .rows = most_tile_rows(columns),
          .part_tiles = 8,
          .most_blocks = tensor ? 128 : 1024};
}

ConvTiles tiles_for(const ConvTask& task) {
  if (collected != nullptr) {
    collected->insert(task);
  }
  const auto found = choices.find(task);
  return found != choices.end() ? found->second : built_in_tiles(task.pass, task.shape, task.arithmetic);
}

void use_tiles(TileChoices chosen) {
  choices = std::move(chosen);
}

void collect_conv_tasks(std::set<ConvTask>* tasks) {
  collected = tasks;
}

}  // namespace sec::kernels

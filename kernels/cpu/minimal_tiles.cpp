#include "kernels/cpu/minimal_tiles.h"

#include "kernels/operands.h"

namespace sec::kernels::cpu::SEC_ISA {

MinimalTiles minimal_tiles(const MinimalForm& form, std::int64_t h, const Share& share) {
  MinimalTiles t{form, ceil_div(share.size, form.outputs), 0, h};
  t.rows = share.samples * t.stored() * h;
  return t;
}

Shares minimal_shares(const MinimalForm& form, std::int64_t n, std::int64_t count, std::int64_t h,
                      std::int64_t in_channels) {
  // About 96 rows of tiles (eight register tiles); fewer with many channels.
  const std::int64_t most = std::max<std::int64_t>(131072 / (form.points * in_channels), 24);
  return shares_of(n, count, form.outputs, h, form.outputs * std::min<std::int64_t>(most, 96));
}

void transform_input(const MinimalTiles& t, const Source& in, std::int64_t phases, std::int64_t pad,
                     const Share& share, bool last, float* to, std::int64_t point) {
  const std::int64_t steps = ((t.stored() - 1) * t.form.outputs + t.form.points) * phases;
  const std::int64_t c = in.channels * phases;
  const std::int64_t folded_row = phases * in.row;
  const Scratch buffer(steps * in.row);
  const TransformFunction transform = transform_function(t.form, Transform::input);
  for (std::int64_t s = 0; s < share.samples; ++s) {
    const Part own{share.first * phases, last ? in.length : share.size * phases};
    const float* const x =
        padded_window(in, share.sample + s, share.first * phases - pad, steps, own, buffer.data());
    for (std::int64_t tile = 0; tile < t.stored(); ++tile) {
      const float* const from = x + tile * t.form.outputs * folded_row;
      float* const rows = to + (s * t.stored() + tile) * t.h * c;
      const auto run = [&](const float* one, float* y, std::int64_t count) {
        transform({one, folded_row, t.form.points, y, point, t.form.points}, count);
      };
      if (phases == 1) {
        run(from, rows, t.h * c);
        continue;
      }
      for (std::int64_t lead = 0; lead < t.h; ++lead) {
        for (std::int64_t phase = 0; phase < phases; ++phase) {
          run(from + phase * in.row + lead * in.channels, rows + lead * c + phase * in.channels, in.channels);
        }
      }
    }
  }
}

}  // namespace sec::kernels::cpu::SEC_ISA

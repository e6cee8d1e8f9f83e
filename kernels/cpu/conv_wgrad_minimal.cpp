// The gradient of convolution weights by minimal filtering: gw = G^T (sum over tiles of (B^T x)^T (A gy)).
// For each point this is a product of two tall matrices with a quarter of the rows.
#include "engine/parallel.h"
#include "kernels/cpu/convolution.h"
#include "kernels/cpu/isa.h"
#include "kernels/cpu/minimal_tiles.h"
#include "kernels/cpu/product.h"
#include "kernels/operands.h"

namespace sec::kernels::cpu::SEC_ISA {
namespace {

struct Wgrad {
  ConvShape shape;
  Source x;
  const float* gy;
  MinimalForm form;
  Shares shares;

  std::int64_t channels() const { return shape.stride * shape.c_in; }
  // Layout of transformed weights: (point, group, channel of a phase, output channel).
  std::int64_t group_size() const { return channels() * shape.c_out; }
  std::int64_t size() const { return form.points * form.groups * group_size(); }
  MinimalTiles tiles(const Share& share) const { return minimal_tiles(form, shape.h, share); }
};

// Transformed x and gy of one or more shares, (point, row, channel) each.
struct Transformed {
  float* x;
  float* gy;
  std::int64_t rows, x_point, gy_point;
};

void transform_gradient(const Wgrad& op, const Share& share, float* to, std::int64_t point) {
  const ConvShape& s = op.shape;
  const MinimalTiles t = op.tiles(share);
  const TransformFunction transform = transform_function(op.form, Transform::gradient);
  const std::int64_t row = s.h * s.c_out;
  for (std::int64_t i = 0; i < share.samples; ++i) {
    for (std::int64_t tile = 0; tile < t.stored(); ++tile) {
      // Gradients past the last output are zero, so the extra tiles that only later groups read add nothing.
      const std::int64_t step = tile * op.form.outputs;
      const std::int64_t present = std::clamp<std::int64_t>(share.size - step, 0, op.form.outputs);
      const float* const from =
          op.gy + ((share.sample + i) * s.l_out() + share.first + (present > 0 ? step : 0)) * row;
      transform({from, row, present, to + (i * t.stored() + tile) * row, point, op.form.points}, row);
    }
  }
}

void transform_share(const Wgrad& op, const Share& share, const Transformed& to, std::int64_t first_row) {
  const ConvShape& s = op.shape;
  transform_input(op.tiles(share), op.x, s.stride, s.pad, share, share.chunk == op.shares.chunks - 1,
                  to.x + first_row * op.channels(), to.x_point);
  transform_gradient(op, share, to.gy + first_row * s.c_out, to.gy_point);
}

// Computes the products of one point, group and panel of output channels.
// The products are added to `weights` if `adds`, otherwise they overwrite `weights`.
void add_products(const Wgrad& op, const Transformed& from, std::int64_t point, std::int64_t group,
                  std::int64_t panel, float* weights, bool adds) {
  const ConvShape& s = op.shape;
  const std::int64_t skipped = group * s.h;  // each group of taps reads one tile (h rows) further on
  Product product;
  product.x = from.x + point * from.x_point + skipped * op.channels();
  product.x_channel = 1;
  product.x_inner = op.channels();
  product.x_outer = 0;
  product.gy = from.gy + point * from.gy_point + panel * tile_columns;
  product.gy_inner = s.c_out;
  product.gy_outer = 0;
  product.gw = weights + (point * op.form.groups + group) * op.group_size() + panel * tile_columns;
  product.gw_channel = s.c_out;
  product.outer = 1;
  product.inner = from.rows - skipped;  // the remaining tiles have zero gradients
  product.columns = std::min<std::int64_t>(s.c_out - panel * tile_columns, tile_columns);
  product.adds = adds;
  add_product(product, op.channels());
}

// For few weights: the rows are split into partitions, each with its own sum of transformed weights.
// A partition's weights and tiles fit in the cache of one core.
void sum_by_partitions(const Wgrad& op, float* weights) {
  const ConvShape& s = op.shape;
  const std::int64_t tile_rows_in_all = s.n * ceil_div(s.l_out(), op.form.outputs) * s.h;
  const std::int64_t partitions =
      std::clamp<std::int64_t>(tile_rows_in_all / 512, 1, std::min<std::int64_t>(op.shares.size(), 16));
  const std::int64_t panels = ceil_div(s.c_out, tile_columns);
  const Scratch others((partitions - 1) * op.size());
  parallel_for(partitions, [&](std::int64_t index) {
    float* const sums = index == 0 ? weights : others.data() + (index - 1) * op.size();
    const Part part = part_of(op.shares.size(), partitions, index);
    for (std::int64_t i = part.first; i < part.first + part.size; ++i) {
      const Share share = op.shares[i];
      const MinimalTiles t = op.tiles(share);
      const Scratch x(op.form.points * t.point(op.channels()));
      // One extra row, because the products always read whole panels.
      const Scratch gy(op.form.points * t.point(s.c_out) + tile_columns);
      const Transformed both{x.data(), gy.data(), t.rows, t.point(op.channels()), t.point(s.c_out)};
      transform_share(op, share, both, 0);
      for (std::int64_t point = 0; point < op.form.points; ++point) {
        for (std::int64_t group = 0; group < op.form.groups; ++group) {
          for (std::int64_t panel = 0; panel < panels; ++panel) {
            add_products(op, both, point, group, panel, sums, i > part.first);
          }
        }
      }
    }
  });
  constexpr std::int64_t block = 4096;
  parallel_for(partitions == 1 ? 0 : ceil_div(op.size(), block), [&](std::int64_t b) {
    const std::int64_t end = std::min(op.size(), (b + 1) * block);
    for (std::int64_t partition = 1; partition < partitions; ++partition) {
      const float* const from = others.data() + (partition - 1) * op.size();
      for (std::int64_t e = b * block; e < end; ++e) {
        weights[e] += from[e];
      }
    }
  });
}

// For many weights: all threads transform a slab of rows, then they share the products by point and panel.
void sum_by_slabs(const Wgrad& op, float* weights) {
  const ConvShape& s = op.shape;
  constexpr std::int64_t slab_rows = 512;
  const std::int64_t panels = ceil_div(s.c_out, tile_columns);
  const std::int64_t units = op.form.points * op.form.groups * panels;
  for (std::int64_t first = 0; first < op.shares.size();) {
    std::int64_t rows = 0;
    std::int64_t end = first;
    while (end < op.shares.size() && (rows == 0 || rows < slab_rows)) {
      rows += op.tiles(op.shares[end]).rows;
      ++end;
    }
    const std::int64_t x_point = rows * op.channels() + 16;
    const std::int64_t gy_point = rows * s.c_out + 16;
    const Scratch x(op.form.points * x_point);
    const Scratch gy(op.form.points * gy_point + tile_columns);
    const Transformed both{x.data(), gy.data(), rows, x_point, gy_point};
    parallel_for(end - first, [&](std::int64_t i) {
      std::int64_t row = 0;
      for (std::int64_t before = first; before < first + i; ++before) {
        row += op.tiles(op.shares[before]).rows;
      }
      transform_share(op, op.shares[first + i], both, row);
    });
    parallel_for(units, [&](std::int64_t unit) {
      const std::int64_t point = unit / panels / op.form.groups;
      const std::int64_t group = unit / panels % op.form.groups;
      add_products(op, both, point, group, unit % panels, weights, first > 0);
    });
    first = end;
  }
}

}  // namespace

bool wgrad_is_minimal(const ConvShape& s) {
  return minimal_filtering() && ceil_div(s.k, s.stride) >= 3 && s.c_in % mark_elements == 0 &&
         s.c_out % mark_elements == 0 && s.n * s.l_out() * s.h >= 64;
}

void wgrad_minimally(const ConvShape& s, const Source& x, const float* gy, float* gw, float* gbias) {
  const MinimalForm form = minimal_form(ceil_div(s.k, s.stride), s.l_out());
  const Wgrad op{s, x, gy, form, minimal_shares(form, s.n, s.l_out(), s.h, s.stride * s.c_in + s.c_out)};
  const Scratch weights(op.size());
  constexpr std::int64_t few = 65536;  // 256 KiB: leaves room in L2 for the tiles of a share
  if (op.size() <= few) {
    sum_by_partitions(op, weights.data());
  } else {
    sum_by_slabs(op, weights.data());
  }
  const TransformFunction transform = transform_function(op.form, Transform::weights_back);
  parallel_for(op.channels(), [&](std::int64_t channel) {
    const std::int64_t phase = channel / s.c_in;
    for (std::int64_t group = 0; group < op.form.groups; ++group) {
      const std::int64_t tap = group * op.form.taps;
      const std::int64_t present =
          std::clamp<std::int64_t>(ceil_div(s.k - phase, s.stride) - tap, 0, op.form.taps);
      transform(
          {weights.data() + group * op.group_size() + channel * s.c_out, op.form.groups * op.group_size(),
           op.form.points, gw + (tap * op.channels() + channel) * s.c_out, op.group_size(), present},
          s.c_out);
    }
  });
  if (gbias != nullptr) {
    for (std::int64_t row = 0; row < s.n * s.l_out() * s.h; ++row) {
      for (std::int64_t c = 0; c < s.c_out; ++c) {
        gbias[c] += gy[row * s.c_out + c];
      }
    }
  }
}

}  // namespace sec::kernels::cpu::SEC_ISA

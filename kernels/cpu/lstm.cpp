// The LSTM recurrence. Each task runs all time steps of a few sequences.
// The sequences' states stay in L1, the weights in L2.
// The hidden units of each of the four parts are padded with zeros to whole vectors.
#include "engine/ranges.h"
#include "kernels/cpu/loops.h"
#include "kernels/cpu/parts.h"

namespace sec::kernels::cpu::SEC_ISA {
namespace {

constexpr std::int64_t rows = 4;  // sequences per group

struct Sizes {
  std::int64_t n, steps, hidden;
  std::int64_t padded;  // hidden units, rounded up to whole vectors
  std::int64_t groups;
  bool reverse;

  explicit Sizes(const LstmShape& s)
      : n(s.n),
        steps(s.steps),
        hidden(s.hidden),
        padded((s.hidden + width - 1) / width * width),
        groups((s.n + rows - 1) / rows),
        reverse(s.reverse) {}

  std::int64_t time(std::int64_t step) const { return reverse ? steps - 1 - step : step; }
  std::int64_t lanes(std::int64_t u) const { return std::min<std::int64_t>(width, hidden - u); }
  std::int64_t count(std::int64_t group) const { return std::min(rows, n - group * rows); }
};

F32 sigmoid_of(F32 v) {
  return 1.0F / (1.0F + exp(-v)) + select(v == v, F32{}, v);  // exp's clamp drops NaN; this term restores it
}

F32 tanh_of(F32 v) {
  return 1.0F - 2.0F / (1.0F + exp(2.0F * v)) + select(v == v, F32{}, v);
}

// to (rows, m) += from (rows, k) w (k, m), for `vectors` adjacent vectors of columns.
template <int vectors>
void add_columns(std::int64_t k, std::int64_t m, const float* from, const float* w, float* to) {
  F32 sum[rows][vectors];
  for (std::int64_t r = 0; r < rows; ++r) {
    for (int v = 0; v < vectors; ++v) {
      sum[r][v] = load(to + r * m + v * width);
    }
  }
  for (std::int64_t j = 0; j < k; ++j) {
    F32 weight[vectors];
    for (int v = 0; v < vectors; ++v) {
      weight[v] = load(w + j * m + v * width);
    }
    for (std::int64_t r = 0; r < rows; ++r) {
      for (int v = 0; v < vectors; ++v) {
        sum[r][v] += from[r * k + j] * weight[v];
      }
    }
  }
  for (std::int64_t r = 0; r < rows; ++r) {
    for (int v = 0; v < vectors; ++v) {
      store(to + r * m + v * width, sum[r][v]);
    }
  }
}

void add_product(std::int64_t k, std::int64_t m, const float* from, const float* w, float* to) {
  std::int64_t column = 0;
  for (; column + 2 * width <= m; column += 2 * width) {
    add_columns<2>(k, m, from, w + column, to + column);
  }
  if (column < m) {
    add_columns<1>(k, m, from, w + column, to + column);
  }
}

// Index of a weight in the padded matrix: from unit `from` to unit `to` of a part.
// Backward uses the transpose.
std::int64_t packed_index(const Sizes& s, std::int64_t from, std::int64_t part, std::int64_t to,
                          bool transposed) {
  return transposed ? (part * s.padded + to) * s.padded + from : from * 4 * s.padded + part * s.padded + to;
}

void pack(const Sizes& s, const float* w, bool transposed, float* packed) {
  std::fill(packed, packed + 4 * s.padded * s.padded, 0.0F);
  for (std::int64_t from = 0; from < s.hidden; ++from) {
    for (std::int64_t part = 0; part < 4; ++part) {
      for (std::int64_t to = 0; to < s.hidden; ++to) {
        packed[packed_index(s, from, part, to, transposed)] = w[(from * 4 + part) * s.hidden + to];
      }
    }
  }
}

void forward(Stream&, const LstmShape& shape, ConstSpan projected, ConstSpan w, ConstSpan bias, Span gates,
             Span cells, Span y) {
  const Range range("lstm.forward");
  check(shape.n >= 0 && shape.steps > 0 && shape.hidden > 0, "lstm.forward: expected extents of 1 or more");
  const Sizes s(shape);
  const std::int64_t cells_count = s.n * s.steps * s.hidden;
  const float* const input = floats(projected, 4 * cells_count, "lstm.forward: projected");
  const float* const weights = floats(w, 4 * s.hidden * s.hidden, "lstm.forward: w");
  const float* const offsets = floats(bias, 4 * s.hidden, "lstm.forward: bias");
  float* const kept_gates = floats_or_null(gates, 4 * cells_count, "lstm.forward: gates");
  float* const kept_cells = floats_or_null(cells, cells_count, "lstm.forward: cells");
  float* const to = floats(y, cells_count, "lstm.forward: y");
  const Scratch packed(4 * s.padded * s.padded);
  pack(s, weights, false, packed.data());
  const std::int64_t group_floats = rows * 6 * s.padded;
  const Scratch memory(std::max<std::int64_t>(s.groups, 1) * group_floats);
  parallel_for(s.groups, [&](std::int64_t group) {
    float* const parts = memory.data() + group * group_floats;  // (rows, 4, padded)
    float* const h = parts + rows * 4 * s.padded;               // (rows, padded)
    float* const c = h + rows * s.padded;                       // (rows, padded)
    std::fill(parts, parts + group_floats, 0.0F);
    for (std::int64_t step = 0; step < s.steps; ++step) {
      for (std::int64_t r = 0; r < s.count(group); ++r) {
        const std::int64_t cell = (group * rows + r) * s.steps + s.time(step);
        for (std::int64_t part = 0; part < 4; ++part) {
          for (std::int64_t u = 0; u < s.hidden; u += width) {
            const std::int64_t from = part * s.hidden + u;
            store(parts + (r * 4 + part) * s.padded + u,
                  load_lanes(input + cell * 4 * s.hidden + from, s.lanes(u)) +
                      load_lanes(offsets + from, s.lanes(u)));
          }
        }
      }
      add_product(s.padded, 4 * s.padded, h, packed.data(), parts);
      for (std::int64_t r = 0; r < s.count(group); ++r) {
        const std::int64_t cell = (group * rows + r) * s.steps + s.time(step);
        for (std::int64_t u = 0; u < s.hidden; u += width) {
          const float* const part = parts + r * 4 * s.padded + u;
          const F32 gate[] = {sigmoid_of(load(part)), sigmoid_of(load(part + s.padded)),
                              tanh_of(load(part + 2 * s.padded)), sigmoid_of(load(part + 3 * s.padded))};
          const F32 now = gate[1] * load(c + r * s.padded + u) + gate[0] * gate[2];
          const F32 out = gate[3] * tanh_of(now);
          // Padded units have zero pre-activations, and their outgoing weights are zero.
          store(c + r * s.padded + u, now);
          store(h + r * s.padded + u, out);
          store_lanes(to + cell * s.hidden + u, out, s.lanes(u));
          if (kept_cells != nullptr) {
            store_lanes(kept_cells + cell * s.hidden + u, now, s.lanes(u));
          }
          for (std::int64_t i = 0; i < 4 && kept_gates != nullptr; ++i) {
            store_lanes(kept_gates + (cell * 4 + i) * s.hidden + u, gate[i], s.lanes(u));
          }
        }
      }
    }
  });
}

void backward(Stream&, const LstmShape& shape, ConstSpan gy, ConstSpan w, ConstSpan gates, ConstSpan cells,
              Span gprojected) {
  const Range range("lstm.backward");
  check(shape.n >= 0 && shape.steps > 0 && shape.hidden > 0, "lstm.backward: expected extents of 1 or more");
  const Sizes s(shape);
  const std::int64_t cells_count = s.n * s.steps * s.hidden;
  const float* const gradient = floats(gy, cells_count, "lstm.backward: gy");
  const float* const weights = floats(w, 4 * s.hidden * s.hidden, "lstm.backward: w");
  const float* const gate = floats(gates, 4 * cells_count, "lstm.backward: gates");
  const float* const c = floats(cells, cells_count, "lstm.backward: cells");
  float* const to = floats(gprojected, 4 * cells_count, "lstm.backward: gprojected");
  const Scratch packed(4 * s.padded * s.padded);
  pack(s, weights, true, packed.data());
  const std::int64_t group_floats = rows * 6 * s.padded;
  const Scratch memory(std::max<std::int64_t>(s.groups, 1) * group_floats);
  parallel_for(s.groups, [&](std::int64_t group) {
    float* const gparts = memory.data() + group * group_floats;  // (rows, 4, padded)
    float* const gh = gparts + rows * 4 * s.padded;  // (rows, padded): gradient of h from the following step
    float* const gc = gh + rows * s.padded;          // (rows, padded): gradient of c, likewise
    std::fill(gparts, gparts + group_floats, 0.0F);
    for (std::int64_t step = s.steps - 1; step >= 0; --step) {
      for (std::int64_t r = 0; r < s.count(group); ++r) {
        const std::int64_t cell = (group * rows + r) * s.steps + s.time(step);
        const std::int64_t before = cell + (s.reverse ? 1 : -1);
        for (std::int64_t u = 0; u < s.hidden; u += width) {
          const std::int64_t lanes = s.lanes(u);
          const float* const kept = gate + cell * 4 * s.hidden + u;
          const F32 i = load_lanes(kept, lanes);
          const F32 f = load_lanes(kept + s.hidden, lanes);
          const F32 g = load_lanes(kept + 2 * s.hidden, lanes);
          const F32 o = load_lanes(kept + 3 * s.hidden, lanes);
          const F32 level = tanh_of(load_lanes(c + cell * s.hidden + u, lanes));
          const F32 old = step > 0 ? load_lanes(c + before * s.hidden + u, lanes) : F32{};
          const F32 dh = load_lanes(gradient + cell * s.hidden + u, lanes) + load(gh + r * s.padded + u);
          const F32 dc = load(gc + r * s.padded + u) + dh * o * (1.0F - level * level);
          store(gc + r * s.padded + u, dc * f);
          const F32 parts[] = {dc * g * (i * (1.0F - i)), dc * old * (f * (1.0F - f)),
                               dc * i * (1.0F - g * g), dh * level * (o * (1.0F - o))};
          for (std::int64_t part = 0; part < 4; ++part) {
            store(gparts + (r * 4 + part) * s.padded + u, parts[part]);
            store_lanes(to + (cell * 4 + part) * s.hidden + u, parts[part], lanes);
          }
        }
      }
      std::fill(gh, gh + rows * s.padded, 0.0F);
      add_product(4 * s.padded, s.padded, gparts, packed.data(), gh);
    }
  });
}

}  // namespace

LstmKernels lstm_kernels() {
  return {forward, backward};
}

}  // namespace sec::kernels::cpu::SEC_ISA

// How a block of conv_tensor.cu fills its shared memory: slices of the weights, and windows of x.
// Each thread always copies the same 16 bytes of a slice, and the same column of 16 bytes of a window.
// All addresses therefore advance by constants: the loops contain no division.
#pragma once

#include "kernels/cuda/conv_tensor_results.h"

namespace sec::kernels::SEC_BACKEND::tensor {

constexpr int chunk_bytes = 64;
constexpr int copying_threads = 128;  // of the weights; a fifth warp only copies windows

// Bytes per stage of the ring of weights. Its rows are input channels in forward, output channels in dgrad.
SEC_HOST_DEVICE constexpr int stage_bytes_of(int columns, int element, bool transposed) {
  return transposed ? columns * chunk_bytes : chunk_bytes / element * result_pitch(columns, element);
}

// This thread's copies of one (chunk, tap) slice of the weights after the other, in the order of the loop.
//   forward, bf16, 64 columns: 32 rows (i) of 8 pieces     dgrad: 64 rows (o) of 4 pieces (i)
//     row 0   threads   0 ...   7                            row 0   threads 0 ... 3, swizzled
//     row 15  threads 120 ... 127                            row 31  threads 124 ... 127
//     row 16  threads   0 ...   7, their second piece        row 32  threads 0 ... 3, their second piece
template <typename T, int tile_columns, bool transposed>
struct WeightCopies {
  static constexpr int element = static_cast<int>(sizeof(T));
  static constexpr int width = 16 / element;
  static constexpr int each = chunk_bytes / element;                    // input channels per chunk
  static constexpr int across = transposed ? 4 : tile_columns / width;  // pieces per row of the stage
  static constexpr int down = copying_threads / across;                 // rows that the block copies at once
  static constexpr int count = tile_columns * 4 / copying_threads;      // pieces per thread: 1 or 2
  static constexpr int row_bytes = transposed ? chunk_bytes : result_pitch(tile_columns, element);

  const TensorProblem& problem;
  const unsigned char* from;  // the thread's first piece of the current slice
  int to;                     // byte offset of the first piece in a stage
  int bytes[count];           // 16, or 0 for pieces that do not exist: they are zeros
  bool copies;                // whether this thread copies weights at all

  SEC_DEVICE WeightCopies(const TensorProblem& of, int first_column)
      : problem(of), copies(threads_of(tile_columns) == copying_threads || threadIdx.x < copying_threads) {
    const int row = static_cast<int>(threadIdx.x) / across;
    const int along = static_cast<int>(threadIdx.x) % across;
    const int o = first_out(first_column);
    to = transposed ? swizzled_offset(row, along) : row * row_bytes + along * 16;
    const std::int64_t tap_bytes = std::int64_t{problem.s.in_channels} * problem.s.out_channels * element;
    from = static_cast<const unsigned char*>(problem.w) + problem.s.first_tap * tap_bytes +
           (transposed ? o * problem.w_row_bytes + first_in() * element
                       : first_in() * problem.w_row_bytes + o * element);
    find_present(0, first_column);
  }

  // Channels of the first piece's first element, in the first chunk. Computed where needed: registers are scarce.
  SEC_DEVICE int first_in() const {
    const int thread = static_cast<int>(threadIdx.x);
    return transposed ? thread % across * width : thread / across;
  }
  SEC_DEVICE int first_out(int first_column) const {
    const int thread = static_cast<int>(threadIdx.x);
    return first_column + (transposed ? thread / across : thread % across * width);
  }
  SEC_DEVICE void find_present(int chunk, int first_column) {
    const ConvProblem& s = problem.s;
    const int i = chunk * each + first_in();
    const int o = first_out(first_column);
#pragma unroll
    for (int piece = 0; piece < count; ++piece) {
      const bool present = transposed ? i < s.in_channels && o + piece * down < s.out_channels
                                      : i + piece * down < s.in_channels && o < s.out_channels;
      bytes[piece] = present ? 16 : 0;
    }
  }
  // Starts the copies of a slice, and moves on to the next tap.
  SEC_DEVICE void copy_slice(unsigned char* stage) {
    if (copies) {
#pragma unroll
      for (int piece = 0; piece < count; ++piece) {
        cp_async<16>(stage + to + piece * down * row_bytes, from + piece * down * problem.w_row_bytes,
                     bytes[piece]);
      }
    }
    from += problem.tap_step;
  }
  // f32: rounds this thread's pieces of a stage, which have arrived, to TF32.
  SEC_DEVICE void round(unsigned char* stage) const {
    if (copies) {
#pragma unroll
      for (int piece = 0; piece < count; ++piece) {
        round_piece(reinterpret_cast<float*>(stage + to + piece * down * row_bytes));
      }
    }
  }
  // From past the last tap of a chunk to the first tap of `chunk`, the next.
  SEC_DEVICE void move_to_chunk(int chunk, int first_column) {
    from += problem.chunk_step;
    find_present(chunk, first_column);
  }
};

// Which row of x each row of a window contains. Rows are counted from the beginning of the block's first sample.
// Blocks of 64 columns always have a table, because they read it for each of many chunks. Blocks of 32 columns:
//   one sample   rows of the window are consecutive rows of x: row r contains row first + r
//   several      all have the same number of rows in the window; a table says which rows of x they contain
// Rows before the first time step of a sample and behind its last one are zeros.
SEC_HOST_DEVICE inline bool has_table(const TensorProblem& problem, int tile_columns) {
  return tile_columns == 64 || problem.samples > 1;
}

template <int tile_columns>
struct WindowRows {
  const TensorProblem& problem;
  int first;         // one sample: see above
  const int* table;  // (problem.window_rows), -1 for zeros

  // Writes the table to `memory` if there is one; uses then wait for a barrier.
  SEC_DEVICE WindowRows(const TensorProblem& p, std::int64_t first_sample, int first_step, int* memory)
      : problem(p), first((first_step * p.s.in_step - p.s.pad) * p.s.h), table(memory) {
    const int sample_rows = problem.window_steps * problem.s.h;
    for (int row = static_cast<int>(threadIdx.x);
         has_table(problem, tile_columns) && row < problem.window_rows; row += threads_of(tile_columns)) {
      const int sample = problem.samples > 1 ? row / sample_rows : 0;
      const int from = first + row - sample * sample_rows;
      const bool present = first_sample + sample < problem.s.n && from >= 0 && from < problem.x_rows;
      memory[row] = present ? sample * problem.x_rows + from : -1;
    }
  }

  // Calls use(row of x, or -1) for every `step`-th row of the window.
  template <int step, typename Use>
  SEC_DEVICE void each_row(int first_row, const Use& use) const {
    if (has_table(problem, tile_columns)) {
#pragma unroll 1
      for (int row = first_row; row < problem.window_rows; row += step) {
        use(table[row]);
      }
    } else {
#pragma unroll 1
      for (int row = first_row; row < problem.window_rows; row += step) {
        const int from = first + row;
        use(static_cast<unsigned>(from) < static_cast<unsigned>(problem.x_rows) ? from : -1);
      }
    }
  }
};

// This thread's part of every window: one piece of 16 bytes of every `row_step`-th row, of the same channels.
// With 128 threads:
//   row 0 ... 7    pieces of threads 0 ... 31, in the order of swizzled_offset
//   row 32 ... 39  the same threads' second pieces, in the same order, because it repeats every eight rows
// The thread copies its pieces, and activates them when they have arrived. No other thread writes them,
// so there is no barrier in between.
template <typename T, int tile_columns>
struct WindowPieces {
  static constexpr int width = 16 / static_cast<int>(sizeof(T));
  static constexpr int each = chunk_bytes / static_cast<int>(sizeof(T));  // channels of a window
  static constexpr int row_step = threads_of(tile_columns) / 4;
  static_assert(row_step % 8 == 0, "the order of pieces repeats every eight rows");

  WindowRows<tile_columns> rows;
  const unsigned char*
      x;  // the first row of the block's first sample, at the piece's channels of the next chunk to copy

  SEC_DEVICE WindowPieces(const WindowRows<tile_columns>& of_window, std::int64_t first_sample)
      : rows(of_window) {
    x = reinterpret_cast<const unsigned char*>(
        static_cast<const T*>(rows.problem.s.in) +
        first_sample * (std::int64_t{rows.problem.x_rows} * rows.problem.s.in_channels) + first_channel(0));
  }
  // Computed where needed: registers are scarce.
  SEC_DEVICE static int first_row() { return static_cast<int>(threadIdx.x) / 4; }
  SEC_DEVICE static int piece() { return static_cast<int>(threadIdx.x) % 4; }
  SEC_DEVICE static int to() {
    return swizzled_offset(first_row(), piece());
  }                                                      // bytes to the first piece in a window
  SEC_DEVICE static unsigned first_channel(int chunk) {  // of the piece
    return static_cast<unsigned>(chunk * each + piece() * width);
  }
  SEC_DEVICE unsigned channels() const { return static_cast<unsigned>(rows.problem.s.in_channels); }

  // Starts the copies of a window, and moves on to the next chunk of channels.
  SEC_DEVICE void copy(unsigned char* window, int chunk) {
    const unsigned row_bytes = channels() * static_cast<unsigned>(sizeof(T));
    const int bytes = first_channel(chunk) < channels() ? 16 : 0;
    unsigned char* place = window + to();
    rows.template each_row<row_step>(first_row(), [&](int source) {
      const auto from = static_cast<unsigned>(max(source, 0));
      cp_async<16>(place, x + std::uint64_t{from} * row_bytes, source >= 0 ? bytes : 0);
      place += row_step * chunk_bytes;
    });
    x += chunk_bytes;
  }

  // f32: rounds the pieces of a window, which have arrived, to TF32.
  SEC_DEVICE void round(unsigned char* window) const {
    unsigned char* place = window + to();
#pragma unroll 1
    for (int row = first_row(); row < rows.problem.window_rows; row += row_step) {
      round_piece(reinterpret_cast<float*>(place));
      place += row_step * chunk_bytes;
    }
  }

  // Activates the pieces of a chunk, after they have arrived. batch_norms: a table of all channels of x.
  SEC_DEVICE void activate(unsigned char* window, int chunk, std::int64_t first_sample,
                           const float* batch_norms) const {
    const unsigned first = first_channel(chunk);
    if (first >= channels()) {
      return;
    }
    const unsigned char* const dropout_mask = rows.problem.fusion.before.dropout_mask;
    if (dropout_mask != nullptr) {
      const std::int64_t of_sample = std::int64_t{rows.problem.x_rows} * (channels() / 8);
      activate_rows<true>(window, first, dropout_mask + first_sample * of_sample + first / 8, batch_norms);
    } else {
      activate_rows<false>(window, first, nullptr, batch_norms);
    }
  }

  template <bool dropout>
  SEC_DEVICE void activate_rows(unsigned char* window, unsigned first_channel, const unsigned char* mask,
                                const float* batch_norms) const {
    const auto batch_norm =
        read_batch_norm<width>(batch_norms, static_cast<int>(channels()), static_cast<int>(first_channel));
    const float keep = rows.problem.fusion.before.keep;
    const unsigned row_bits = channels() / 8;  // bytes of dropout's mask per row
    unsigned char* place = window + to();
    rows.template each_row<row_step>(first_row(), [&](int source) {
      if (source >= 0) {
        unsigned kept = 0xFFU;
        if constexpr (dropout) {
          kept = mask[std::uint64_t{static_cast<unsigned>(source)} * row_bits];
          kept = width == 8 ? kept : kept >> first_channel % 8;
        }
        activate_piece<dropout>(reinterpret_cast<T*>(place), batch_norm, kept, keep);
      }
      place += row_step * chunk_bytes;
    });
  }
};

}  // namespace sec::kernels::SEC_BACKEND::tensor

#include "kernels/cpu/slot_sums.h"

#include "kernels/cpu/loops.h"

namespace sec::kernels::cpu::SEC_ISA {
namespace {

constexpr std::int64_t lanes_at_once = 16;  // channels per inner loop

}  // namespace

void merge_statistics(const Shares& shares, std::int64_t h, std::int64_t channels, const float* slots,
                      float* mean, float* variance) {
  for_blocks(channels / lanes_at_once, shares.slots() * channels, [&](std::int64_t block) {
    double total_mean[lanes_at_once] = {};
    double total_squares[lanes_at_once] = {};
    double before = 0;
    for (std::int64_t slot = 0; slot < shares.slots(); ++slot) {
      const auto here = static_cast<double>(shares.steps_of(slot % shares.chunks) * h);
      const float* const from = slots + slot * 3 * channels + block * lanes_at_once;
      const double weight = here / (before + here);
      const double reciprocal = 1 / here;
      for (std::int64_t c = 0; c < lanes_at_once; ++c) {
        const double distance = from[channels + c];
        const double squares = from[2 * channels + c] - distance * distance * reciprocal;
        const double delta = from[c] + distance * reciprocal - total_mean[c];
        total_mean[c] += delta * weight;
        total_squares[c] += std::max(squares, 0.0) + delta * delta * before * weight;
      }
      before += here;
    }
    for (std::int64_t c = 0; c < lanes_at_once; ++c) {
      mean[block * lanes_at_once + c] = static_cast<float>(total_mean[c]);
      variance[block * lanes_at_once + c] = static_cast<float>(total_squares[c] / before);
    }
  });
}

void merge_means(const Shares& shares, std::int64_t h, std::int64_t channels, const float* slots,
                 float* means) {
  const double reciprocal = 1 / static_cast<double>(shares.count * h);
  for_blocks(shares.n, shares.slots() * channels, [&](std::int64_t sample) {
    for (std::int64_t first = 0; first < channels; first += lanes_at_once) {
      double sum[lanes_at_once] = {};
      for (std::int64_t chunk = 0; chunk < shares.chunks; ++chunk) {
        const float* const from = slots + (sample * shares.chunks + chunk) * 3 * channels + first;
        const auto rows = static_cast<double>(shares.steps_of(chunk) * h);
        for (std::int64_t c = 0; c < lanes_at_once; ++c) {
          sum[c] += from[c] * rows + from[channels + c];
        }
      }
      for (std::int64_t c = 0; c < lanes_at_once; ++c) {
        means[sample * channels + first + c] = static_cast<float>(sum[c] * reciprocal);
      }
    }
  });
}

void merge_sums(std::int64_t slots, std::int64_t channels, const float* from, double* sums) {
  for_blocks(2 * channels / lanes_at_once, slots * 2 * channels, [&](std::int64_t block) {
    double total[lanes_at_once] = {};
    for (std::int64_t slot = 0; slot < slots; ++slot) {
      for (std::int64_t c = 0; c < lanes_at_once; ++c) {
        total[c] += from[slot * 2 * channels + block * lanes_at_once + c];
      }
    }
    std::copy(total, total + lanes_at_once, sums + block * lanes_at_once);
  });
}

}  // namespace sec::kernels::cpu::SEC_ISA

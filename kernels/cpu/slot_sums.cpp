#include "kernels/cpu/slot_sums.h"

#include "engine/parallel.h"

namespace sec::kernels::cpu::SEC_ISA {
namespace {

constexpr std::int64_t lanes_at_once = 16;  // channels that are merged together

}  // namespace

void merge_statistics(const Shares& shares, std::int64_t h, std::int64_t channels, const float* slots,
                      float* mean, float* variance) {
  parallel_for(channels / lanes_at_once, [&](std::int64_t block) {
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
  parallel_for(shares.n, [&](std::int64_t sample) {
    for (std::int64_t c = 0; c < channels; ++c) {
      double sum = 0;
      for (std::int64_t chunk = 0; chunk < shares.chunks; ++chunk) {
        const float* const from = slots + (sample * shares.chunks + chunk) * 3 * channels + c;
        sum += from[0] * static_cast<double>(shares.steps_of(chunk) * h) + from[channels];
      }
      means[sample * channels + c] = static_cast<float>(sum / static_cast<double>(shares.count * h));
    }
  });
}

void merge_sums(std::int64_t slots, std::int64_t channels, const float* from, double* sums) {
  parallel_for(2 * channels / lanes_at_once, [&](std::int64_t block) {
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

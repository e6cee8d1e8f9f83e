// Adds up, in order and in double precision, what the stretches of a tensor left in their slots.
#pragma once

#include "kernels/cpu/correlation.h"

namespace sec::kernels::cpu::SEC_ISA {

// Mean and biased variance of each channel, from Finish::statistics (Chan, Golub & LeVeque 1983). Steps of
// `h` rows.
void merge_statistics(const Shares& shares, std::int64_t h, std::int64_t channels, const float* slots,
                      float* mean, float* variance);

// The mean of each sample and channel, (N, C).
void merge_means(const Shares& shares, std::int64_t h, std::int64_t channels, const float* slots,
                 float* means);

// sums[k * channels + c] = the sum of slots[s][k][c], for k in {0, 1}.
void merge_sums(std::int64_t slots, std::int64_t channels, const float* from, double* sums);

}  // namespace sec::kernels::cpu::SEC_ISA

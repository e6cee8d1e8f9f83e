// Adds up the sums that the blocks of a tensor left in their slots, in order and in double precision.
#pragma once

#include "kernels/cpu/correlation.h"

namespace sec::kernels::cpu::SEC_ISA {

// Mean and biased variance of each channel, from the slots of Finish::statistics; each step has `h` rows.
// Slots are merged as in Chan, Golub & LeVeque (1983).
void merge_statistics(const Shares& shares, std::int64_t h, std::int64_t channels, const float* slots,
                      float* mean, float* variance);

// The mean of each (sample, channel), (N, C), from the slots of Finish::statistics.
void merge_means(const Shares& shares, std::int64_t h, std::int64_t channels, const float* slots,
                 float* means);

// sums[k * channels + c] = the sum over s of slots[s][k][c], for k in {0, 1}.
void merge_sums(std::int64_t slots, std::int64_t channels, const float* from, double* sums);

}  // namespace sec::kernels::cpu::SEC_ISA

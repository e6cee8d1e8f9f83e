// Counter-based random numbers: Philox-4x32-10, from Salmon et al. 2011.
// A number is a pure function of (seed, step, operation, element).
// Every device, any number of threads and a resumed run therefore draw the same bits.
// The backward pass recomputes the dropout mask.
#pragma once

#include <cstdint>

#include "engine/host_device.h"

namespace sec {

// Selects a sequence of random numbers with one number per element.
struct RandomKey {
  std::uint64_t seed = 0;
  std::uint32_t step = 0;       // the training step
  std::uint32_t operation = 0;  // index of the consumer within the step
  // If not null, the step is read from this address in device memory.
  // A captured step then draws new numbers at every replay.
  const std::uint32_t* step_at = nullptr;
};

SEC_HOST_DEVICE inline std::uint32_t step_of(const RandomKey& key) {
  return key.step_at != nullptr ? *key.step_at : key.step;
}

struct PhiloxBlock {
  std::uint32_t word[4];
};

// The block of four words at counter (c0, c1, c2, c3) under a 64-bit key.
SEC_HOST_DEVICE inline PhiloxBlock philox(std::uint64_t key, std::uint32_t c0, std::uint32_t c1,
                                          std::uint32_t c2, std::uint32_t c3) {
  auto k0 = static_cast<std::uint32_t>(key);
  auto k1 = static_cast<std::uint32_t>(key >> 32);
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t p0 = std::uint64_t{0xD2511F53U} * c0;
    const std::uint64_t p1 = std::uint64_t{0xCD9E8D57U} * c2;
    c0 = static_cast<std::uint32_t>(p1 >> 32) ^ c1 ^ k0;
    c1 = static_cast<std::uint32_t>(p1);
    c2 = static_cast<std::uint32_t>(p0 >> 32) ^ c3 ^ k1;
    c3 = static_cast<std::uint32_t>(p0);
    k0 += 0x9E3779B9U;
    k1 += 0xBB67AE85U;
  }
  return {{c0, c1, c2, c3}};
}

// The four random words of elements 4 * group to 4 * group + 3.
SEC_HOST_DEVICE inline PhiloxBlock random_block(const RandomKey& key, std::uint64_t group) {
  return philox(key.seed, static_cast<std::uint32_t>(group), static_cast<std::uint32_t>(group >> 32),
                step_of(key), key.operation);
}

// Uniform in [0, 1). Uses the upper 24 bits, so every value is exact in f32 and equal on every device.
SEC_HOST_DEVICE inline float to_unit(std::uint32_t word) {
  return static_cast<float>(word >> 8) * 0x1p-24F;
}

SEC_HOST_DEVICE inline std::uint32_t random_word(const RandomKey& key, std::uint64_t element) {
  return random_block(key, element / 4).word[element % 4];
}

SEC_HOST_DEVICE inline float uniform(const RandomKey& key, std::uint64_t element) {
  return to_unit(random_word(key, element));
}

}  // namespace sec

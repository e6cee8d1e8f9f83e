// In what a network computes.
#pragma once

#include <cstdint>
#include <string_view>

#include "engine/device.h"
#include "engine/dtype.h"

namespace sec {

// Weights, their gradients, the optimizer, statistics, the linear head, the loss and all sums are f32 in
// each.
enum class Precision : std::uint8_t {
  f32,   // f32 throughout
  tf32,  // convolutions round their operands to 10 bits of mantissa, for tensor cores; storage is f32
  bf16,  // what layers hand on, and its gradients, is stored as bf16: 7 bits of mantissa and half the memory
};

std::string_view name_of(Precision precision);

// "f32", "tf32", "bf16", or "auto": tf32 on cuda, where products in f32 proper do not use the tensor cores,
// else f32. Throws Error for anything else, and for what the device does not compute in.
Precision parse_precision(std::string_view text, Device device);

// What the precision asks of a stream's convolutions (Stream::tf32) and of what layers hand on.
constexpr bool allows_tf32(Precision precision) {
  return precision == Precision::tf32;
}
constexpr DType activations_in(Precision precision) {
  return precision == Precision::bf16 ? DType::bf16 : DType::f32;
}

}  // namespace sec

// Arithmetic precision of a network.
#pragma once

#include <cstdint>
#include <string_view>

#include "engine/device.h"
#include "engine/dtype.h"

namespace sec {

// Weights, weight gradients, optimizer, statistics, linear head, loss and sums are f32 in every precision.
enum class Precision : std::uint8_t {
  f32,   // f32 throughout
  tf32,  // convolutions round operands to a 10-bit mantissa for tensor cores; storage is f32
  bf16,  // activations and their gradients are stored as bf16: 7-bit mantissa, half the memory
};

std::string_view name_of(Precision precision);

// Parses "f32", "tf32", "bf16" or "auto", which means tf32 on cuda (f32 cannot use tensor cores), else f32.
// Throws Error for any other text and for a precision that the device lacks.
Precision parse_precision(std::string_view text, Device device);

// The value of Stream::tf32 and the element type of activations in each precision.
constexpr bool allows_tf32(Precision precision) {
  return precision == Precision::tf32;
}
constexpr DType activations_in(Precision precision) {
  return precision == Precision::bf16 ? DType::bf16 : DType::f32;
}

}  // namespace sec

#include "kernels/operands.h"

namespace sec::kernels {
namespace {

template <typename T, typename AnySpan>
auto* elements(const AnySpan& operand, std::int64_t count, const char* what) {
  require(operand.count == count, "{}: expected {} elements, got {}", what, count, operand.count);
  return operand.template as<T>(what);
}

}  // namespace

const float* floats(ConstSpan operand, std::int64_t count, const char* what) {
  return elements<float>(operand, count, what);
}

float* floats(Span operand, std::int64_t count, const char* what) {
  return elements<float>(operand, count, what);
}

const std::int32_t* integers(ConstSpan operand, std::int64_t count, const char* what) {
  return elements<std::int32_t>(operand, count, what);
}

std::int32_t* integers(Span operand, std::int64_t count, const char* what) {
  return elements<std::int32_t>(operand, count, what);
}

const float* floats_or_null(ConstSpan operand, std::int64_t count, const char* what) {
  return operand.empty() ? nullptr : floats(operand, count, what);
}

float* floats_or_null(Span operand, std::int64_t count, const char* what) {
  return operand.empty() ? nullptr : floats(operand, count, what);
}

void check(bool condition, const char* what) {
  require(condition, "{}", what);
}

void check_index(std::int64_t index, std::int64_t count, const char* what) {
  require(index >= 0 && index < count, "{}: {} is outside [0, {})", what, index, count);
}

Scratch::Scratch(std::int64_t count)
    : storage_(allocate(Device::cpu, static_cast<std::size_t>(count) * sizeof(float))),
      data_(static_cast<float*>(storage_->data)) {}

Scratch::~Scratch() = default;

}  // namespace sec::kernels

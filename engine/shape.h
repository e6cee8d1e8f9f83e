// The extents of a tensor, outermost axis first. Activations are (N, L, H, C): sample, time, lead, channel.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>

namespace sec {

class Shape {
 public:
  static constexpr int max_rank = 4;

  Shape() = default;  // rank 0: one element
  // Throws Error on more than max_rank extents or a negative one.
  Shape(std::initializer_list<std::int64_t> extents) : Shape(std::span(extents.begin(), extents.size())) {}
  explicit Shape(std::span<const std::int64_t> extents);

  int rank() const { return rank_; }
  // A negative axis counts from the last axis. Throws Error if the axis is out of range.
  std::int64_t operator[](int axis) const;
  std::int64_t count() const;  // the number of elements
  std::span<const std::int64_t> extents() const { return {extents_.data(), static_cast<std::size_t>(rank_)}; }
  std::string text() const;  // such as "(64, 5000, 8, 1)"

  friend bool operator==(const Shape&, const Shape&) = default;

 private:
  std::array<std::int64_t, max_rank> extents_{};
  int rank_ = 0;
};

}  // namespace sec

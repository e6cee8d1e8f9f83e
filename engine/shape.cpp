#include "engine/shape.h"

#include <fmt/ranges.h>

#include "engine/error.h"

namespace sec {

Shape::Shape(std::span<const std::int64_t> extents) : rank_(static_cast<int>(extents.size())) {
  require(extents.size() <= max_rank, "shape: {} extents given, at most {} are supported", extents.size(),
          max_rank);
  for (int i = 0; i < rank_; ++i) {
    extents_[i] = extents[i];
    require(extents[i] >= 0, "shape {}: extent {} is negative", text(), i);
  }
}

std::int64_t Shape::operator[](int axis) const {
  const int i = axis < 0 ? axis + rank_ : axis;
  require(i >= 0 && i < rank_, "shape {}: there is no axis {}", text(), axis);
  return extents_[i];
}

std::int64_t Shape::count() const {
  std::int64_t product = 1;
  for (const std::int64_t extent : extents()) {
    product *= extent;
  }
  return product;
}

std::string Shape::text() const {
  return fmt::format("({})", fmt::join(extents(), ", "));
}

}  // namespace sec

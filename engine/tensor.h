// A tensor is a shape, an element type and a window into a shared block of memory.
// Copying a Tensor copies the handle only: copies and views share the block.
// Elements are contiguous and row-major.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "engine/dtype.h"
#include "engine/error.h"
#include "engine/memory.h"
#include "engine/shape.h"

namespace sec {

// What kernels receive: a pointer to elements of a known type. An empty span means an absent operand.
struct ConstSpan {
  const void* data = nullptr;
  DType type = DType::f32;
  std::int64_t count = 0;

  bool empty() const { return count == 0; }

  // The elements as T. Throws Error, naming `what`, if the element type is not T.
  template <typename T>
  const T* as(const char* what) const {
    require(type == dtype_of<T>::value, "{}: expected {} elements, got {}", what, name_of(dtype_of<T>::value),
            name_of(type));
    return static_cast<const T*>(data);
  }
};

struct Span {
  void* data = nullptr;
  DType type = DType::f32;
  std::int64_t count = 0;

  bool empty() const { return count == 0; }
  operator ConstSpan() const { return {data, type, count}; }

  template <typename T>
  T* as(const char* what) const {
    require(type == dtype_of<T>::value, "{}: expected {} elements, got {}", what, name_of(dtype_of<T>::value),
            name_of(type));
    return static_cast<T*>(data);
  }
};

class Tensor {
 public:
  Tensor() = default;  // undefined: holds no memory

  static Tensor empty(const Shape& shape, DType type, Device device);  // elements undefined
  static Tensor zeros(Stream& stream, const Shape& shape, DType type = DType::f32);
  // Copies host values to the stream's device. Throws Error unless their number equals the shape's count.
  static Tensor from(Stream& stream, const Shape& shape, std::span<const float> values);
  static Tensor from(Stream& stream, const Shape& shape, std::span<const std::int32_t> values);

  // Overwrites the elements in place with host values. Throws Error unless type and count are the same.
  void assign(Stream& stream, std::span<const float> values);
  void assign(Stream& stream, std::span<const std::int32_t> values);
  // Copies the elements of `source`, on any device. Throws Error unless type and count are the same.
  void copy_from(Stream& stream, const Tensor& source);
  // Sets all elements to zero.
  void zero(Stream& stream);

  bool defined() const { return storage_ != nullptr; }
  const Shape& shape() const { return shape_; }
  std::int64_t extent(int axis) const { return shape_[axis]; }
  std::int64_t count() const { return shape_.count(); }
  DType type() const { return type_; }
  Device device() const;

  // The same elements with another shape of equal count. The view shares memory with this tensor.
  Tensor view(const Shape& shape) const;
  // The range [begin, begin + count) of axis 0. The slice shares memory with this tensor.
  Tensor slice(std::int64_t begin, std::int64_t count) const;

  ConstSpan read() const;  // for kernels that read the elements
  Span write();            // for kernels that write the elements; increments version()

  std::vector<float> to_vector(Stream& stream) const;  // copies f32 or bf16 elements to the host

  Tensor clone(Stream& stream) const;  // a deep copy
  bool shares_memory() const { return storage_.use_count() > 1; }

  std::uint64_t version() const { return storage_ ? storage_->version : 0; }

 private:
  std::shared_ptr<Storage> storage_;
  Shape shape_;
  DType type_ = DType::f32;
  std::int64_t offset_ = 0;  // in elements
};

}  // namespace sec

#include "engine/tensor.h"

namespace sec {
namespace {

template <typename T>
void copy_from_host(Stream& stream, Tensor& tensor, std::span<const T> values) {
  require(static_cast<std::int64_t>(values.size()) == tensor.count(),
          "tensor from {} values: shape {} needs {}", values.size(), tensor.shape().text(), tensor.count());
  copy_bytes(stream, tensor.write().template as<T>("tensor from values"), tensor.device(), values.data(),
             Device::cpu, values.size_bytes());
}

}  // namespace

Tensor Tensor::empty(const Shape& shape, DType type, Device device) {
  Tensor tensor;
  tensor.storage_ = allocate(device, static_cast<std::size_t>(shape.count()) * size_of(type));
  tensor.shape_ = shape;
  tensor.type_ = type;
  return tensor;
}

Tensor Tensor::zeros(Stream& stream, const Shape& shape, DType type) {
  Tensor tensor = empty(shape, type, stream.device);
  tensor.zero(stream);
  return tensor;
}

Tensor Tensor::from(Stream& stream, const Shape& shape, std::span<const float> values) {
  Tensor tensor = empty(shape, DType::f32, stream.device);
  tensor.assign(stream, values);
  return tensor;
}

Tensor Tensor::from(Stream& stream, const Shape& shape, std::span<const std::int32_t> values) {
  Tensor tensor = empty(shape, DType::i32, stream.device);
  tensor.assign(stream, values);
  return tensor;
}

void Tensor::assign(Stream& stream, std::span<const float> values) {
  copy_from_host(stream, *this, values);
}

void Tensor::assign(Stream& stream, std::span<const std::int32_t> values) {
  copy_from_host(stream, *this, values);
}

void Tensor::copy_from(Stream& stream, const Tensor& source) {
  require(source.type_ == type_ && source.count() == count(), "copy: a tensor {} of {} to a tensor {} of {}",
          source.shape_.text(), name_of(source.type_), shape_.text(), name_of(type_));
  copy_bytes(stream, write().data, device(), source.read().data, source.device(),
             static_cast<std::size_t>(count()) * size_of(type_));
}

void Tensor::zero(Stream& stream) {
  const Span all = write();
  zero_bytes(stream, all.data, static_cast<std::size_t>(all.count) * size_of(type_));
}

Device Tensor::device() const {
  require(defined(), "tensor: no device, the tensor is undefined");
  return storage_->device;
}

Tensor Tensor::view(const Shape& shape) const {
  require(shape.count() == count(), "view: {} has {} elements, {} needs {}", shape_.text(), count(),
          shape.text(), shape.count());
  Tensor tensor = *this;
  tensor.shape_ = shape;
  return tensor;
}

Tensor Tensor::slice(std::int64_t begin, std::int64_t count) const {
  require(shape_.rank() > 0, "slice: a tensor of rank 0 has no axis to slice");
  require(begin >= 0 && count >= 0 && begin + count <= shape_[0], "slice: [{}, {}) is outside axis 0 of {}",
          begin, begin + count, shape_.text());
  std::vector<std::int64_t> extents(shape_.extents().begin(), shape_.extents().end());
  extents[0] = count;
  const std::int64_t row = shape_[0] > 0 ? shape_.count() / shape_[0] : 0;
  Tensor tensor = *this;
  tensor.shape_ = Shape(extents);
  tensor.offset_ += begin * row;
  return tensor;
}

ConstSpan Tensor::read() const {
  if (!defined()) {
    return {};
  }
  return {static_cast<const char*>(storage_->data) + offset_ * static_cast<std::int64_t>(size_of(type_)),
          type_, count()};
}

Span Tensor::write() {
  if (!defined()) {
    return {};
  }
  ++storage_->version;
  return {static_cast<char*>(storage_->data) + offset_ * static_cast<std::int64_t>(size_of(type_)), type_,
          count()};
}

Tensor Tensor::clone(Stream& stream) const {
  Tensor copy = empty(shape_, type_, device());
  copy.copy_from(stream, *this);
  return copy;
}

std::vector<float> Tensor::to_vector(Stream& stream) const {
  require(type_ != DType::i32, "to_vector: expected f32 or bf16 elements, got i32");
  std::vector<float> values(static_cast<std::size_t>(count()));
  if (type_ == DType::f32) {
    copy_bytes(stream, values.data(), Device::cpu, read().data, device(), values.size() * sizeof(float));
    return values;
  }
  std::vector<bf16> stored(values.size());
  copy_bytes(stream, stored.data(), Device::cpu, read().data, device(), stored.size() * sizeof(bf16));
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] = static_cast<float>(stored[i]);
  }
  return values;
}

}  // namespace sec

#include "kernels/peers/cudnn.h"

#include <limits>

namespace sec::kernels::peers {
namespace {

int extent(std::int64_t value) {
  require(value >= 0 && value <= std::numeric_limits<int>::max(),
          "kernels cudnn: an extent of {} is out of range", value);
  return static_cast<int>(value);
}

}  // namespace

const Cudnn& cudnn() {
  static const Cudnn functions;
  return functions;
}

void check(cudnnStatus_t status, const char* call, const std::string& operands) {
  require(status == CUDNN_STATUS_SUCCESS, "kernels cudnn: {}: {} ({})", call, cudnn().GetErrorString(status),
          operands);
}

cudnnHandle_t cudnn_on(const Stream& stream) {
  // The handle is never destroyed: when the last thread ends, the driver may already be unloaded.
  thread_local const cudnnHandle_t handle = [] {
    cudnnHandle_t created = nullptr;
    check(cudnn().Create(&created), "cudnnCreate", "no operands");
    return created;
  }();
  check(cudnn().SetStream(handle, static_cast<cudaStream_t>(stream.native)), "cudnnSetStream", "no operands");
  return handle;
}

cudnnDataType_t cudnn_type(DType type, const char* what) {
  require(type == DType::f32 || type == DType::bf16, "{}: expected f32 or bf16 elements, got {}", what,
          name_of(type));
  return type == DType::f32 ? CUDNN_DATA_FLOAT : CUDNN_DATA_BFLOAT16;
}

TensorDescriptor::TensorDescriptor(DType type, std::int64_t n, std::int64_t height, std::int64_t width,
                                   std::int64_t channels) {
  const auto operands =
      fmt::format("{} n {}, height {}, width {}, channels {}", name_of(type), n, height, width, channels);
  const int extents[] = {extent(n), extent(channels), extent(height), extent(width)};
  check(cudnn().CreateTensorDescriptor(&descriptor_), "cudnnCreateTensorDescriptor", operands);
  check(cudnn().SetTensor4dDescriptor(descriptor_, CUDNN_TENSOR_NHWC, cudnn_type(type, "kernels cudnn"),
                                      extents[0], extents[1], extents[2], extents[3]),
        "cudnnSetTensor4dDescriptor", operands);
}

TensorDescriptor::~TensorDescriptor() {
  cudnn().DestroyTensorDescriptor(descriptor_);
}

}  // namespace sec::kernels::peers

// NVIDIA's cuDNN 9, loaded at run time: its functions, descriptors and errors.
// Our layout (N, L, H, C) is cuDNN's NHWC, with time as height and leads as width.
#pragma once

#include <cudnn.h>

#include <cstdint>
#include <string>

#include "engine/library.h"
#include "engine/tensor.h"

namespace sec::kernels::peers {

// The cuDNN functions that are used here, named without the prefix "cudnn".
struct Cudnn {
  Library library{"kernels cudnn", "libcudnn.so.9"};
#define SEC_CUDNN(name) \
  decltype(::cudnn##name)* name = library.function<decltype(::cudnn##name)>("cudnn" #name)
  SEC_CUDNN(GetErrorString);
  SEC_CUDNN(GetVersion);
  SEC_CUDNN(Create);
  SEC_CUDNN(SetStream);
  SEC_CUDNN(CreateTensorDescriptor);
  SEC_CUDNN(SetTensor4dDescriptor);
  SEC_CUDNN(DestroyTensorDescriptor);
  SEC_CUDNN(CreateFilterDescriptor);
  SEC_CUDNN(SetFilter4dDescriptor);
  SEC_CUDNN(DestroyFilterDescriptor);
  SEC_CUDNN(CreateConvolutionDescriptor);
  SEC_CUDNN(SetConvolution2dDescriptor);
  SEC_CUDNN(SetConvolutionMathType);
  SEC_CUDNN(DestroyConvolutionDescriptor);
  SEC_CUDNN(CreatePoolingDescriptor);
  SEC_CUDNN(SetPooling2dDescriptor);
  SEC_CUDNN(DestroyPoolingDescriptor);
  SEC_CUDNN(FindConvolutionForwardAlgorithm);
  SEC_CUDNN(FindConvolutionBackwardDataAlgorithm);
  SEC_CUDNN(FindConvolutionBackwardFilterAlgorithm);
  SEC_CUDNN(GetConvolutionForwardAlgorithm_v7);
  SEC_CUDNN(GetConvolutionBackwardDataAlgorithm_v7);
  SEC_CUDNN(GetConvolutionBackwardFilterAlgorithm_v7);
  SEC_CUDNN(ConvolutionForward);
  SEC_CUDNN(ConvolutionBackwardData);
  SEC_CUDNN(ConvolutionBackwardFilter);
  SEC_CUDNN(BatchNormalizationForwardTraining);
  SEC_CUDNN(BatchNormalizationForwardInference);
  SEC_CUDNN(BatchNormalizationBackward);
  SEC_CUDNN(PoolingForward);
  SEC_CUDNN(PoolingBackward);
#undef SEC_CUDNN
};

// Loads the library at the first call. Throws Error if that fails.
const Cudnn& cudnn();

// The calling thread's handle, bound to the stream.
cudnnHandle_t cudnn_on(const Stream& stream);

// Throws Error "kernels cudnn: <call>: <status> (<operands>)" unless the call succeeded.
void check(cudnnStatus_t status, const char* call, const std::string& operands);

cudnnDataType_t cudnn_type(DType type, const char* what);  // throws Error unless f32 or bf16

// cuDNN's scaling factors: y = one * result + zero * y.
inline constexpr float one = 1;
inline constexpr float zero = 0;

// Descriptors, destroyed with the object. Throw Error for extents beyond 32 bits.
class TensorDescriptor {
 public:
  TensorDescriptor(DType type, std::int64_t n, std::int64_t height, std::int64_t width,
                   std::int64_t channels);
  ~TensorDescriptor();
  TensorDescriptor(const TensorDescriptor&) = delete;
  TensorDescriptor& operator=(const TensorDescriptor&) = delete;
  operator cudnnTensorDescriptor_t() const { return descriptor_; }  // NOLINT(google-explicit-constructor)

 private:
  cudnnTensorDescriptor_t descriptor_ = nullptr;
};

}  // namespace sec::kernels::peers

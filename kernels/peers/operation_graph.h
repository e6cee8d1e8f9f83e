// A graph of operations that cuDNN computes as a whole, by its graph API ("backend" API).
// Meaning and types of attributes: https://docs.nvidia.com/deeplearning/cudnn/latest/, cudnn_graph library.
#pragma once

#include <array>
#include <memory>
#include <utility>
#include <vector>

#include "kernels/cuda/conv_versions.h"
#include "kernels/peers/cudnn.h"

namespace sec::kernels::peers {

// The functions of the graph API, named without the prefix "cudnn". The same library has them.
struct CudnnGraphApi {
#define SEC_CUDNN(name) \
  decltype(::cudnn##name)* name = cudnn().library.function<decltype(::cudnn##name)>("cudnn" #name)
  SEC_CUDNN(BackendCreateDescriptor);
  SEC_CUDNN(BackendDestroyDescriptor);
  SEC_CUDNN(BackendFinalize);
  SEC_CUDNN(BackendSetAttribute);
  SEC_CUDNN(BackendGetAttribute);
  SEC_CUDNN(BackendExecute);
#undef SEC_CUDNN
};

// Throws Error if the library cannot be loaded or has no graph API.
const CudnnGraphApi& graph_api();

// A descriptor of the graph API, destroyed with the object. Methods throw Error with the status and `what`.
class BackendDescriptor {
 public:
  BackendDescriptor(cudnnBackendDescriptorType_t type, std::string what);
  ~BackendDescriptor();
  BackendDescriptor(BackendDescriptor&& other) noexcept;
  BackendDescriptor(const BackendDescriptor&) = delete;
  BackendDescriptor& operator=(const BackendDescriptor&) = delete;
  BackendDescriptor& operator=(BackendDescriptor&&) = delete;

  void set(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, std::int64_t count,
           const void* values);
  template <typename T>
  void set(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, const T& value) {
    set(name, type, 1, &value);
  }
  void set(cudnnBackendAttributeName_t name, const BackendDescriptor& other) {
    set(name, CUDNN_TYPE_BACKEND_DESCRIPTOR, other.native_);
  }
  void finalize();
  cudnnBackendDescriptor_t native() const { return native_; }

 private:
  cudnnBackendDescriptor_t native_ = nullptr;
  std::string what_;
};

class OperationGraph {
 public:
  using Tensor = std::int64_t;  // the identifier of a tensor of this graph

  // `what` begins error messages.
  explicit OperationGraph(std::string what) : what_(std::move(what)) {}

  // Activations (N, L, H, C). A virtual tensor is computed and used within the graph and needs no memory.
  enum class Memory { real, virtual_only };
  Tensor activations(cudnnDataType_t type, std::int64_t n, std::int64_t l, std::int64_t h, std::int64_t c,
                     Memory memory = Memory::real);
  Tensor channels(cudnnDataType_t type, std::int64_t c) { return activations(type, 1, 1, 1, c); }  // (C)
  Tensor filter(cudnnDataType_t type, const ConvShape& s);  // (Co, K, 1, Ci)

  // y = x + factor * b or y = x * b, with b (N, L, H, C) or (C).
  void add(Tensor x, Tensor b, Tensor y, float factor = 1);
  void multiply(Tensor x, Tensor b, Tensor y);
  void relu(Tensor x, Tensor y);
  void relu_backward(Tensor gy, Tensor x, Tensor gx);  // gx = x > 0 ? gy : 0
  // The two of x, w and y that the pass reads, and the third, which it computes.
  void conv(ConvPass pass, const ConvShape& s, Tensor x, Tensor w, Tensor y);
  void statistics(Tensor x, Tensor sum, Tensor sum_of_squares);  // sums over rows, (C)
  // What batch norm's backward pass needs of a batch, all (C): the gradients of gamma and beta, and a, b and c
  // of gx = a gy + b x + c.
  struct BatchNormSums {
    Tensor ggamma, gbeta, a, b, c;
  };
  void batch_norm_sums(Tensor x, Tensor gy, Tensor mean, Tensor inverse_deviation, Tensor gamma,
                       const BatchNormSums& to);

  // Asks cuDNN for engines, best first, and keeps the first one that supports the graph.
  // Throws Error if there is none.
  void plan(cudnnHandle_t handle);
  std::int64_t workspace_bytes() const { return workspace_bytes_; }
  // Runs the plan on the memory of all tensors that are not virtual.
  void run(cudnnHandle_t handle, const std::vector<std::pair<Tensor, void*>>& memory, void* workspace) const;

 private:
  BackendDescriptor& pointwise(cudnnPointwiseMode_t mode, Tensor x);
  BackendDescriptor make(cudnnBackendDescriptorType_t type) const { return {type, what_}; }
  const BackendDescriptor& of(Tensor tensor) const { return tensors_.at(static_cast<std::size_t>(tensor)); }
  Tensor add_tensor(cudnnDataType_t type, const std::array<std::int64_t, 4>& extents, Memory memory);
  bool try_plan(cudnnHandle_t handle, const BackendDescriptor& graph, cudnnBackendHeurMode_t mode);

  std::string what_;
  std::vector<BackendDescriptor> tensors_;
  std::vector<BackendDescriptor> parts_;  // descriptors that operations refer to
  std::vector<BackendDescriptor> operations_;
  std::vector<BackendDescriptor> configurations_;  // engines with their choices, in cuDNN's order
  std::unique_ptr<BackendDescriptor> graph_, plan_;
  std::int64_t workspace_bytes_ = 0;
};

}  // namespace sec::kernels::peers

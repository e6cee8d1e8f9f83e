// oneDNN's convolutions, to compare with ours. Built in if CMake found the library,
// which is Debian's libdnnl-dev or a newer release in a folder of CMAKE_PREFIX_PATH.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "kernels/cuda/conv_versions.h"

namespace sec {

// One prepared convolution, with operands in the layouts that oneDNN chose.
// The conversion to these layouts is not timed, as a network computed wholly by oneDNN would need none.
// This favours oneDNN: the time of our rows includes packing the weights at every call.
class DnnlConv {
 public:
  // Reads two of x (N, L, H, Ci), w (K, Ci, Co) and y (N, Lo, H, Co), all f32. The pass computes the third.
  DnnlConv(kernels::ConvPass pass, const kernels::ConvShape& shape, int threads, const float* x,
           const float* w, const float* y);
  ~DnnlConv();
  DnnlConv(const DnnlConv&) = delete;
  DnnlConv& operator=(const DnnlConv&) = delete;

  void run();
  std::vector<float> result();  // the result, in our layout

 private:
  struct State;
  std::unique_ptr<State> state_;
};

std::string dnnl_version();  // empty if oneDNN is not built in

}  // namespace sec

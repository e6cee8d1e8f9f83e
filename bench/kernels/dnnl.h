// oneDNN's own convolutions, to be set beside ours. Programs have them if CMake found the library; it is
// Debian's libdnnl-dev, or a newer one, which CMAKE_PREFIX_PATH names.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "kernels/cuda/conv_versions.h"

namespace sec {

// One convolution, prepared: its operands are in the layouts that oneDNN chose for it, and getting them there
// is not part of run(). That is as a whole network in oneDNN would have them, and kinder to it than to ours,
// which packs weights at every call.
class DnnlConv {
 public:
  // Reads two of x (N, L, H, Ci), w (K, Ci, Co), y (N, Lo, H, Co), which are f32; the third is the pass's
  // result.
  DnnlConv(kernels::ConvPass pass, const kernels::ConvShape& shape, int threads, const float* x,
           const float* w, const float* y);
  ~DnnlConv();
  DnnlConv(const DnnlConv&) = delete;
  DnnlConv& operator=(const DnnlConv&) = delete;

  void run();
  std::vector<float> result();  // in our layout

 private:
  struct State;
  std::unique_ptr<State> state_;
};

std::string dnnl_version();  // empty without the library

}  // namespace sec

// The functions of bench/kernels/dnnl.h for builds without oneDNN.
#include "bench/kernels/dnnl.h"
#include "engine/error.h"

namespace sec {

struct DnnlConv::State {};

DnnlConv::DnnlConv(kernels::ConvPass, const kernels::ConvShape&, int, const float*, const float*,
                   const float*) {
  fail("this program was built without oneDNN");
}
DnnlConv::~DnnlConv() = default;
void DnnlConv::run() {}
std::vector<float> DnnlConv::result() {
  return {};
}

std::string dnnl_version() {
  return "";
}

}  // namespace sec

// The convolutions of the network whose rates are measured, with L at 500 Hz for 10 s of 8 leads (a batch of
// 4) and for beats of 360 samples of 2 leads (a batch of 64); facts of the network: see model/.
#pragma once

#include <string>
#include <vector>

#include "kernels/conv.h"

namespace sec {

struct NamedConv {
  std::string name;
  kernels::ConvShape shape;
};

inline std::vector<NamedConv> conv_shapes() {
  const auto wide = [](std::int64_t l, std::int64_t k, std::int64_t stride) {
    return kernels::ConvShape{
        .n = 4, .l = l, .h = 8, .c_in = 32, .c_out = 32, .k = k, .stride = stride, .pad = k / 2};
  };
  const auto deep = [](std::int64_t n, std::int64_t l, std::int64_t c, std::int64_t k, std::int64_t stride) {
    return kernels::ConvShape{
        .n = n, .l = l, .h = 1, .c_in = c, .c_out = c, .k = k, .stride = stride, .pad = k / 2};
  };
  const auto beats = [](std::int64_t l, std::int64_t k, std::int64_t stride) {
    return kernels::ConvShape{
        .n = 64, .l = l, .h = 2, .c_in = 32, .c_out = 32, .k = k, .stride = stride, .pad = k / 2};
  };
  return {
      {"5000x8 stem 1-32 k50 s2", {.n = 4, .l = 5000, .h = 8, .c_in = 1, .c_out = 32, .k = 50, .stride = 2}},
      {"5000x8 trunk L2476 k15 s2", wide(2476, 15, 2)},
      {"5000x8 trunk L619 k15 s2", wide(619, 15, 2)},
      {"5000x8 trunk L2476 k1 s2", wide(2476, 1, 2)},
      {"5000x8 trunk L1238 k15 s1", wide(1238, 15, 1)},
      {"5000x8 branch L310 k3", wide(310, 3, 1)},
      {"5000x8 branch L310 k7", wide(310, 7, 1)},
      {"5000x8 branch C256 L310 k5 s2", deep(4, 310, 256, 5, 2)},
      {"5000x8 branch C256 L155 k5", deep(4, 155, 256, 5, 1)},
      {"5000x8 branch C256 L39 k5", deep(4, 39, 256, 5, 1)},
      {"5000x8 branch C256 L20 k7", deep(4, 20, 256, 7, 1)},
      {"360x2 stem 1-32 k50 s2", {.n = 64, .l = 360, .h = 2, .c_in = 1, .c_out = 32, .k = 50, .stride = 2}},
      {"360x2 trunk L156 k15 s2", beats(156, 15, 2)},
      {"360x2 branch L20 k5", beats(20, 5, 1)},
      {"360x2 branch C64 L20 k5 s2", deep(64, 20, 64, 5, 2)},
      {"360x2 branch C64 L10 k5", deep(64, 10, 64, 5, 1)},
      {"360x2 branch C64 L3 k7", deep(64, 3, 64, 7, 1)},
  };
}

}  // namespace sec

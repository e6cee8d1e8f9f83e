// The convolutions of the network that are measured, for two inputs: 8 leads of 10 s at 500 Hz, width 32;
// and the beats of recipes/mitdb-inter.toml, which have 4 channels of 144 samples, width 16.
// The network is in model/.
#pragma once

#include <string>
#include <vector>

#include "kernels/conv.h"

namespace sec {

struct NamedConv {
  std::string name;
  kernels::ConvShape shape;
};

// The shapes for the given batch sizes of the two inputs.
inline std::vector<NamedConv> conv_shapes(std::int64_t leads_batch, std::int64_t beats_batch) {
  struct Input {
    std::int64_t n, h, c;  // batch, leads, width
  };
  const Input leads{leads_batch, 8, 32};
  const Input beats{beats_batch, 4, 16};
  const auto stem = [](const Input& i, std::int64_t l) {
    return kernels::ConvShape{.n = i.n, .l = l, .h = i.h, .c_in = 1, .c_out = i.c, .k = 50, .stride = 2};
  };
  // `wide` convolves each lead separately; `deep` has the leads merged into the channels.
  const auto wide = [](const Input& i, std::int64_t l, std::int64_t k, std::int64_t stride) {
    return kernels::ConvShape{
        .n = i.n, .l = l, .h = i.h, .c_in = i.c, .c_out = i.c, .k = k, .stride = stride, .pad = k / 2};
  };
  const auto deep = [](const Input& i, std::int64_t l, std::int64_t k, std::int64_t stride) {
    const std::int64_t c = i.h * i.c;
    return kernels::ConvShape{
        .n = i.n, .l = l, .h = 1, .c_in = c, .c_out = c, .k = k, .stride = stride, .pad = k / 2};
  };
  return {
      {"5000x8 stem k50 s2", stem(leads, 5000)},
      {"5000x8 trunk L2476 k15 s2", wide(leads, 2476, 15, 2)},
      {"5000x8 trunk L619 k15 s2", wide(leads, 619, 15, 2)},
      {"5000x8 trunk L2476 k1 s2", wide(leads, 2476, 1, 2)},
      {"5000x8 branch L310 k3", wide(leads, 310, 3, 1)},
      {"5000x8 branch L310 k5", wide(leads, 310, 5, 1)},
      {"5000x8 branch L310 k7", wide(leads, 310, 7, 1)},
      {"5000x8 branch C256 L310 k5 s2", deep(leads, 310, 5, 2)},
      {"5000x8 branch C256 L155 k3", deep(leads, 155, 3, 1)},
      {"5000x8 branch C256 L155 k5", deep(leads, 155, 5, 1)},
      {"5000x8 branch C256 L155 k7", deep(leads, 155, 7, 1)},
      {"5000x8 branch C256 L39 k5", deep(leads, 39, 5, 1)},
      {"5000x8 branch C256 L20 k7", deep(leads, 20, 7, 1)},
      {"144x4 stem k50 s2", stem(beats, 144)},
      {"144x4 trunk L48 k15 s2", wide(beats, 48, 15, 2)},
      {"144x4 branch L6 k3", wide(beats, 6, 3, 1)},
      {"144x4 branch L6 k7", wide(beats, 6, 7, 1)},
      {"144x4 branch C64 L6 k5 s2", deep(beats, 6, 5, 2)},
      {"144x4 branch C64 L3 k3", deep(beats, 3, 3, 1)},
      {"144x4 branch C64 L2 k7", deep(beats, 2, 7, 1)},
  };
}

}  // namespace sec

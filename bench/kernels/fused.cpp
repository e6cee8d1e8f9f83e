#include "bench/kernels/fused.h"

#include "bench/kernels/floors.h"

namespace sec {
namespace {

constexpr float epsilon = 1e-5F;
constexpr float p = 0.2F;
constexpr RandomKey key{1, 2, 3};

}  // namespace

FusedConv::FusedConv(Stream& stream, const kernels::ConvShape& s, DType type)
    : shape_(s),
      type_(type),
      x_count_(s.n * s.l * s.h * s.c_in),
      y_count_(s.n * s.l_out() * s.h * s.c_out),
      x_(noise(stream, x_count_, type)),
      y_(noise(stream, y_count_, type)),
      gy_(noise(stream, y_count_, type)),
      gx_(noise(stream, x_count_, type)),
      normal_(noise(stream, x_count_, type)),
      active_(noise(stream, x_count_, type)),
      dropped_(noise(stream, x_count_, type)),
      w_(noise(stream, s.k * s.c_in * s.c_out, DType::f32)),
      gw_(noise(stream, s.k * s.c_in * s.c_out, DType::f32)),
      mean_(noise(stream, s.c_in, DType::f32)),
      variance_(noise(stream, s.c_in, DType::f32)),
      gamma_(noise(stream, s.c_in, DType::f32)),
      beta_(noise(stream, s.c_in, DType::f32)),
      ggamma_(noise(stream, s.c_in, DType::f32)),
      gbeta_(noise(stream, s.c_in, DType::f32)),
      passed_(Tensor::empty({(x_count_ + 31) / 32}, DType::i32, stream.device)),
      y_mean_(noise(stream, s.c_out, DType::f32)),
      y_variance_(noise(stream, s.c_out, DType::f32)),
      squeeze_(noise(stream, s.n * s.c_out, type)) {
  kernels::table(stream).batch_norm.statistics(stream, {x_count_ / s.c_in, s.c_in}, x_.read(), mean_.write(),
                                               variance_.write());
}

Tensor FusedConv::noise(Stream& stream, std::int64_t count, DType type) const {
  Tensor t = Tensor::empty({count}, DType::f32, stream.device);
  kernels::table(stream).pointwise.fill_uniform(stream, key, -1, 1, t.write());
  if (type == DType::f32) {
    return t;
  }
  Tensor rounded = Tensor::empty({count}, type, stream.device);
  kernels::table(stream).pointwise.cast(stream, t.read(), rounded.write());
  return rounded;
}

kernels::PreActivation FusedConv::before() const {
  return {mean_.read(), variance_.read(), gamma_.read(), beta_.read(), epsilon, p, key};
}

void FusedConv::forward(Stream& stream, const kernels::Table& kernels) {
  const kernels::PreActivationForward problem{.shape = shape_,
                                              .x = x_.read(),
                                              .before = before(),
                                              .w = w_.read(),
                                              .bias = {},
                                              .y = y_.write(),
                                              .activation_mask = passed_.write(),
                                              .mean = y_mean_.write(),
                                              .variance = y_variance_.write(),
                                              .squeeze = squeeze_.write()};
  kernels.pre_activation.forward_group(stream, {&problem, 1});
}

void FusedConv::backward(Stream& stream, const kernels::Table& kernels) {
  const kernels::PreActivationBackward problem{.shape = shape_,
                                               .x = x_.read(),
                                               .before = before(),
                                               .w = w_.read(),
                                               .activation_mask = passed_.read(),
                                               .gy = gy_.read(),
                                               .extra_gradient = {},
                                               .gx = gx_.write(),
                                               .gw = gw_.write(),
                                               .gbias = {},
                                               .ggamma = ggamma_.write(),
                                               .gbeta = gbeta_.write()};
  kernels.pre_activation.backward_group(stream, {&problem, 1});
}

void FusedConv::forward_unfused(Stream& stream, const kernels::Table& kernels, bool normalised) {
  const kernels::BatchNormShape rows{x_count_ / shape_.c_in, shape_.c_in};
  kernels.batch_norm.statistics(stream, rows, x_.read(), mean_.write(), variance_.write());
  if (!normalised) {
    kernels.batch_norm.apply(stream, rows, epsilon, x_.read(), mean_.read(), variance_.read(), gamma_.read(),
                             beta_.read(), normal_.write());
  }
  kernels.pointwise.relu(stream, normal_.read(), active_.write());
  kernels.pointwise.dropout(stream, p, key, active_.read(), dropped_.write());
  kernels.conv.forward(stream, shape_, dropped_.read(), w_.read(), {}, y_.write());
  kernels.pool.global_average(stream, {shape_.n, shape_.l_out() * shape_.h, shape_.c_out}, y_.read(),
                              squeeze_.write());
}

void FusedConv::backward_unfused(Stream& stream, const kernels::Table& kernels) {
  kernels.conv.wgrad(stream, shape_, dropped_.read(), gy_.read(), gw_.write(), {});
  kernels.conv.dgrad(stream, shape_, gy_.read(), w_.read(), gx_.write());
  kernels.pointwise.dropout(stream, p, key, gx_.read(), dropped_.write());
  kernels.pointwise.relu_backward(stream, normal_.read(), dropped_.read(), active_.write());
  kernels.batch_norm.backward(stream, {x_count_ / shape_.c_in, shape_.c_in}, epsilon, x_.read(),
                              active_.read(), mean_.read(), variance_.read(), gamma_.read(), gx_.write(),
                              ggamma_.write(), gbeta_.write());
}

void FusedConv::pass_unfused(Stream& stream, const kernels::Table& kernels, kernels::peers::FusedPass pass) {
  using kernels::peers::FusedPass;
  const kernels::BatchNormShape rows{x_count_ / shape_.c_in, shape_.c_in};
  if (pass == FusedPass::dgrad) {
    kernels.conv.dgrad(stream, shape_, gy_.read(), w_.read(), gx_.write());
    kernels.pointwise.relu_backward(stream, normal_.read(), gx_.read(), active_.write());
    kernels.batch_norm.backward(stream, rows, epsilon, x_.read(), active_.read(), mean_.read(),
                                variance_.read(), gamma_.read(), gx_.write(), ggamma_.write(),
                                gbeta_.write());
    return;
  }
  kernels.batch_norm.apply(stream, rows, epsilon, x_.read(), mean_.read(), variance_.read(), gamma_.read(),
                           beta_.read(), normal_.write());
  kernels.pointwise.relu(stream, normal_.read(), active_.write());
  if (pass == FusedPass::forward) {
    kernels.conv.forward(stream, shape_, active_.read(), w_.read(), {}, y_.write());
    kernels.batch_norm.statistics(stream, {y_count_ / shape_.c_out, shape_.c_out}, y_.read(), y_mean_.write(),
                                  y_variance_.write());
  } else {
    kernels.conv.wgrad(stream, shape_, active_.read(), gy_.read(), gw_.write(), {});
  }
}

Floor FusedConv::pass_floor(kernels::peers::FusedPass pass) const {
  using kernels::ConvPass;
  using kernels::peers::FusedPass;
  const auto bytes = static_cast<double>(size_of(type_));
  if (pass == FusedPass::dgrad) {  // also reads x, for the ReLU and for batch norm
    Floor floor = conv_floor(ConvPass::dgrad, shape_, bytes);
    floor.bytes += bytes * static_cast<double>(x_count_);
    return floor;
  }
  return conv_floor(pass == FusedPass::forward ? ConvPass::forward : ConvPass::wgrad, shape_, bytes);
}

Floor FusedConv::forward_floor() const {
  Floor floor = conv_floor(kernels::ConvPass::forward, shape_, static_cast<double>(size_of(type_)));
  floor.bytes += static_cast<double>(x_count_) / 8;
  return floor;
}

Floor FusedConv::backward_floor() const {
  const auto bytes = static_cast<double>(size_of(type_));
  const auto weights = static_cast<double>(shape_.k * shape_.c_in * shape_.c_out);
  return {conv_floor(kernels::ConvPass::dgrad, shape_, bytes).operations +
              conv_floor(kernels::ConvPass::wgrad, shape_, bytes).operations,
          (3 * bytes + 1.0 / 8) * static_cast<double>(x_count_) + 2 * bytes * static_cast<double>(y_count_) +
              3 * 4 * weights};
}

}  // namespace sec

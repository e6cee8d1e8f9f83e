#include <algorithm>
#include <iterator>

#include "tests/kernels/kernel_test.h"

namespace sec::kernels {
namespace {

struct ConvCase {
  const char* name;
  ConvShape shape;
};

// The network's layers with few samples and steps. Also shapes that the network never has:
// odd numbers of channels and steps, extents of one, short inputs, large strides, even kernels, wide padding.
const ConvCase cases[] = {
    {"stem", {.n = 2, .l = 331, .h = 8, .c_in = 1, .c_out = 32, .k = 50, .stride = 2}},
    {"stem of two leads", {.n = 3, .l = 180, .h = 2, .c_in = 1, .c_out = 32, .k = 50, .stride = 2}},
    {"trunk", {.n = 2, .l = 101, .h = 8, .c_in = 32, .c_out = 32, .k = 15, .stride = 2, .pad = 7}},
    {"trunk, even length",
     {.n = 1, .l = 100, .h = 3, .c_in = 32, .c_out = 32, .k = 15, .stride = 2, .pad = 7}},
    {"trunk, stride 1", {.n = 1, .l = 90, .h = 8, .c_in = 32, .c_out = 32, .k = 15, .stride = 1, .pad = 7}},
    {"downsample", {.n = 2, .l = 61, .h = 8, .c_in = 32, .c_out = 32, .k = 1, .stride = 2}},
    {"branch 2-D", {.n = 2, .l = 62, .h = 8, .c_in = 32, .c_out = 32, .k = 3, .stride = 1, .pad = 1}},
    {"branch 1-D, wide", {.n = 2, .l = 39, .h = 1, .c_in = 256, .c_out = 256, .k = 5, .stride = 1, .pad = 2}},
    {"branch 1-D, stride 2",
     {.n = 3, .l = 40, .h = 1, .c_in = 64, .c_out = 64, .k = 7, .stride = 2, .pad = 3}},
    {"1-D downsample", {.n = 2, .l = 39, .h = 1, .c_in = 96, .c_out = 96, .k = 1, .stride = 2}},
    {"12 leads", {.n = 1, .l = 20, .h = 1, .c_in = 384, .c_out = 384, .k = 3, .stride = 1, .pad = 1}},
    {"many rows", {.n = 5, .l = 1200, .h = 2, .c_in = 8, .c_out = 40, .k = 3, .stride = 1, .pad = 1}},
    {"many short samples", {.n = 70, .l = 9, .h = 1, .c_in = 24, .c_out = 20, .k = 3, .stride = 1, .pad = 1}},
    {"36 taps", {.n = 2, .l = 60, .h = 1, .c_in = 32, .c_out = 16, .k = 36}},
    {"17 taps, less padding",
     {.n = 2, .l = 50, .h = 1, .c_in = 16, .c_out = 16, .k = 17, .stride = 2, .pad = 2}},
    {"8 channels to 64", {.n = 2, .l = 41, .h = 1, .c_in = 8, .c_out = 64, .k = 15, .stride = 2, .pad = 7}},
    {"7 taps", {.n = 2, .l = 310, .h = 8, .c_in = 32, .c_out = 32, .k = 7, .stride = 1, .pad = 3}},
    {"7 taps, 16 channels",
     {.n = 9, .l = 10, .h = 4, .c_in = 16, .c_out = 16, .k = 7, .stride = 1, .pad = 3}},
    {"5 taps, stride 2, 48 channels",
     {.n = 2, .l = 37, .h = 2, .c_in = 48, .c_out = 16, .k = 5, .stride = 2, .pad = 2}},
    {"4 taps to 80", {.n = 3, .l = 21, .h = 1, .c_in = 16, .c_out = 80, .k = 4, .stride = 1, .pad = 0}},
    {"9 taps, stride 3", {.n = 2, .l = 52, .h = 2, .c_in = 32, .c_out = 48, .k = 9, .stride = 3, .pad = 1}},
    {"odd channels", {.n = 2, .l = 23, .h = 3, .c_in = 7, .c_out = 5, .k = 4, .stride = 1, .pad = 1}},
    {"odd channels, stride 3",
     {.n = 2, .l = 29, .h = 3, .c_in = 5, .c_out = 37, .k = 5, .stride = 3, .pad = 2}},
    {"one of everything", {.n = 1, .l = 1, .h = 1, .c_in = 1, .c_out = 1, .k = 1}},
    {"one channel, padded", {.n = 2, .l = 17, .h = 2, .c_in = 1, .c_out = 3, .k = 6, .stride = 2, .pad = 3}},
    {"one channel out", {.n = 2, .l = 13, .h = 2, .c_in = 33, .c_out = 1, .k = 3, .stride = 1, .pad = 1}},
    {"shorter than the kernel",
     {.n = 3, .l = 2, .h = 2, .c_in = 6, .c_out = 18, .k = 7, .stride = 1, .pad = 3}},
    {"shorter than the kernel, stride 2",
     {.n = 2, .l = 3, .h = 1, .c_in = 32, .c_out = 32, .k = 15, .stride = 2, .pad = 7}},
    {"padding wider than the kernel",
     {.n = 1, .l = 5, .h = 2, .c_in = 4, .c_out = 6, .k = 2, .stride = 1, .pad = 4}},
    {"stride beyond the kernel",
     {.n = 2, .l = 19, .h = 2, .c_in = 4, .c_out = 17, .k = 2, .stride = 5, .pad = 0}},
};

struct Operands {
  Values x, w, bias, gy, gw, gbias;
};

Operands operands_of(const ConvShape& s) {
  return {random_values(s.n * s.l * s.h * s.c_in, 1),
          random_values(s.k * s.c_in * s.c_out, 2),
          random_values(s.c_out, 3),
          random_values(s.n * s.l_out() * s.h * s.c_out, 4),
          random_values(s.k * s.c_in * s.c_out, 5),  // gw before wgrad adds to it
          random_values(s.c_out, 6)};
}

// The tolerance of a sum of `terms` products of numbers in [-1, 1] in f32.
// Rounding errors grow as a random walk over partial sums of about sqrt(terms) / 3.
// A typical error is therefore unit * terms / 3. Five times that is allowed.
double tolerance(std::int64_t terms) {
  return 2 * unit * static_cast<double>(terms + 8);
}

// The cpu device computes some shapes by minimal filtering.
// Its transforms add and subtract numbers larger than the result.
// Errors are up to 9 times those of the direct sum (docs/speed.md).
// `tolerance` allows five times the typical error of the direct sum.
double filter_errors(const Target& target, const ConvShape& s) {
  const bool minimal =
      target.device == Device::cpu && s.c_in % 16 == 0 && s.c_out % 16 == 0 && s.k > 2 * s.stride;
  return minimal ? 8 : 1;
}

class Conv : public Kernels {
 protected:
  std::vector<float> forward(const ConvShape& s, const Values& x, const Values& w, const Values& bias) {
    Tensor y = result(s.n * s.l_out() * s.h * s.c_out);
    kernels().conv.forward(stream(), s, tensor(x).read(), tensor(w).read(),
                           bias.empty() ? ConstSpan{} : tensor(bias).read(), y.write());
    return floats_of(y);
  }
  std::vector<float> dgrad(const ConvShape& s, const Values& gy, const Values& w) {
    Tensor gx = result(s.n * s.l * s.h * s.c_in);
    kernels().conv.dgrad(stream(), s, tensor(gy).read(), tensor(w).read(), gx.write());
    return floats_of(gx);
  }
  // Returns gw and gbias.
  std::vector<std::vector<float>> wgrad(const ConvShape& s, const Operands& op, bool with_bias = true) {
    Tensor gw = tensor(op.gw);
    Tensor gbias = tensor(op.gbias);
    kernels().conv.wgrad(stream(), s, tensor(op.x).read(), tensor(op.gy).read(), gw.write(),
                         with_bias ? gbias.write() : Span{});
    return {floats_of(gw), floats_of(gbias)};
  }
};

// The group contains all cases but the largest. Each convolution must have the same bits as ungrouped.
TEST_P(Conv, AGroupEqualsItsConvolutions) {
  struct Tensors {
    Tensor x, w, bias, gy, y, gx, gw, gbias;
  };
  std::vector<ConvCase> group;
  std::ranges::copy_if(cases, std::back_inserter(group),
                       [](const ConvCase& c) { return c.shape.macs() < 500'000; });
  EXPECT_GT(group.size(), 8U);  // more convolutions than one GPU launch takes
  std::vector<Tensors> tensors;
  std::vector<ConvForward> forwards;
  std::vector<ConvDgrad> dgrads;
  std::vector<ConvWgrad> wgrads;
  for (const auto& [name, s] : group) {
    const Operands op = operands_of(s);
    tensors.push_back({tensor(op.x), tensor(op.w), tensor(op.bias), tensor(op.gy),
                       result(s.n * s.l_out() * s.h * s.c_out), result(s.n * s.l * s.h * s.c_in),
                       tensor(op.gw), tensor(op.gbias)});
    Tensors& t = tensors.back();
    forwards.push_back({s, t.x.read(), t.w.read(), t.bias.read(), t.y.write()});
    dgrads.push_back({s, t.gy.read(), t.w.read(), t.gx.write()});
    wgrads.push_back({s, t.x.read(), t.gy.read(), t.gw.write(), t.gbias.write()});
  }
  kernels().conv.forward_group(stream(), forwards);
  kernels().conv.dgrad_group(stream(), dgrads);
  kernels().conv.wgrad_group(stream(), wgrads);
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    const auto& [name, s] = group[i];
    const Operands op = operands_of(s);
    EXPECT_EQ(floats_of(tensors[i].y), forward(s, op.x, op.w, op.bias)) << name;
    EXPECT_EQ(floats_of(tensors[i].gx), dgrad(s, op.gy, op.w)) << name;
    EXPECT_EQ((std::vector{floats_of(tensors[i].gw), floats_of(tensors[i].gbias)}), wgrad(s, op)) << name;
  }
  kernels().conv.forward_group(stream(), {});
  kernels().conv.dgrad_group(stream(), {});
  kernels().conv.wgrad_group(stream(), {});
}

TEST_P(Conv, EqualsTheReference) {
  for (const auto& [name, bound] : cases) {
    const ConvShape& s = bound;  // clang 14 cannot capture structured bindings in lambdas
    const Operands op = operands_of(s);
    const double errors = filter_errors(GetParam(), s);
    expect_close(forward(s, op.x, op.w, op.bias), reference::conv_forward(s, op.x, op.w, op.bias),
                 errors * tolerance(s.k * s.c_in), 2 * unit, std::string("forward, ") + name);
    expect_close(forward(s, op.x, op.w, {}), reference::conv_forward(s, op.x, op.w, {}),
                 errors * tolerance(s.k * s.c_in), 2 * unit, std::string("forward without bias, ") + name);
    expect_close(dgrad(s, op.gy, op.w), reference::conv_dgrad(s, op.gy, op.w),
                 errors * tolerance(s.k * s.c_out), 2 * unit, std::string("dgrad, ") + name);
    // The kernel adds to the old values.
    reference::ConvWgrad expected = reference::conv_wgrad(s, op.x, op.gy);
    for (std::size_t i = 0; i < op.gw.size(); ++i) {
      expected.gw[i] += op.gw[i];
    }
    for (std::size_t i = 0; i < op.gbias.size(); ++i) {
      expected.gbias[i] += op.gbias[i];
    }
    const auto got = wgrad(s, op);
    const std::int64_t rows = s.n * s.l_out() * s.h;
    expect_close(got[0], expected.gw, errors * tolerance(rows), 2 * unit, std::string("gw, ") + name);
    expect_close(got[1], expected.gbias, tolerance(rows), 2 * unit, std::string("gbias, ") + name);
    EXPECT_EQ(wgrad(s, op, false)[0], got[0]) << name << ": gw depends on whether gbias is asked for";
  }
}

// The accuracy of minimal filtering, as in the table of docs/speed.md:
// the root mean square error over 256 channels, relative to the root mean square of the outputs.
// Inputs are non-negative, as after a ReLU.
TEST_P(Conv, RoundingOfMinimalFiltering) {
  if (GetParam().device != Device::cpu) {
    GTEST_SKIP() << GetParam().name << " sums directly";
  }
  struct Form {
    std::int64_t k, l;  // the choice of 4 or 6 outputs per tile depends on l
    double bound;
  };
  for (const auto& [k, l, most] :
       {Form{3, 8, 1e-6}, Form{3, 48, 1.5e-6}, Form{4, 8, 1.5e-6}, Form{4, 48, 4.5e-6}, Form{5, 8, 1.5e-6},
        Form{5, 48, 5e-6}, Form{7, 48, 5e-6}, Form{15, 48, 2.5e-6}}) {
    const ConvShape s{.n = 1, .l = l + k - 1, .h = 1, .c_in = 256, .c_out = 32, .k = k};
    Values x = random_values(s.l * s.c_in, 1);
    std::ranges::transform(x, x.begin(), [](double v) { return std::max(v, 0.0); });
    const Values w = random_values(s.k * s.c_in * s.c_out, 2);
    const auto relative_error = [](const std::vector<float>& got, const Values& expected) {
      double errors = 0;
      for (std::size_t i = 0; i < expected.size(); ++i) {
        errors += (got[i] - expected[i]) * (got[i] - expected[i]);
      }
      return std::sqrt(errors / dot(expected, expected));
    };
    const double error = relative_error(forward(s, x, w, {}), reference::conv_forward(s, x, w, {}));
    EXPECT_LT(error, most) << k << " taps, " << l << " outputs";
    // The gradient of weights over 1200 rows: its sums have about as many terms as the forward pass above.
    const ConvShape many{.n = 25, .l = l + k - 1, .h = 1, .c_in = 16, .c_out = 16, .k = k};
    Operands op = operands_of(many);
    std::ranges::transform(op.x, op.x.begin(), [](double v) { return std::max(v, 0.0); });
    op.gw.assign(op.gw.size(), 0.0);
    EXPECT_LT(relative_error(wgrad(many, op)[0], reference::conv_wgrad(many, op.x, op.gy).gw), 2 * most)
        << k << " taps, " << l << " outputs";
    RecordProperty(fmt::format("taps_{}_outputs_{}", k, l), fmt::format("{:.1e}", error));
  }
}

TEST_P(Conv, GradientsEqualFiniteDifferences) {
  for (const auto& [name, bound] : cases) {
    const ConvShape& s = bound;  // clang 14 cannot capture structured bindings in lambdas
    if (s.n * s.macs() > 20'000'000) {
      continue;  // the reference takes seconds per pass; smaller cases cover these kinds of shapes
    }
    Operands op = operands_of(s);
    const double relative = 1e-5 * filter_errors(GetParam(), s);
    const auto loss = [&](const Values& x, const Values& w, const Values& bias) {
      return dot(op.gy, reference::conv_forward(s, x, w, bias));
    };
    expect_gradient(
        dgrad(s, op.gy, op.w), op.x, [&](const Values& x) { return loss(x, op.w, op.bias); },
        std::string("gx, ") + name, relative);
    op.gw.assign(op.gw.size(), 0.0);
    op.gbias.assign(op.gbias.size(), 0.0);
    const auto got = wgrad(s, op);
    expect_gradient(
        got[0], op.w, [&](const Values& w) { return loss(op.x, w, op.bias); }, std::string("gw, ") + name,
        relative);
    expect_gradient(
        got[1], op.bias, [&](const Values& bias) { return loss(op.x, op.w, bias); },
        std::string("gbias, ") + name);
  }
}

TEST_P(Conv, SamplesDoNotDependOnTheirBatch) {
  for (const auto& [name, bound] : cases) {
    const ConvShape& s = bound;  // clang 14 cannot capture structured bindings in lambdas
    const Operands op = operands_of(s);
    const std::vector<float> whole = forward(s, op.x, op.w, op.bias);
    const std::vector<float> whole_gx = dgrad(s, op.gy, op.w);
    ConvShape one = s;
    one.n = 1;
    std::vector<float> parts;
    std::vector<float> parts_gx;
    for (std::int64_t n = 0; n < s.n; ++n) {
      const auto part = [n, &s](const Values& v) {
        const auto size = static_cast<std::ptrdiff_t>(v.size()) / s.n;
        return Values(v.begin() + n * size, v.begin() + (n + 1) * size);
      };
      const auto y = forward(one, part(op.x), op.w, op.bias);
      parts.insert(parts.end(), y.begin(), y.end());
      const auto gx = dgrad(one, part(op.gy), op.w);
      parts_gx.insert(parts_gx.end(), gx.begin(), gx.end());
    }
    EXPECT_EQ(parts, whole) << name;
    EXPECT_EQ(parts_gx, whole_gx) << name;
  }
}

TEST_P(Conv, SameBitsForAnyNumberOfThreads) {
  for (const auto& [name, bound] : cases) {
    const ConvShape& s = bound;  // clang 14 cannot capture structured bindings in lambdas
    const Operands op = operands_of(s);
    expect_same_bits_for_any_threads(
        [&] {
          auto all = wgrad(s, op);
          all.push_back(forward(s, op.x, op.w, op.bias));
          all.push_back(dgrad(s, op.gy, op.w));
          return all;
        },
        name);
  }
}

TEST_P(Conv, RefusesOperandsThatDoNotFit) {
  const ConvShape s{.n = 2, .l = 10, .h = 2, .c_in = 3, .c_out = 4, .k = 3, .stride = 1, .pad = 1};
  const Operands op = operands_of(s);
  const auto expect_error = [](const auto& call, const std::string& text) {
    try {
      call();
      FAIL() << "expected an error with: " << text;
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()).find(text), std::string::npos) << error.what();
    }
  };
  expect_error([&] { forward(s, random_values(119, 1), op.w, op.bias); },
               "conv.forward: x: expected 120 elements, got 119");
  expect_error([&] { forward(s, op.x, random_values(35, 1), op.bias); }, "conv.forward: w: expected 36");
  expect_error([&] { dgrad(s, random_values(1, 1), op.w); }, "conv.dgrad: gy: expected 160");
  ConvShape longer = s;
  longer.k = 13;
  expect_error([&] { forward(longer, op.x, op.w, op.bias); }, "shorter than the kernel");
  Tensor half = Tensor::empty({120}, DType::bf16, GetParam().device);
  Tensor y = result(160);
  expect_error([&] { kernels().conv.forward(stream(), s, half.read(), tensor(op.w).read(), {}, y.write()); },
               "conv.forward: x: expected f32 elements, got bf16");
}

SEC_ON_ALL_TARGETS(Conv);

class Linear : public Kernels {};

TEST_P(Linear, EqualsTheReference) {
  for (const LinearShape s : {LinearShape{8, 768, 34}, LinearShape{3, 32, 2}, LinearShape{5, 2, 32},
                              LinearShape{1, 1, 1}, LinearShape{64, 194, 5}}) {
    const std::string name = fmt::format("{} x {} x {}", s.n, s.in, s.out);
    const Values x = random_values(s.n * s.in, 1);
    const Values w = random_values(s.in * s.out, 2);
    const Values bias = random_values(s.out, 3);
    const Values gy = random_values(s.n * s.out, 4);
    Tensor y = result(s.n * s.out);
    kernels().linear.forward(stream(), s, tensor(x).read(), tensor(w).read(), tensor(bias).read(), y.write());
    expect_close(floats_of(y), reference::linear_forward(s, x, w, bias), tolerance(s.in), 2 * unit, name);
    Tensor gx = result(s.n * s.in);
    kernels().linear.dgrad(stream(), s, tensor(gy).read(), tensor(w).read(), gx.write());
    expect_close(floats_of(gx), reference::linear_dgrad(s, gy, w), tolerance(s.out), 2 * unit, name + ", gx");
    Tensor gw = tensor(Values(w.size(), 1.0));
    Tensor gbias = tensor(Values(bias.size(), 1.0));
    kernels().linear.wgrad(stream(), s, tensor(x).read(), tensor(gy).read(), gw.write(), gbias.write());
    reference::ConvWgrad expected = reference::linear_wgrad(s, x, gy);
    for (double& v : expected.gw) {
      v += 1;
    }
    for (double& v : expected.gbias) {
      v += 1;
    }
    expect_close(floats_of(gw), expected.gw, tolerance(s.n), 2 * unit, name + ", gw");
    expect_close(floats_of(gbias), expected.gbias, tolerance(s.n), 2 * unit, name + ", gbias");
    expect_gradient(
        floats_of(gx), x, [&](const Values& v) { return dot(gy, reference::linear_forward(s, v, w, bias)); },
        name + ", gx");
  }
}

SEC_ON_ALL_TARGETS(Linear);

}  // namespace
}  // namespace sec::kernels

// Runs every kernel that has a barrier, at sizes that ThreadSanitizer can follow.
// There are at least two blocks if a second kernel adds up their results,
// and more iterations than a pipeline has stages.
// Built with ThreadSanitizer, these tests find missing barriers, even if no order of threads reveals them.
#include "kernels/cuda/conv_versions.h"
#include "tests/kernels/kernel_test.h"

namespace sec::kernels {
namespace {

class Races : public Kernels {
 protected:
  Tensor typed(const Values& values, DType type) {
    const Tensor as_f32 = tensor(values);
    Tensor t = Tensor::empty(as_f32.shape(), type, GetParam().device);
    kernels().pointwise.cast(stream(), as_f32.read(), t.write());
    return t;
  }
};

// The second shape is a stem: 270 tiles for 264 blocks, so that some blocks compute two.
TEST_P(Races, Conv) {
  const ConvVersions& versions =
      GetParam().device == Device::cuda ? cuda::conv_versions() : simt::conv_versions();
  const auto exact_in_bf16 = [](Values values) {
    for (double& v : values) {
      v = static_cast<float>(bf16(static_cast<float>(v)));
    }
    return values;
  };
  for (const ConvShape& s :
       {ConvShape{.n = 1, .l = 100, .h = 2, .c_in = 64, .c_out = 8, .k = 3, .stride = 1, .pad = 1},
        ConvShape{.n = 270, .l = 52, .h = 2, .c_in = 1, .c_out = 8, .k = 50, .stride = 2}}) {
    const Values x = exact_in_bf16(random_values(s.n * s.l * s.h * s.c_in, 1));
    const Values w = exact_in_bf16(random_values(s.k * s.c_in * s.c_out, 2));
    const Values gy = exact_in_bf16(random_values(s.n * s.l_out() * s.h * s.c_out, 3));
    const Values y = reference::conv_forward(s, x, w, {});
    const Values gx = reference::conv_dgrad(s, gy, w);
    const reference::ConvWgrad g = reference::conv_wgrad(s, x, gy);
    // The error of sums in f32: of 200 products in y and gx, of all positions in gw and gbias.
    const double positions = 2 * unit * static_cast<double>(s.n * s.l_out() * s.h);
    const bool stem = s.c_in == 1;
    for (int version = stem ? 5 : 1; version <= (stem ? 5 : 4); ++version) {
      for (const DType type : {DType::f32, DType::bf16}) {
        const std::string what = fmt::format("version {}, {}, ", version, sec::name_of(type));
        const Tensor x_in = typed(x, type);
        const Tensor w_in = tensor(w);
        const Tensor gy_in = typed(gy, type);
        Tensor y_out = typed(y, type);
        Tensor gx_out = typed(gx, type);
        Tensor gw_out = tensor(Values(w.size(), 0.0));
        Tensor gbias_out = tensor(Values(static_cast<std::size_t>(s.c_out), 0.0));
        const ConvForward forward{s, x_in.read(), w_in.read(), {}, y_out.write()};
        const ConvDgrad dgrad{s, gy_in.read(), w_in.read(), gx_out.write()};
        const ConvWgrad wgrad{s, x_in.read(), gy_in.read(), gw_out.write(), gbias_out.write()};
        versions.forward(stream(), version, {&forward, 1});
        versions.wgrad(stream(), version, {&wgrad, 1});
        // Results are stored with at least 8 bits.
        expect_close(floats_of(y_out), y, 400 * unit, 0x1.01p-8, what + "y");
        expect_close(floats_of(gw_out), g.gw, positions, 2 * unit, what + "gw");
        expect_close(floats_of(gbias_out), g.gbias, positions, 2 * unit, what + "gbias");
        if (version != 5) {  // it has no dgrad
          versions.dgrad(stream(), version, {&dgrad, 1});
          expect_close(floats_of(gx_out), gx, 400 * unit, 0x1.01p-8, what + "gx");
        }
      }
    }
  }
}

// Batch norm is the identity up to epsilon. Dropout draws its bits, but p is too small to drop an element.
// In TF32 and bf16 a product of 100 terms of at most 2 errs by about 2^-9 of each term.
TEST_P(Races, PreActivation) {
  const ConvShape s{.n = 2, .l = 40, .h = 2, .c_in = 32, .c_out = 48, .k = 3, .stride = 1, .pad = 1};
  const std::int64_t elements = s.n * s.l * s.h * s.c_in;
  const Values x = random_values(elements, 1);
  const Values w = random_values(s.k * s.c_in * s.c_out, 2);
  const Values gy = random_values(s.n * s.l * s.h * s.c_out, 3);
  const Tensor mean = tensor(Values(32, 0.0));
  const Tensor one = tensor(Values(32, 1.0));
  Values active = x;
  for (double& v : active) {
    v = std::max(v, 0.0);
  }
  const Values expected = reference::conv_forward(s, active, w, {});
  const auto moments = reference::batch_norm_statistics({s.n * s.l * s.h, s.c_out}, expected);
  const Values gw = reference::conv_wgrad(s, active, gy).gw;
  for (const auto& [type, tf32] :
       {std::pair{DType::f32, false}, std::pair{DType::f32, true}, std::pair{DType::bf16, false}}) {
    stream().tf32 = tf32;
    const double error = type == DType::bf16 ? 0x1p-4 : tf32 ? 0x1p-7 : 4e-5;
    const std::string what = fmt::format(", {}{}", sec::name_of(type), tf32 ? ", tf32" : "");
    const Tensor x_in = typed(x, type);
    const Tensor w_in = tensor(w);
    const Tensor gy_in = typed(gy, type);
    Tensor y = typed(expected, type);
    Tensor gx = typed(x, type);
    Tensor passed = tensor(Integers(static_cast<std::size_t>(elements / 32), -1));
    Tensor y_mean = result(s.c_out);
    Tensor y_variance = result(s.c_out);
    Tensor squeeze = typed(Values(static_cast<std::size_t>(s.n * s.c_out)), type);
    Tensor sums[3] = {tensor(Values(w.size(), 0.0)), tensor(Values(32, 0.0)), tensor(Values(32, 0.0))};
    const PreActivation before{mean.read(), one.read(), one.read(), mean.read(), 1e-12F, 1e-30F, {1, 2, 3}};
    const PreActivationForward forward{
        s,         x_in.read(),    before,         w_in.read(),        {},
        y.write(), passed.write(), y_mean.write(), y_variance.write(), squeeze.write()};
    kernels().pre_activation.forward_group(stream(), {&forward, 1});
    const PreActivationBackward backward{
        s,  x_in.read(), before,          w_in.read(), passed.read(),   gy_in.read(),
        {}, gx.write(),  sums[0].write(), {},          sums[1].write(), sums[2].write()};
    kernels().pre_activation.backward_group(stream(), {&backward, 1});
    expect_close(floats_of(y), expected, error, 0x1p-7, "y" + what);
    expect_close(floats_of(y_mean), moments.mean, error, 0, "mean" + what);
    expect_close(floats_of(y_variance), moments.variance, error, 0x1p-6, "variance" + what);
    expect_close(floats_of(sums[0]), gw, 8 * error, 0, "gw" + what);
  }
}

TEST_P(Races, BatchNorm) {
  const BatchNormShape s{600, 5};
  const Values x = random_values(s.rows * s.c, 1);
  const Values gy = random_values(s.rows * s.c, 2);
  const Values gamma = random_values(s.c, 3);
  Tensor mean = result(s.c);
  Tensor variance = result(s.c);
  kernels().batch_norm.statistics(stream(), s, tensor(x).read(), mean.write(), variance.write());
  expect_close(floats_of(variance), reference::batch_norm_statistics(s, x).variance, 0, 32 * unit,
               "variance");
  Tensor gx = result(s.rows * s.c);
  Tensor ggamma = tensor(Values(gamma.size(), 0.0));
  Tensor gbeta = tensor(Values(gamma.size(), 0.0));
  kernels().batch_norm.backward(stream(), s, 1e-5F, tensor(x).read(), tensor(gy).read(), mean.read(),
                                variance.read(), tensor(gamma).read(), gx.write(), ggamma.write(),
                                gbeta.write());
  // The error of sums of 600 terms of order one.
  const auto expected = reference::batch_norm_backward(s, 1e-5F, x, gy, gamma);
  expect_close(floats_of(ggamma), expected.ggamma, 1200 * unit, 0, "ggamma");
  expect_close(floats_of(gx), expected.gx, 1200 * unit, 0, "gx");
}

TEST_P(Races, SqueezeExcite) {
  const GateShape s{2, 600, 5};
  const Values x = random_values(s.n * s.positions * s.c, 1);
  const Values factor = random_values(s.n * s.c, 2);
  const Values gy = random_values(s.n * s.positions * s.c, 3);
  Tensor mean = result(s.n * s.c);
  kernels().pool.global_average(stream(), {s.n, s.positions, s.c}, tensor(x).read(), mean.write());
  expect_close(floats_of(mean), reference::global_average({s.n, s.positions, s.c}, x), 4 * unit, 0, "mean");
  Tensor gx = result(s.n * s.positions * s.c);
  Tensor ggate = result(s.n * s.c);
  kernels().pointwise.gate_backward(stream(), s, tensor(x).read(), tensor(factor).read(), tensor(gy).read(),
                                    gx.write(), ggate.write());
  expect_close(floats_of(ggate), reference::gate_backward(s, x, factor, gy).ggate, 1200 * unit, 0, "ggate");

  const LinearShape linear{2, 40, 5};
  const Values features = random_values(linear.n * linear.in, 4);
  const Values w = random_values(linear.in * linear.out, 5);
  Tensor y = result(linear.n * linear.out);
  kernels().linear.forward(stream(), linear, tensor(features).read(), tensor(w).read(), {}, y.write());
  expect_close(floats_of(y), reference::linear_forward(linear, features, w, Values(5, 0.0)), 80 * unit, 0,
               "linear");
}

TEST_P(Races, Residual) {
  const GateShape s{2, 600, 5};
  const Values x = random_values(s.n * s.positions * s.c, 1);
  const Values factor = random_values(s.n * s.c, 2);
  const Values shortcut = random_values(s.n * s.positions * s.c, 3);
  Tensor y = result(s.n * s.positions * s.c);
  Tensor mean = result(s.c);
  Tensor variance = result(s.c);
  kernels().residual.forward(stream(), {s, false, tensor(x).read(), tensor(factor).read(),
                                        tensor(shortcut).read(), y.write(), mean.write(), variance.write()});
  Values sum = reference::gate(s, x, factor);
  for (std::size_t e = 0; e < sum.size(); ++e) {
    sum[e] += shortcut[e];
  }
  expect_close(floats_of(y), sum, 4 * unit, 0, "y");
  const auto expected = reference::batch_norm_statistics({s.n * s.positions, s.c}, sum);
  expect_close(floats_of(variance), expected.variance, 0, 32 * unit, "variance");
  Tensor gshortcut = result(s.n * s.positions * s.c);
  Tensor ggate = result(s.n * s.c);
  kernels().residual.backward(stream(), {s, false, tensor(x).read(), y.read(), tensor(shortcut).read(),
                                         gshortcut.write(), ggate.write()});
  expect_close(floats_of(ggate), reference::gate_backward(s, x, factor, shortcut).ggate, 1200 * unit, 0,
               "ggate");
}

TEST_P(Races, Lstm) {
  const LstmShape s{9, 2, 33};  // two blocks
  const Values projected = random_values(s.n * s.steps * 4 * s.hidden, 1);
  const Values w = random_values(4 * s.hidden * s.hidden, 2, -0.2, 0.2);
  const Values bias = random_values(4 * s.hidden, 3);
  const Values gy = random_values(s.n * s.steps * s.hidden, 4);
  Tensor gates = result(s.n * s.steps * 4 * s.hidden);
  Tensor cells = result(s.n * s.steps * s.hidden);
  Tensor y = result(s.n * s.steps * s.hidden);
  kernels().lstm.forward(stream(), s, tensor(projected).read(), tensor(w).read(), tensor(bias).read(),
                         gates.write(), cells.write(), y.write());
  expect_close(floats_of(y), reference::lstm_forward(s, projected, w, bias).y, 80 * unit, 0, "y");
  Tensor gprojected = result(s.n * s.steps * 4 * s.hidden);
  kernels().lstm.backward(stream(), s, tensor(gy).read(), tensor(w).read(), gates.read(), cells.read(),
                          gprojected.write());
  expect_close(floats_of(gprojected), reference::lstm_backward(s, projected, w, bias, gy), 320 * unit, 0,
               "gprojected");
}

TEST_P(Races, Excite) {
  const ExciteShape s{2, 37, 9};
  const reference::ExciteValues weights{random_values(s.c * s.hidden, 1), random_values(s.hidden, 2),
                                        random_values(s.hidden * s.c, 3), random_values(s.c, 4)};
  const Tensor w[] = {tensor(weights.w1), tensor(weights.b1), tensor(weights.w2), tensor(weights.b2)};
  const ExciteWeights operands{w[0].read(), w[1].read(), w[2].read(), w[3].read()};
  const Values means = random_values(s.n * s.c, 5);
  const Values gfactors = random_values(s.n * s.c, 6);
  Tensor hidden = result(s.n * s.hidden);
  Tensor factors = result(s.n * s.c);
  kernels().excite.forward(stream(), {s, tensor(means).read(), operands, hidden.write(), factors.write()});
  expect_close(floats_of(factors), reference::excite_forward(s, means, weights), 80 * unit, 0, "factors");
  Tensor gmeans = result(s.n * s.c);
  Tensor g[] = {tensor(weights.w1), tensor(weights.b1), tensor(weights.w2), tensor(weights.b2)};
  kernels().excite.backward(stream(), {s,
                                       tensor(means).read(),
                                       operands,
                                       hidden.read(),
                                       factors.read(),
                                       tensor(gfactors).read(),
                                       gmeans.write(),
                                       {g[0].write(), g[1].write(), g[2].write(), g[3].write()}});
  expect_close(floats_of(gmeans), reference::excite_backward(s, means, weights, gfactors).gmeans, 160 * unit,
               0, "gmeans");
}

TEST_P(Races, LossesAndNorm) {
  const LossShape s{5, 3};
  const Values logits = random_values(s.n * s.classes, 1);
  const Integers labels{0, 1, 2, 1, 0};
  const Values targets{0, 1, 1, 0, 0, 0, 1, 1, 0, 1, 0, 1, 0, 0, 1};
  Tensor loss = result(1);
  Tensor g = result(s.n * s.classes);
  kernels().loss.softmax_cross_entropy(stream(), s, 0.1F, tensor(logits).read(), tensor(labels).read(), {},
                                       loss.write(), g.write());
  expect_close(floats_of(loss), {reference::softmax_cross_entropy(s, 0.1F, logits, labels, {}).loss}, 0,
               4 * unit, "cross entropy");
  kernels().loss.bce_with_logits(stream(), s, tensor(logits).read(), tensor(targets).read(), {}, loss.write(),
                                 g.write());
  expect_close(floats_of(loss), {reference::bce_with_logits(s, logits, targets, {}).loss}, 0, 4 * unit,
               "bce");
  kernels().loss.focal(stream(), s, 0.25F, 2, tensor(logits).read(), tensor(targets).read(), loss.write(),
                       g.write());
  expect_close(floats_of(loss), {reference::focal(s, 0.25, 2, logits, targets).loss}, 0, 4 * unit, "focal");

  const Values x = random_values(5001, 2);
  kernels().optimizer.sum_of_squares(stream(), tensor(x).read(), loss.write());
  expect_close(floats_of(loss), {dot(x, x)}, 0, 4 * unit, "sum of squares");
}

SEC_ON_ALL_TARGETS(Races);

}  // namespace
}  // namespace sec::kernels

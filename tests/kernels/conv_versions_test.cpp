// Tests every version of the convolution kernels, chosen by number, and groups of convolutions in one launch.
#include "kernels/cuda/conv_versions.h"

#include <limits>
#include <string_view>

#include "engine/simt/runtime.h"
#include "tests/kernels/kernel_test.h"

namespace sec::kernels {
namespace {

struct ConvCase {
  const char* name;
  ConvShape shape;
};

// Layers of the network with few samples and steps, and shapes that fill no tile.
// Channels are multiples of 8 in some cases only.
const ConvCase cases[] = {
    {"stem", {.n = 2, .l = 90, .h = 8, .c_in = 1, .c_out = 32, .k = 50, .stride = 2}},
    {"trunk", {.n = 2, .l = 41, .h = 8, .c_in = 32, .c_out = 32, .k = 15, .stride = 2, .pad = 7}},
    {"downsample", {.n = 1, .l = 31, .h = 8, .c_in = 32, .c_out = 32, .k = 1, .stride = 2}},
    {"branch 2-D, k 3", {.n = 1, .l = 39, .h = 8, .c_in = 32, .c_out = 32, .k = 3, .stride = 1, .pad = 1}},
    {"branch 2-D, k 7", {.n = 1, .l = 20, .h = 2, .c_in = 32, .c_out = 32, .k = 7, .stride = 1, .pad = 3}},
    {"branch 1-D, k 5", {.n = 3, .l = 20, .h = 1, .c_in = 64, .c_out = 64, .k = 5, .stride = 1, .pad = 2}},
    {"branch 1-D, stride 2",
     {.n = 8, .l = 39, .h = 1, .c_in = 64, .c_out = 64, .k = 7, .stride = 2, .pad = 3}},
    {"1-D downsample", {.n = 2, .l = 39, .h = 1, .c_in = 96, .c_out = 96, .k = 1, .stride = 2}},
    {"12 leads", {.n = 1, .l = 23, .h = 12, .c_in = 32, .c_out = 32, .k = 5, .stride = 1, .pad = 2}},
    {"more rows than a tile",
     {.n = 1, .l = 300, .h = 3, .c_in = 8, .c_out = 40, .k = 3, .stride = 1, .pad = 1}},
    {"many short samples", {.n = 70, .l = 9, .h = 1, .c_in = 24, .c_out = 16, .k = 3, .stride = 1, .pad = 1}},
    {"odd channels", {.n = 2, .l = 23, .h = 3, .c_in = 7, .c_out = 5, .k = 4, .stride = 1, .pad = 1}},
    {"stride 3", {.n = 2, .l = 29, .h = 3, .c_in = 8, .c_out = 16, .k = 5, .stride = 3, .pad = 2}},
    {"one of everything", {.n = 1, .l = 1, .h = 1, .c_in = 1, .c_out = 1, .k = 1}},
    {"shorter than the kernel",
     {.n = 2, .l = 3, .h = 1, .c_in = 32, .c_out = 32, .k = 15, .stride = 2, .pad = 7}},
    {"stride beyond the kernel", {.n = 2, .l = 19, .h = 2, .c_in = 8, .c_out = 8, .k = 2, .stride = 5}},
    {"8 channels to 64", {.n = 2, .l = 41, .h = 1, .c_in = 8, .c_out = 64, .k = 15, .stride = 2, .pad = 7}},
    {"stem, one lead", {.n = 2, .l = 1101, .h = 1, .c_in = 1, .c_out = 32, .k = 50, .stride = 2}},
    {"stem, 12 leads, 64 taps",
     {.n = 2, .l = 211, .h = 12, .c_in = 1, .c_out = 16, .k = 64, .stride = 2, .pad = 3}},
    {"stem, 33 taps, 72 channels",
     {.n = 3, .l = 133, .h = 3, .c_in = 1, .c_out = 72, .k = 33, .stride = 2, .pad = 16}},
};

// Numbers that are exact in bf16 and therefore in TF32. Rounding the operands changes nothing,
// and products are exact in f32, so only the rounding of sums remains.
Values short_values(std::int64_t count, std::uint32_t which) {
  Values values = random_values(count, which);
  for (double& v : values) {
    v = static_cast<float>(bf16(static_cast<float>(v)));
  }
  return values;
}

struct Operands {
  explicit Operands(const ConvShape& s)
      : x(short_values(s.n * s.l * s.h * s.c_in, 1)),
        w(short_values(s.k * s.c_in * s.c_out, 2)),
        bias(short_values(s.c_out, 3)),
        gy(short_values(s.n * s.l_out() * s.h * s.c_out, 4)) {}
  Values x, w, bias, gy;
};

struct Results {
  std::vector<float> y, gx, gw, gbias;
  friend bool operator==(const Results&, const Results&) = default;
};

// The tolerance of conv_test.cpp for sums of f32 products; a result stored as bf16 is off by up to 2^-8 more.
double absolute(std::int64_t terms) {
  return 2 * unit * static_cast<double>(terms + 8);
}
double relative(DType type) {
  return type == DType::bf16 ? 0x1.01p-8 : 2 * unit;
}

class ConvVersion : public Kernels {
 protected:
  const ConvVersions& versions() const {
    return GetParam().device == Device::cuda ? cuda::conv_versions() : simt::conv_versions();
  }
  Tensor typed(const Values& values, DType type) {
    Tensor as_f32 = tensor(values);
    if (type == DType::f32) {
      return as_f32;
    }
    Tensor t = Tensor::empty(as_f32.shape(), type, GetParam().device);
    kernels().pointwise.cast(stream(), as_f32.read(), t.write());
    return t;
  }
  Tensor unwritten(std::int64_t count, DType type) {
    return typed(Values(static_cast<std::size_t>(count), std::nan("")), type);
  }
  // Whether a version supports all passes that it has: version 5 has no dgrad.
  bool all_supported(int version, const ConvShape& s, DType type) const {
    return versions().supports(version, ConvPass::forward, s, type) &&
           versions().supports(version, ConvPass::dgrad, s, type) == (version != 5) &&
           versions().supports(version, ConvPass::wgrad, s, type);
  }

  // Runs all passes of several convolutions, each pass as one group. gx is empty if the version has no dgrad.
  std::vector<Results> run(int version, const std::vector<ConvShape>& shapes, DType type) {
    struct Tensors {
      Tensor x, w, bias, gy, y, gx, gw, gbias;
    };
    std::vector<Tensors> tensors;
    for (const ConvShape& s : shapes) {
      const Operands op(s);
      tensors.push_back({typed(op.x, type), tensor(op.w), tensor(op.bias), typed(op.gy, type),
                         unwritten(static_cast<std::int64_t>(op.gy.size()), type),
                         unwritten(static_cast<std::int64_t>(op.x.size()), type),
                         tensor(Values(op.w.size(), 1.0)), tensor(Values(op.bias.size(), 1.0))});
    }
    std::vector<ConvForward> forward;
    std::vector<ConvDgrad> dgrad;
    std::vector<ConvWgrad> wgrad;
    for (std::size_t i = 0; i < shapes.size(); ++i) {
      Tensors& t = tensors[i];
      forward.push_back({shapes[i], t.x.read(), t.w.read(), t.bias.read(), t.y.write()});
      dgrad.push_back({shapes[i], t.gy.read(), t.w.read(), t.gx.write()});
      wgrad.push_back({shapes[i], t.x.read(), t.gy.read(), t.gw.write(), t.gbias.write()});
    }
    versions().forward(stream(), version, forward);
    if (version != 5) {
      versions().dgrad(stream(), version, dgrad);
    }
    versions().wgrad(stream(), version, wgrad);
    std::vector<Results> results;
    for (const Tensors& t : tensors) {
      const std::vector<float> gx = version == 5 ? std::vector<float>() : floats_of(t.gx);
      results.push_back({floats_of(t.y), gx, floats_of(t.gw), floats_of(t.gbias)});
    }
    return results;
  }
};

TEST_P(ConvVersion, EqualsTheReference) {
  for (const auto& [name, s] : cases) {
    const Operands op(s);
    const Values y = reference::conv_forward(s, op.x, op.w, op.bias);
    const Values gx = reference::conv_dgrad(s, op.gy, op.w);
    reference::ConvWgrad g = reference::conv_wgrad(s, op.x, op.gy);
    for (double& v : g.gw) {
      v += 1;  // the kernel adds to the old values
    }
    for (double& v : g.gbias) {
      v += 1;
    }
    const std::int64_t rows = s.n * s.l_out() * s.h;
    for (const DType type : {DType::f32, DType::bf16}) {
      for (int version = 1; version <= ConvVersions::count; ++version) {
        if (!all_supported(version, s, type)) {
          continue;
        }
        const std::string what = fmt::format("version {}, {}, {}: ", version, sec::name_of(type), name);
        const Results got = run(version, {s}, type)[0];
        expect_close(got.y, y, absolute(s.k * s.c_in), relative(type), what + "y");
        expect_close(got.gx, version == 5 ? Values() : gx, absolute(s.k * s.c_out), relative(type),
                     what + "gx");
        expect_close(got.gw, g.gw, absolute(rows), 2 * unit, what + "gw");
        expect_close(got.gbias, g.gbias, absolute(rows), 2 * unit, what + "gbias");
      }
    }
  }
}

TEST_P(ConvVersion, VersionsComputeTheShapesOfTheNetwork) {
  for (const auto& [name, s] : cases) {
    for (const DType type : {DType::f32, DType::bf16}) {
      for (int version = 1; version <= 3; ++version) {
        EXPECT_TRUE(all_supported(version, s, type)) << name;
      }
      const std::int64_t whole = type == DType::f32 ? 4 : 8;  // channels per 16 bytes
      EXPECT_EQ(all_supported(4, s, type), s.c_in % whole == 0 && s.c_out % whole == 0) << name;
      EXPECT_EQ(all_supported(5, s, type), std::string_view(name).starts_with("stem")) << name;
    }
  }
  const ConvShape longest{
      .n = 64, .l = 2476, .h = 8, .c_in = 32, .c_out = 32, .k = 15, .stride = 2, .pad = 7};
  EXPECT_TRUE(all_supported(4, longest, DType::f32));
  EXPECT_TRUE(all_supported(4, longest, DType::bf16));
  EXPECT_THROW(run(4, {cases[0].shape}, DType::bf16), Error);  // version 4 does not support one input channel
  EXPECT_THROW(run(5, {cases[1].shape}, DType::f32), Error);   // version 5 supports no other
  EXPECT_THROW(run(6, {cases[1].shape}, DType::f32), Error);
}

// The three scales in one launch have the same bits as in three launches.
// With stride 3, dgrad has nine problems and needs two launches.
TEST_P(ConvVersion, AGroupEqualsItsConvolutions) {
  for (const std::int64_t stride : {1, 2, 3}) {
    std::vector<ConvShape> shapes;
    for (const std::int64_t k : {3, 5, 7}) {
      shapes.push_back(
          {.n = 2, .l = 21, .h = 2, .c_in = 32, .c_out = 32, .k = k, .stride = stride, .pad = k / 2});
    }
    shapes[1].l = 33;  // the shapes of a group may differ
    for (const DType type : {DType::f32, DType::bf16}) {
      for (int version = ConvVersions::best; version <= 4; ++version) {
        const std::vector<Results> grouped = run(version, shapes, type);
        for (std::size_t i = 0; i < shapes.size(); ++i) {
          EXPECT_EQ(grouped[i], run(version, {shapes[i]}, type)[0])
              << "version " << version << ", k = " << shapes[i].k << ", stride " << stride;
        }
      }
    }
  }
  const std::vector<ConvShape> stems = {cases[17].shape, cases[18].shape, cases[0].shape};
  for (const DType type : {DType::f32, DType::bf16}) {
    const std::vector<Results> grouped = run(5, stems, type);
    for (std::size_t i = 0; i < stems.size(); ++i) {
      EXPECT_EQ(grouped[i], run(5, {stems[i]}, type)[0]) << stems[i].k;
    }
  }
}

// Outputs and gradients of inputs keep their bits for any choice of tiles: each element is a separate sum.
// The tiles divide the sum for the weights' gradient into different parts.
TEST_P(ConvVersion, AnyTilesGiveTheSameBits) {
  const auto choose = [](const ConvShape& s, DType type, const ConvTiles& tiles) {
    TileChoices choices;
    for (const ConvPass pass : {ConvPass::forward, ConvPass::dgrad, ConvPass::wgrad}) {
      for (const Precision arithmetic : {Precision::f32, Precision::tf32, Precision::bf16}) {
        if (activations_in(arithmetic) == type) {
          choices[conv_task(pass, arithmetic, s)] = tiles;
        }
      }
    }
    use_tiles(choices);
  };
  for (const auto& [name, s] : cases) {
    const Operands op(s);
    reference::ConvWgrad g = reference::conv_wgrad(s, op.x, op.gy);
    for (double& v : g.gw) {
      v += 1;
    }
    for (const DType type : {DType::f32, DType::bf16}) {
      for (const int version : {3, 4}) {
        if (!all_supported(version, s, type)) {
          continue;
        }
        use_tiles({});
        const Results built_in = run(version, {s}, type)[0];
        for (const ConvTiles& tiles :
             {ConvTiles{32, 32, 1, 65535}, ConvTiles{64, 64, 2, 4}, ConvTiles{32, 96, 1000, 1}}) {
          choose(s, type, tiles);
          const std::string what = fmt::format("version {}, {}, {}, {} columns: ", version,
                                               sec::name_of(type), name, tiles.columns);
          const Results got = run(version, {s}, type)[0];
          EXPECT_EQ(got.y, built_in.y) << what;
          EXPECT_EQ(got.gx, built_in.gx) << what;
          expect_close(got.gw, g.gw, absolute(s.n * s.l_out() * s.h), 2 * unit, what + "gw");
        }
      }
    }
  }
  // A group whose convolutions use different tile widths (`columns`).
  std::vector<ConvShape> shapes = {cases[5].shape, cases[6].shape};
  use_tiles({});
  const std::vector<Results> built_in = run(4, shapes, DType::bf16);
  choose(shapes[0], DType::bf16, {32, 32, 8, 1024});
  EXPECT_EQ(run(4, shapes, DType::bf16), built_in);
  use_tiles({});
}

// By default the kernels use tensor cores for bf16, and for f32 if the stream allows TF32.
// Otherwise they use version 3, which is exact.
TEST_P(ConvVersion, TheChoiceFollowsTypeAndStream) {
  const ConvShape s = cases[1].shape;
  EXPECT_EQ(run(ConvVersions::best, {s}, DType::bf16), run(4, {s}, DType::bf16));
  EXPECT_EQ(run(ConvVersions::best, {s}, DType::f32), run(3, {s}, DType::f32));
  stream().tf32 = true;
  EXPECT_EQ(run(ConvVersions::best, {s}, DType::f32), run(4, {s}, DType::f32));
  const ConvShape odd = cases[11].shape;
  EXPECT_EQ(run(ConvVersions::best, {odd}, DType::f32), run(3, {odd}, DType::f32));
  const ConvShape stem = cases[0].shape;
  const auto y_and_gw = [&](int version, DType type) {
    const Results got = run(version, {stem}, type)[0];
    return std::pair(got.y, got.gw);
  };
  EXPECT_EQ(y_and_gw(ConvVersions::best, DType::f32), y_and_gw(5, DType::f32));
  stream().tf32 = false;
  EXPECT_EQ(y_and_gw(ConvVersions::best, DType::f32), y_and_gw(3, DType::f32));
  EXPECT_EQ(y_and_gw(ConvVersions::best, DType::bf16), y_and_gw(5, DType::bf16));
}

// The stem's 50 taps are padded to 64. A value that is not finite reaches only the outputs whose taps read it.
TEST_P(ConvVersion, PaddedTapsReadNothing) {
  const ConvShape s = cases[0].shape;  // l = 90: the last step is read by tap 49 of the last output alone
  Operands op(s);
  const std::int64_t row = s.h * s.c_out;
  for (const DType type : {DType::f32, DType::bf16}) {
    const Results before = run(5, {s}, type)[0];
    Values x = op.x;
    for (std::int64_t h = 0; h < s.h; ++h) {
      x[static_cast<std::size_t>((s.l - 1) * s.h + h)] = std::numeric_limits<double>::infinity();
    }
    const Tensor in = typed(x, type);
    const Tensor w = tensor(op.w);
    const Tensor bias = tensor(op.bias);
    Tensor y = unwritten(static_cast<std::int64_t>(op.gy.size()), type);
    const ConvForward problem{s, in.read(), w.read(), bias.read(), y.write()};
    versions().forward(stream(), 5, {&problem, 1});
    const std::vector<float> got = floats_of(y);
    for (std::int64_t i = 0; i < s.l_out() * row; ++i) {  // of the first sample
      const auto at = static_cast<std::size_t>(i);
      if (i / row == s.l_out() - 1) {
        EXPECT_FALSE(std::isfinite(got[at])) << i;
      } else {
        EXPECT_EQ(got[at], before.y[at]) << i;
      }
    }
  }
}

// Operands with all 24 bits. Version 4 rounds them to 8 bits (bf16) or 11 bits (TF32).
// Each product is therefore off by up to 2^-8 or 2^-10 of its value.
// Over 480 terms of magnitude 1/4 these errors add up as a random walk.
// Its typical size is 2^-8 / 2 * 0.25 * sqrt(480) = 0.011 for bf16, and a quarter of that for TF32.
// Five times that is allowed.
// The test also requires more error than f32 rounding causes:
// it would notice if tensor cores were not used.
TEST_P(ConvVersion, RoundsOperandsAsSaid) {
  const ConvShape s{.n = 1, .l = 41, .h = 2, .c_in = 32, .c_out = 32, .k = 15, .stride = 1, .pad = 7};
  const Values x = random_values(s.n * s.l * s.h * s.c_in, 1);
  const Values w = random_values(s.k * s.c_in * s.c_out, 2);
  const Values expected = reference::conv_forward(s, x, w, {});
  Tensor y = result(s.n * s.l_out() * s.h * s.c_out);
  const Tensor in = tensor(x);
  const Tensor weights = tensor(w);
  const ConvForward problem{s, in.read(), weights.read(), {}, y.write()};
  versions().forward(stream(), 4, {&problem, 1});
  const std::vector<float> got = floats_of(y);
  expect_close(got, expected, 0.011 / 4 * 5, 0, "TF32");
  double worst = 0;
  for (std::size_t i = 0; i < got.size(); ++i) {
    worst = std::max(worst, std::abs(got[i] - expected[i]));
  }
  EXPECT_GT(worst, 100 * unit);
}

// Tensors may begin at any element, aligned or not.
TEST_P(ConvVersion, UnalignedOperandsGiveTheSameBits) {
  const ConvShape s{.n = 2, .l = 21, .h = 2, .c_in = 32, .c_out = 32, .k = 5, .stride = 1, .pad = 2};
  const Operands op(s);
  const Results expected = run(3, {s}, DType::f32)[0];
  const auto shifted = [&](const Values& values) {
    Values longer(values.size() + 1, 0.0);
    std::copy(values.begin(), values.end(), longer.begin() + 1);
    return tensor(longer);
  };
  const auto count = [](const Values& values) { return static_cast<std::int64_t>(values.size()); };
  Tensor x = shifted(op.x).slice(1, count(op.x));
  Tensor w = shifted(op.w).slice(1, count(op.w));
  Tensor bias = shifted(op.bias).slice(1, count(op.bias));
  Tensor gy = shifted(op.gy).slice(1, count(op.gy));
  Tensor y = shifted(op.gy).slice(1, count(op.gy));
  Tensor gx = shifted(op.x).slice(1, count(op.x));
  Tensor gw = shifted(Values(op.w.size(), 1.0)).slice(1, count(op.w));
  stream().tf32 = true;  // requests tensor cores, which need aligned operands
  kernels().conv.forward(stream(), s, x.read(), w.read(), bias.read(), y.write());
  kernels().conv.dgrad(stream(), s, gy.read(), w.read(), gx.write());
  kernels().conv.wgrad(stream(), s, x.read(), gy.read(), gw.write(), {});
  EXPECT_EQ(floats_of(y), expected.y);
  EXPECT_EQ(floats_of(gx), expected.gx);
  EXPECT_EQ(floats_of(gw), expected.gw);
}

// A kernel that lacks a barrier works in some orders of its threads, so the test runs several orders.
TEST_P(ConvVersion, AnyOrderOfThreadsGivesTheSameBits) {
  if (GetParam().device != Device::simt) {
    GTEST_SKIP() << "only simt can choose the order of threads";
  }
  const std::vector<ConvShape> shapes = {cases[3].shape, cases[11].shape, cases[6].shape, cases[17].shape};
  for (const ConvShape& s : shapes) {
    for (const DType type : {DType::f32, DType::bf16}) {
      for (int version = 1; version <= ConvVersions::count; ++version) {
        if (!all_supported(version, s, type)) {
          continue;
        }
        const auto forward = run(version, {s}, type);
        for (const sec::simt::Order order : {sec::simt::Order::reverse, sec::simt::Order::shuffled}) {
          sec::simt::set_order(order, 7);
          EXPECT_EQ(run(version, {s}, type), forward) << "version " << version;
        }
        sec::simt::set_order(sec::simt::Order::forward);
      }
    }
  }
}

SEC_ON_ALL_TARGETS(ConvVersion);

}  // namespace
}  // namespace sec::kernels

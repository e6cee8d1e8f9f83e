#include "model/se_ecgnet.h"

#include <array>
#include <vector>

#include "engine/ranges.h"
#include "layers/blocks.h"
#include "layers/pointwise.h"
#include "layers/pool.h"
#include "model/summary.h"

namespace sec::model {

using namespace layers;  // NOLINT(google-build-using-namespace): a network is written in layers

namespace {

constexpr std::int64_t stem_taps = 50;
constexpr std::int64_t trunk_taps = 15;
constexpr std::int64_t trunk_blocks = 3;
constexpr std::array<std::int64_t, 3> branch_taps = {3, 5, 7};
constexpr std::int64_t branch_blocks = 4;  // in the 2-D part, and again in the 1-D part

const SeEcgNetOptions& checked(const SeEcgNetOptions& options) {
  const auto& [leads, length, classes, covariates, width, tied, dropout] = options;
  require(leads > 0, "SE-ECGNet: expected at least 1 lead, got {}", leads);
  require(classes > 0, "SE-ECGNet: expected at least 1 class, got {}", classes);
  require(covariates >= 0, "SE-ECGNet: expected 0 or more covariates, got {}", covariates);
  require(width > 0, "SE-ECGNet: expected a width of at least 1 channel, got {}", width);
  require(dropout >= 0 && dropout < 1, "SE-ECGNet: expected a dropout in [0, 1), got {}", dropout);
  // The stem is not padded; every later layer turns L into ceil(L / stride), so it never runs out of samples.
  require(length >= stem_taps, "SE-ECGNet: {} samples are too few, the shortest input is {}", length,
          stem_taps);
  return options;
}

struct Branch {
  std::vector<Block2d> per_lead;
  std::vector<Block1d> all_leads;
};

// The downsample of a stage's block `i`: its own, or tied, the one of block 0.
PreActivationConv stage_downsample(ParameterSet& set, const std::string& block, std::int64_t channels,
                                   const PreActivationConv* first, bool tied) {
  return tied && first != nullptr ? *first : make_downsample(set, block + ".downsample", channels, 2);
}

}  // namespace

struct SeEcgNet::Layers {
  SeEcgNetOptions options;
  ParameterSet set;
  Conv stem;
  BatchNorm stem_bn;
  std::vector<Block2d> trunk;
  std::vector<Branch> branches;
  Linear fc;
};

SeEcgNet::SeEcgNet(const SeEcgNetOptions& options, Stream& stream, std::uint64_t seed)
    : layers_(std::make_unique<Layers>(Layers{checked(options), {}, {}, {}, {}, {}, {}})) {
  const std::int64_t c2 = options.width;                  // channels of the 2-D part
  const std::int64_t c1 = options.width * options.leads;  // channels of the 1-D part
  ParameterSet& set = layers_->set;
  layers_->stem = make_conv(set, "conv1", {1, c2, stem_taps, 2});
  layers_->stem_bn = make_batch_norm(set, "bn1", c2);
  std::vector<Block2d>& trunk = layers_->trunk;
  for (std::int64_t i = 0; i < trunk_blocks; ++i) {
    const std::string name = fmt::format("block1.{}", i);
    const PreActivationConv* first = trunk.empty() ? nullptr : &*trunk.front().downsample;
    trunk.push_back(make_block_2d(set, name, {c2, trunk_taps, 2, 1, options.dropout},
                                  stage_downsample(set, name, c2, first, options.tied)));
  }
  for (const std::int64_t k : branch_taps) {
    const std::size_t index = layers_->branches.size();
    Branch& branch = layers_->branches.emplace_back();
    for (std::int64_t i = 0; i < branch_blocks; ++i) {
      const std::string name = fmt::format("block2_list.{}.{}", index, i);
      branch.per_lead.push_back(make_block_2d(set, name, {c2, k, 1, 3, options.dropout}, {}));
    }
    for (std::int64_t i = 0; i < branch_blocks; ++i) {
      const std::string name = fmt::format("block3_list.{}.{}", index, i);
      const PreActivationConv* first =
          branch.all_leads.empty() ? nullptr : &branch.all_leads.front().downsample;
      branch.all_leads.push_back(make_block_1d(set, name, {c1, k, 2, 4, options.dropout},
                                               stage_downsample(set, name, c1, first, options.tied)));
    }
  }
  const auto features = static_cast<std::int64_t>(branch_taps.size()) * c1 + options.covariates;
  layers_->fc = make_linear(set, "fc", features, options.classes);
  set.allocate(stream, seed);
}

SeEcgNet::~SeEcgNet() = default;

Var SeEcgNet::forward(Pass& pass, const Var& x, const Var& covariates) {
  const Range range("se_ecgnet");
  const SeEcgNetOptions& o = layers_->options;
  const std::int64_t n = x.shape().rank() == 4 ? x.shape()[0] : 0;
  require(n > 0 && x.shape() == Shape({n, o.length, o.leads, 1}),
          "SE-ECGNet: expected an input (N, {}, {}, 1), got {}", o.length, o.leads, x.shape().text());
  require(o.covariates > 0 ? covariates.shape() == Shape({n, o.covariates}) : !covariates.value.defined(),
          "SE-ECGNet: expected covariates ({}, {}), got {}", n, o.covariates, covariates.shape().text());

  Var y = conv(pass, layers_->stem, x);                   // (N, (L - 50) / 2 + 1, H, C)
  y = relu(pass, batch_norm(pass, layers_->stem_bn, y));  // (N, (L - 50) / 2 + 1, H, C)
  for (const Block2d& block : layers_->trunk) {
    y = block_2d(pass, block, y);  // (N, ceil(L / 2), H, C), three times; then L' = about L / 16
  }
  std::vector<Var> features;
  for (const Branch& branch : layers_->branches) {
    Var z = y;  // (N, L', H, C)
    for (const Block2d& block : branch.per_lead) {
      z = block_2d(pass, block, z);  // (N, L', H, C)
    }
    z = view(pass, z, {n, z.shape()[1], 1, o.leads * o.width});  // (N, L', 1, H * C): the same memory
    for (const Block1d& block : branch.all_leads) {
      z = block_1d(pass, block, z);  // (N, ceil(L' / 2), 1, H * C), four times
    }
    features.push_back(global_average_pool(pass, z));  // (N, H * C)
  }
  if (o.covariates > 0) {
    features.push_back(covariates);  // (N, K)
  }
  return linear(pass, layers_->fc, concat(pass, features));  // (N, 3 * H * C + K) to (N, classes)
}

const SeEcgNetOptions& SeEcgNet::options() const {
  return layers_->options;
}

ParameterSet& SeEcgNet::parameters() {
  return layers_->set;
}

std::string SeEcgNet::summary() const {
  const SeEcgNetOptions& o = layers_->options;
  Summary table({o.length, o.leads, 1});
  table.conv(layers_->stem);
  table.batch_norm(layers_->stem_bn);
  for (const Block2d& block : layers_->trunk) {
    table.block_2d(block);
  }
  const Shape trunk = table.sample();  // (L', H, C)
  for (const Branch& branch : layers_->branches) {
    table.set_sample(trunk);
    for (const Block2d& block : branch.per_lead) {
      table.block_2d(block);
    }
    table.set_sample({trunk[0], 1, o.leads * o.width});
    for (const Block1d& block : branch.all_leads) {
      table.block_1d(block);
    }
  }
  table.linear(layers_->fc);
  return table.text();
}

}  // namespace sec::model

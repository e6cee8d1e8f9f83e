#include "model/se_ecgnet.h"

#include <array>
#include <vector>

#include "engine/ranges.h"
#include "layers/batch_norm_relu.h"
#include "layers/blocks.h"
#include "layers/pointwise.h"
#include "layers/pool.h"
#include "model/summary.h"

namespace sec::model {

using namespace layers;  // NOLINT(google-build-using-namespace): a network is written in layers

namespace {

constexpr const char* title = "SE-ECGNet";
constexpr std::int64_t stem_taps = 50;
constexpr std::int64_t trunk_taps = 15;
constexpr std::int64_t trunk_blocks = 3;
constexpr std::array<std::int64_t, 3> branch_taps = {3, 5, 7};
constexpr std::size_t branch_blocks = 4;  // blocks per branch in the 2-D part, and in the 1-D part

const SeEcgNetOptions& checked(const SeEcgNetOptions& options) {
  check_options(options, "se-ecgnet", title);
  // Only the stem has no padding. Every later layer turns L into ceil(L / stride), which is at least 1.
  require(options.length >= stem_taps, "{}: {} samples are too few, the shortest input is {}", title,
          options.length, stem_taps);
  return options;
}

// Returns the downsample for a block: a copy of the first block's downsample if tied, otherwise a new one.
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
  std::array<std::vector<Block2d>, branch_blocks> per_lead;  // [i] has the i-th block of each branch
  std::array<std::vector<Block1d>, branch_blocks> all_leads;
  Linear fc;
};

SeEcgNet::SeEcgNet(const SeEcgNetOptions& options)
    : layers_(std::make_unique<Layers>(Layers{checked(options), {}, {}, {}, {}, {}, {}, {}})) {
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
  for (std::size_t branch = 0; branch < branch_taps.size(); ++branch) {
    const std::int64_t k = branch_taps[branch];
    for (std::size_t i = 0; i < branch_blocks; ++i) {
      const std::string name = fmt::format("block2_list.{}.{}", branch, i);
      layers_->per_lead[i].push_back(make_block_2d(set, name, {c2, k, 1, 3, options.dropout}, {}));
    }
    for (std::size_t i = 0; i < branch_blocks; ++i) {
      const std::string name = fmt::format("block3_list.{}.{}", branch, i);
      const PreActivationConv* first = i == 0 ? nullptr : &layers_->all_leads[0][branch].downsample;
      layers_->all_leads[i].push_back(make_block_1d(set, name, {c1, k, 2, 4, options.dropout},
                                                    stage_downsample(set, name, c1, first, options.tied)));
    }
  }
  const auto features = static_cast<std::int64_t>(branch_taps.size()) * c1 + options.covariates;
  layers_->fc = make_linear(set, "fc", features, options.classes);
}

SeEcgNet::SeEcgNet(const SeEcgNetOptions& options, Stream& stream, std::uint64_t seed) : SeEcgNet(options) {
  layers_->set.allocate(stream, seed);
}

SeEcgNet::~SeEcgNet() = default;

Var SeEcgNet::forward(Pass& pass, const Var& x, const Var& covariates) {
  const Range range("se_ecgnet");
  const SeEcgNetOptions& o = layers_->options;
  const std::int64_t n = check_inputs(o, title, x, covariates);

  VarWithStats y = cast(pass, x, pass.activations);                  // (N, L, H, 1)
  y = conv(pass, layers_->stem, y);                                  // (N, L1, H, C), L1 = (L - 50) / 2 + 1
  y = batch_norm_relu(pass, layers_->stem_bn, y, Next::batch_norm);  // (N, L1, H, C)
  for (const Block2d& block : layers_->trunk) {
    y = block_2d(pass, block, y);  // each of 3 blocks halves the length: (N, L', H, C), L' = about L / 16
  }
  std::vector<VarWithStats> z(branch_taps.size(), y);  // 3 x (N, L', H, C): the branches k = 3, 5, 7
  for (const std::vector<Block2d>& blocks : layers_->per_lead) {
    z = blocks_2d(pass, blocks, z);  // 3 x (N, L', H, C), the same after each of 4 blocks
  }
  for (VarWithStats& branch : z) {
    branch = view(pass, branch, {n, branch.shape()[1], 1, o.leads * o.width});  // (N, L', 1, H * C), a view
  }
  for (const std::vector<Block1d>& blocks : layers_->all_leads) {
    z = blocks_1d(pass, blocks, z);  // each of 4 blocks halves the length: 3 x (N, L' / 16, 1, H * C)
  }
  std::vector<Var> features;
  for (const VarWithStats& branch : z) {
    features.push_back(global_average_pool(pass, branch));  // (N, H * C)
  }
  if (o.covariates > 0) {
    features.push_back(covariates);  // (N, K)
  }
  return head(pass, layers_->fc, std::move(features));  // (N, 3 * H * C + K) to (N, classes)
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
  for (std::size_t branch = 0; branch < branch_taps.size(); ++branch) {
    table.set_sample(trunk);
    for (const std::vector<Block2d>& blocks : layers_->per_lead) {
      table.block_2d(blocks[branch]);
    }
    table.set_sample({trunk[0], 1, o.leads * o.width});
    for (const std::vector<Block1d>& blocks : layers_->all_leads) {
      table.block_1d(blocks[branch]);
    }
  }
  table.linear(layers_->fc);
  return table.text();
}

}  // namespace sec::model

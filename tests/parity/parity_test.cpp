// Compares SE-ECGNet and the baselines with PyTorch, for every configuration in tests/golden on every device:
// logits, loss, gradients, running statistics, Adam steps, and the mean effect of dropout.
// The environment variable SEC_PARITY names a folder of further golden files, such as the large ones.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>

#include "engine/stream.h"
#include "kernels/cpu/isa.h"
#include "layers/accumulate.h"
#include "model/networks.h"
#include "tests/parity/golden.h"
#include "train/loop/optimizer.h"

namespace sec::model {
namespace {

namespace fs = std::filesystem;

double length_of(const std::vector<float>& values) {
  double squares = 0;
  for (const float value : values) {
    squares += static_cast<double>(value) * value;
  }
  return std::sqrt(squares);
}

// The norm of the difference, relative to the norm of the expected values.
double relative_error(const std::vector<float>& got, const std::vector<float>& expected) {
  if (got.size() != expected.size()) {
    return INFINITY;
  }
  std::vector<float> difference(got.size());
  for (std::size_t i = 0; i < got.size(); ++i) {
    difference[i] = got[i] - expected[i];
  }
  return length_of(difference) / length_of(expected);
}

// The largest difference, relative to the largest expected value.
double largest_error(const std::vector<float>& got, const std::vector<float>& expected) {
  if (got.size() != expected.size()) {
    return INFINITY;
  }
  double difference = 0;
  double largest = 0;
  for (std::size_t i = 0; i < got.size(); ++i) {
    difference = std::max(difference, std::abs(static_cast<double>(got[i]) - expected[i]));
    largest = std::max(largest, std::abs(static_cast<double>(expected[i])));
  }
  return difference / largest;
}

struct Case {
  Device device;
  fs::path path;
};

void PrintTo(const Case& one, std::ostream* out) {
  *out << one.path << " on " << name_of(one.device);
}

std::vector<Case> all_cases() {
  std::vector<Case> cases;
  const char* more = std::getenv("SEC_PARITY");
  for (const fs::path& folder : {fs::path(SEC_GOLDEN), fs::path(more == nullptr ? "" : more)}) {
    if (folder.empty()) {
      continue;
    }
    std::vector<fs::path> paths;
    for (const auto& entry : fs::directory_iterator(folder)) {
      if (entry.path().extension() == ".safetensors") {
        paths.push_back(entry.path());
      }
    }
    std::ranges::sort(paths);
    for (const fs::path& path : paths) {
      for (const Device device : {Device::cpu, Device::simt, Device::cuda}) {
        cases.push_back({device, path});
      }
    }
  }
  return cases;
}

// The simt device computes the small configurations in seconds; the large ones would take minutes.
constexpr std::int64_t simt_width = 8;
constexpr std::int64_t simt_samples = 4000;  // largest leads * length for which simt takes all twenty steps
constexpr std::size_t simt_steps = 3;        // steps on simt for longer recordings and the baselines

class Parity : public testing::TestWithParam<Case> {
 protected:
  void SetUp() override {
    const auto& [device, path] = GetParam();
    const std::string reason = why_unavailable(device);
    if (!reason.empty()) {
      GTEST_SKIP() << "NOT TESTED on " << name_of(device) << ": " << reason;
    }
    golden_.emplace(path);
    const NetworkOptions& o = golden_->options();
    if (device == Device::simt && o.width > simt_width) {
      GTEST_SKIP() << "NOT TESTED on simt: too slow at this size";
    }
    stream_.emplace(device);
    network_ = make_network(o, *stream_, 1);
    load_state_dict(golden_->initial(), path.string(), *network_, *stream_);
  }

  const Golden& golden() const { return *golden_; }
  Stream& stream() { return *stream_; }
  Network& network() { return *network_; }

  // Whether rounding may change the sign of a ReLU's input.
  // Minimal filtering rounds by less than 1e-5, which is more than the full-width golden files tolerate.
  // Each changed sign moves a tensor's gradient by about 1 %, to an equally valid value.
  bool may_flip() const {
    return GetParam().device == Device::cpu && golden_->options().width > simt_width &&
           kernels::cpu::minimal_filtering();
  }

  // One forward and backward pass; the gradients go into the network's gradient buffer.
  double step(std::vector<float>& logits) {
    layers::ParameterSet& set = network().parameters();
    Tensor gradients = set.gradients();
    zero_bytes(stream(), gradients.write().data, static_cast<std::size_t>(gradients.count()) * sizeof(float));
    Tape tape(stream(), layers::accumulate);
    layers::Pass pass{stream(), &tape, true};
    const Var out = network().forward(pass, golden().x(stream()), golden().covariates(stream()));
    const Var loss = golden().loss(pass, out);
    tape.backward(loss, Tensor::from(stream(), {1}, std::vector<float>{1}));
    logits = out.value.to_vector(stream());
    return loss.value.to_vector(stream())[0];
  }

 private:
  std::optional<Golden> golden_;
  std::optional<OwnedStream> stream_;
  std::unique_ptr<Network> network_;
};

// The files hold f64 results, so the bounds need to cover only f32 rounding.
// PyTorch's own f32 gradients deviate from f64 by up to 2e-4 of a tensor's norm
// (stated in each file's metadata), mostly in the first layers, below a hundred others.
// Our sums have a different order. A missing term would cost a whole tensor's norm.
// A transposition or swapped channels would cost about 1.4 times the norm.
TEST_P(Parity, LogitsLossGradientsAndStatistics) {
  layers::Pass evaluation{stream()};
  const Var logits = network().forward(evaluation, golden().x(stream()), golden().covariates(stream()));
  EXPECT_LT(largest_error(logits.value.to_vector(stream()), golden().values("logits_evaluation")), 1e-4);

  std::vector<float> trained;
  const double loss = step(trained);
  EXPECT_LT(largest_error(trained, golden().values("logits_training")), 1e-4);
  EXPECT_NEAR(loss, golden().values("loss")[0], 1e-5 * golden().values("loss")[0]);
  for (const layers::State& s : network().parameters().state()) {
    EXPECT_LT(largest_error(s.value.to_vector(stream()), golden().ours("after", s.name, s.shape)), 1e-4)
        << s.name;
  }
  if (may_flip()) {
    GTEST_SKIP() << "gradients NOT TESTED by minimal filtering at this size, but with SEC_CPU_FILTER=direct";
  }
  double worst = 0;
  for (const layers::Parameter& p : network().parameters().parameters()) {
    const double error =
        relative_error(p.gradient.to_vector(stream()), golden().ours("gradient", p.name, p.shape));
    EXPECT_LT(error, 1e-3) << "gradient of " << p.name;
    worst = std::max(worst, error);
  }
  RecordProperty("worst_gradient", fmt::format("{:.1e}", worst));
}

TEST_P(Parity, LossesOfAdamSteps) {
  train::Recipe::Train options;
  options.optimizer = "adam";
  options.weight_decay = 0;
  const double rate = std::stod(golden().text("rate"));
  train::OptimizerState state = make_optimizer_state(options, network().parameters(), stream());
  const std::shared_ptr<Storage> values = allocate(stream().device, sizeof(kernels::StepValues));
  const std::vector<float> expected = golden().values("losses");
  const NetworkOptions& o = golden().options();
  const bool large = o.leads * o.length > simt_samples || o.model != "se-ecgnet";
  const bool slow = stream().device == Device::simt && large;
  const std::size_t count = slow ? simt_steps : expected.size();
  double worst = 0;
  for (std::size_t i = 0; i < count; ++i) {
    std::vector<float> logits;
    const double loss = step(logits);
    const double error = std::abs(loss - expected[i]) / expected[i];
    EXPECT_LT(error, 1e-3) << "step " << i;
    worst = std::max(worst, error);
    const auto now = train::step_values(options, rate, static_cast<std::int64_t>(i));
    copy_bytes(stream(), values->data, stream().device, &now, Device::cpu, sizeof now);
    train::optimizer_step(options, network().parameters(), state,
                          static_cast<const kernels::StepValues*>(values->data), Tensor::zeros(stream(), {1}),
                          stream());
  }
  RecordProperty("worst_loss", fmt::format("{:.1e}", worst));
}

INSTANTIATE_TEST_SUITE_P(Golden, Parity, testing::ValuesIn(all_cases()), [](const auto& one) {
  return std::string(name_of(one.param.device)) + "_" + one.param.path.stem().string();
});

// Our random numbers differ from PyTorch's, so only distributions can agree.
// Mean and standard deviation of every logit over many draws must agree within five standard errors.
// The deviation is several times that if dropout is in a wrong place or lacks the factor 1 / (1 - p).
// Dropping 0.25 instead of 0.2 would also be noticed.
TEST(ParityOfDropout, MeanAndDeviationOfTheLogits) {
  const Golden golden(fs::path(SEC_GOLDEN) / "leads2_length720_tied.safetensors");
  SeEcgNetOptions options = golden.options();
  options.dropout = 0.2;
  Stream stream;
  SeEcgNet network(options, stream, 1);
  load_state_dict(golden.initial(), "golden", network, stream);
  const Tensor x = golden.x(stream);
  const Tensor covariates = golden.covariates(stream);
  const std::vector<float> mean = golden.values("dropout_mean");
  const std::vector<float> sd = golden.values("dropout_sd");
  const double theirs = std::stod(golden.text("draws"));
  constexpr int draws = 400;
  std::vector<double> sum(mean.size());
  std::vector<double> squares(mean.size());
  for (int draw = 0; draw < draws; ++draw) {
    layers::Pass pass{stream, nullptr, true, 5, static_cast<std::uint32_t>(draw)};
    const std::vector<float> logits = network.forward(pass, x, covariates).value.to_vector(stream);
    for (std::size_t i = 0; i < mean.size(); ++i) {
      const double centred = static_cast<double>(logits[i]) - mean[i];
      sum[i] += centred;
      squares[i] += centred * centred;
    }
  }
  const std::vector<float> without = golden.values("logits_training");
  double shift = 0;  // how far dropout shifts the mean, in standard errors
  for (std::size_t i = 0; i < mean.size(); ++i) {
    const double off = sum[i] / draws;
    const double deviation = std::sqrt((squares[i] - draws * off * off) / (draws - 1));
    const double samples = 1 / theirs + 1.0 / draws;
    EXPECT_LT(std::abs(off), 5 * sd[i] * std::sqrt(samples)) << "mean of logit " << i;
    EXPECT_LT(std::abs(deviation / sd[i] - 1), 5 * std::sqrt(samples / 2)) << "deviation of logit " << i;
    shift =
        std::max(shift, std::abs(static_cast<double>(without[i]) - mean[i]) / (sd[i] * std::sqrt(samples)));
  }
  EXPECT_GT(shift, 10) << "dropout changes too little for this test to show anything";
}

}  // namespace
}  // namespace sec::model

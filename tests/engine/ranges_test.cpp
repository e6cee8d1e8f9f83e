// Ranges, and their recording as a tree and one by one.
#include <gtest/gtest.h>

#include <thread>

#include "engine/autograd.h"
#include "engine/range_recorder.h"

namespace sec {
namespace {

// Writes begins as "name(" and ends as ")".
class Writer : public RangeListener {
 public:
  Writer() { before_ = listen_to_ranges(this); }
  ~Writer() override { listen_to_ranges(before_); }
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;
  void begin(const RangeName& name) override { text += std::string(name.text()) + "("; }
  void end() override { text += ")"; }
  std::string text;

 private:
  RangeListener* before_;
};

TEST(Ranges, WithoutAListenerComputeNoNames) {
  int called = 0;
  {
    const Range range("conv", [&] {
      ++called;
      return std::string("a");
    });
    EXPECT_TRUE(open_ranges().empty());
  }
  EXPECT_EQ(called, 0);
  EXPECT_FALSE(listening_to_ranges());
}

TEST(Ranges, AreNamedForTheirLayerOrElseForTheOperation) {
  Writer writer;
  {
    const Range outer("block", [] { return std::string("block1.0"); });
    const Range inner("conv", std::string("block1.0.conv1"));
    const Range kernel("conv.forward");
    EXPECT_EQ(open_ranges().size(), 3U);
    EXPECT_STREQ(open_ranges()[1].operation, "conv");
  }
  EXPECT_EQ(writer.text, "block1.0(block1.0.conv1(conv.forward()))");
}

TEST(RangePath, ClosesAndOpensWhatDiffers) {
  Writer writer;
  {
    RangePath path;
    path.move_to({{"net", ""}, {"block", "a"}, {"conv", "a.1"}});
    path.move_to({{"net", ""}, {"block", "a"}, {"conv", "a.2"}});
    path.move_to({{"net", ""}, {"block", "b"}});
    path.move_to({{"net", ""}});
    path.move_to({{"net", ""}, {"block", "c"}});
  }
  EXPECT_EQ(writer.text, "net(a(a.1()a.2())b()c())");
}

// The backward pass opens the ranges in which its operations were recorded, without those around the tape.
TEST(Ranges, OfTheBackwardPassAreThoseOfTheForwardPass) {
  Stream stream;
  Writer writer;
  {
    const Range step("step");
    RangePath part;
    part.move_to({{"forward", ""}});
    Tape tape(stream, [](Stream&, Tensor&, const Tensor&) {});
    const Var x = tape.leaf(Tensor::zeros(stream, {1}));
    const auto pass_on = [](const Tensor& gradient, Gradients& to) {
      const Range kernel("kernel");
      to.add(0, gradient);
    };
    Var y;
    {
      const Range net("net");
      {
        const Range conv("conv", std::string("conv1"));
        y = tape.record("conv", Tensor::zeros(stream, {1}), {x}, pass_on);
      }
      y = tape.record("relu", Tensor::zeros(stream, {1}), {y}, pass_on);
    }
    part.move_to({{"backward", ""}});
    tape.backward(y, Tensor::zeros(stream, {1}));
  }
  EXPECT_EQ(writer.text, "step(forward(net(conv1()))backward(net(relu(kernel())conv1(kernel()))))");
}

void spend(int milliseconds) {
  std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds));
}

class Recorder : public testing::TestWithParam<Device> {};

TEST_P(Recorder, SumsALayersCallsAndKeepsEachOne) {
  OwnedStream owned(GetParam());
  Stream& stream = owned;
  const Range before("open before the recorder");
  Writer listener;
  RangeRecorder recorder(stream, RangeRecorder::Nodes::layers, true);
  for (int i = 0; i < 2; ++i) {
    const Range step("step");
    {
      const Range a("conv", std::string("a"));
      spend(2);
    }
    {
      const Range b("conv", std::string("b"));
      const Range kernel("conv.forward");
      spend(1);
    }
    std::thread([] { const Range elsewhere("elsewhere"); }).join();
  }
  recorder.stop();
  { const Range after("after"); }
  EXPECT_EQ(listener.text,
            "step(a()b(conv.forward())elsewhere())step(a()b(conv.forward())elsewhere())after()");

  const std::vector<RangeNode> tree = recorder.tree();
  std::string text;
  for (const RangeNode& node : tree) {
    text += std::string(static_cast<std::size_t>(node.depth), '>') + node.name.text() + " ";
    EXPECT_EQ(node.calls, 2) << node.name.text();
  }
  EXPECT_EQ(text, "step >a >b >>conv.forward ");
  EXPECT_GE(tree[1].seconds, 0.004);  // a sleep lasts at least as long as asked for
  EXPECT_GE(tree[3].seconds, 0.002);
  EXPECT_NEAR(tree[0].own, tree[0].seconds - tree[1].seconds - tree[2].seconds, 1e-9);
  EXPECT_GE(recorder.seconds(), tree[0].seconds);

  const std::vector<RecordedRange>& ranges = recorder.ranges();
  ASSERT_EQ(ranges.size(), 8U);
  for (std::size_t i = 0; i < ranges.size(); ++i) {
    EXPECT_LE(ranges[i].begin, ranges[i].end);
    EXPECT_LE(ranges[i].end, recorder.seconds() + 1e-3);  // the two clocks are read one after the other
    for (std::size_t j = i + 1; j < ranges.size() && ranges[j].depth > ranges[i].depth; ++j) {
      EXPECT_GE(ranges[j].begin, ranges[i].begin);
      EXPECT_LE(ranges[j].end, ranges[i].end);
    }
  }
  EXPECT_GE(ranges[4].begin, ranges[0].end);  // the second step follows the first
}

TEST_P(Recorder, SumsOperationsOverLayers) {
  OwnedStream owned(GetParam());
  Stream& stream = owned;
  RangeRecorder recorder(stream, RangeRecorder::Nodes::operations);
  for (const std::string layer : {"a", "b", "c"}) {
    const Range range("conv", layer);
  }
  ASSERT_EQ(recorder.tree().size(), 1U);
  EXPECT_EQ(recorder.tree()[0].calls, 3);
  EXPECT_STREQ(recorder.tree()[0].name.text(), "conv");
  EXPECT_TRUE(recorder.ranges().empty());
}

INSTANTIATE_TEST_SUITE_P(Devices, Recorder, testing::Values(Device::cpu, Device::simt),
                         [](const auto& instance) { return std::string(name_of(instance.param)); });

}  // namespace
}  // namespace sec

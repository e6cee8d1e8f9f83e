// Names of groups of layers, as profilers show them.
#include "layers/group_name.h"

#include <gtest/gtest.h>

namespace sec::layers {
namespace {

TEST(GroupName, JoinsThePartsThatDiffer) {
  using Names = std::vector<std::string>;
  EXPECT_EQ(group_name(Names{"conv1"}), "conv1");
  EXPECT_EQ(group_name(Names{"block1.0", "block1.0"}), "block1.0");
  EXPECT_EQ(group_name(Names{"block2_list.0.1.conv1", "block2_list.1.1.conv1", "block2_list.2.1.conv1"}),
            "block2_list.{0,1,2}.1.conv1");
  EXPECT_EQ(group_name(Names{"list.10.conv", "list.11.conv"}), "list.{10,11}.conv");  // whole parts only
  EXPECT_EQ(group_name(Names{"a.1.1", "a.1.1.1"}), "a.1.{1,1.1}");
  EXPECT_EQ(group_name(Names{"a.1", "a.1.1"}), "a.{1,1.1}");
  EXPECT_EQ(group_name(Names{"a.1.1", "a.1"}), "a.{1.1,1}");
  EXPECT_EQ(group_name(Names{"fc", "conv"}), "{fc,conv}");
  EXPECT_EQ(group_name(Names{"a.b", "c.b"}), "{a,c}.b");
}

TEST(GroupName, OfAParentIsWithoutTheLastPart) {
  EXPECT_EQ(parent_name("block1.0.conv1"), "block1.0");
  EXPECT_EQ(parent_name("fc"), "fc");
}

}  // namespace
}  // namespace sec::layers

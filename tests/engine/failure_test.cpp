#include "engine/failure.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <vector>

#include "tests/io/files.h"

namespace sec {
namespace {

// Words of the C++ library, such as "std::bad_alloc" and "vector::_M_default_append", tell a user nothing.
TEST(Failure, TooLittleMemoryIsSaidInPlainWords) {
  const auto said_of = [](const auto& action) -> std::string {
    try {
      action();
    } catch (const std::exception& error) {
      return describe(error);
    }
    return "";
  };
  EXPECT_EQ(said_of([] { throw std::bad_alloc(); }), "not enough memory");
  EXPECT_EQ(said_of([] { std::vector<double> numbers(SIZE_MAX); }),
            "not enough memory");  // std::length_error
  EXPECT_EQ(said_of([] { fail("a.csv: line {}", 3); }), "a.csv: line 3");
  EXPECT_EQ(said_of([] { return std::filesystem::file_size("/there/is/none"); }),
            "/there/is/none: No such file or directory");
}

TEST(Failure, TooLittleMemoryNamesWhatItIsFor) {
  io::expect_error([] { with_memory_for("a.npy", []() -> int { throw std::bad_alloc(); }); },
                   "a.npy: not enough memory");
  io::expect_error([] { with_memory_for("a.npy", [] { return std::vector<double>(SIZE_MAX).size(); }); },
                   "a.npy: not enough memory");
  EXPECT_EQ(with_memory_for("a.npy", [] { return 3; }), 3);
}

}  // namespace
}  // namespace sec

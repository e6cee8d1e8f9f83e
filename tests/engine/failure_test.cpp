#include "engine/failure.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <vector>

#include "tests/io/files.h"

namespace sec {
namespace {

constexpr std::size_t too_many = std::size_t{1} << 60;  // no computer has this many bytes

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
  EXPECT_EQ(said_of([] { std::vector<char> bytes(too_many); }), "not enough memory");  // std::bad_alloc
  EXPECT_EQ(said_of([] { std::vector<double> numbers(too_many); }),
            "not enough memory");  // std::length_error
  EXPECT_EQ(said_of([] { fail("a.csv: line {}", 3); }), "a.csv: line 3");
  EXPECT_EQ(said_of([] { return std::filesystem::file_size("/there/is/none"); }),
            "/there/is/none: No such file or directory");
}

TEST(Failure, TooLittleMemoryNamesWhatItIsFor) {
  for (const std::size_t size : {too_many, SIZE_MAX}) {
    io::expect_error([&] { with_memory_for("a.npy", [&] { return std::vector<char>(size).size(); }); },
                     "a.npy: not enough memory");
  }
  EXPECT_EQ(with_memory_for("a.npy", [] { return 3; }), 3);
}

}  // namespace
}  // namespace sec

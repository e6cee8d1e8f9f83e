#include "io/models/safetensors.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <cmath>
#include <csignal>
#include <limits>

#include "tests/io/files.h"

namespace sec::io {
namespace {

std::string with_length(std::uint64_t length, const std::string& rest) {
  std::string bytes(8, '\0');
  std::memcpy(bytes.data(), &length, 8);
  return bytes + rest;
}

std::string file_of(const std::string& header, std::size_t data_bytes) {
  return with_length(header.size(), header + std::string(data_bytes, '\1'));
}

TEST(Safetensors, RoundTripOfEveryType) {
  const TemporaryFolder folder;
  SafetensorsFile file;
  file.metadata = {{"step", "12"}, {"note", "µV \"quoted\"\n"}};
  const std::vector<float> floats = {1.5F, -0.0F, std::numeric_limits<float>::infinity(), 1e-40F, 5, 6};
  const std::vector<bf16> halves = {bf16(1.0F), bf16(-3.0F)};
  const std::vector<f16> f16s = {f16(1.0F), f16(-3.0F), f16(1e-7F)};
  const std::vector<std::int32_t> ints = {INT32_MIN, 0, INT32_MAX};
  const std::vector<std::int64_t> longs = {INT64_MIN, INT64_MAX};
  const std::vector<std::uint8_t> bytes = {0, 255, 7};
  file.tensors["f"] = StoredTensor::of<float>({2, 3}, floats);
  file.tensors["h"] = StoredTensor::of<bf16>({2}, halves);
  file.tensors["f16"] = StoredTensor::of<f16>({3}, f16s);
  file.tensors["i"] = StoredTensor::of<std::int32_t>({3, 1}, ints);
  file.tensors["l"] = StoredTensor::of<std::int64_t>({2}, longs);
  file.tensors["u"] = StoredTensor::of<std::uint8_t>({3}, bytes);
  file.tensors["empty"] = StoredTensor::of<float>({0, 5}, {});
  file.tensors["scalar"] = StoredTensor::of<float>({}, std::span(floats).first(1));
  write_safetensors(folder / "m.safetensors", file);
  const std::string first = content_of(folder / "m.safetensors");
  EXPECT_EQ(static_cast<unsigned char>(first[0]) % 8, 0);  // the length of the header keeps the data aligned

  const SafetensorsFile back = read_safetensors(folder / "m.safetensors");
  EXPECT_EQ(back.metadata, file.metadata);
  ASSERT_EQ(back.tensors.size(), file.tensors.size());
  for (const auto& [name, tensor] : file.tensors) {
    EXPECT_EQ(back.at(name).type, tensor.type) << name;
    EXPECT_EQ(back.at(name).shape, tensor.shape) << name;
    EXPECT_EQ(back.at(name).bytes, tensor.bytes) << name;
  }
  EXPECT_EQ(back.at("i").as<std::int32_t>("i")[2], INT32_MAX);
  expect_error([&] { back.at("i").as<float>("weights"); }, "weights: stored as I32, expected F32");
  expect_error([&] { back.at("none"); }, "there is no tensor 'none' among the 8 stored");
  write_safetensors(folder / "m.safetensors", back);
  EXPECT_EQ(content_of(folder / "m.safetensors"), first);
}

// Every number of half precision by its definition, and every way to round to it.
TEST(Half, HasEveryValueAndRoundsToTheNearest) {
  float last = -1;
  for (std::uint32_t bits = 0; bits < 0x7c00; ++bits) {
    f16 half;
    half.bits = static_cast<std::uint16_t>(bits);
    const int exponent = static_cast<int>(bits >> 10U);
    const double mantissa = bits & 0x3ffU;
    const double expected =
        exponent == 0 ? std::ldexp(mantissa, -24) : std::ldexp(1 + mantissa / 1024, exponent - 15);
    const auto value = static_cast<float>(half);
    ASSERT_EQ(value, expected);
    ASSERT_EQ(f16(value).bits, bits);
    ASSERT_EQ(f16(-value).bits, bits | 0x8000U);
    if (bits > 0) {
      const float middle = (last + value) / 2;  // exact; a tie goes to the even one of the two
      ASSERT_EQ(f16(middle).bits, bits % 2 == 0 ? bits : bits - 1);
      ASSERT_EQ(f16(std::nextafter(middle, 0.0F)).bits, bits - 1);
      ASSERT_EQ(f16(std::nextafter(middle, 1e9F)).bits, bits);
    }
    last = value;
  }
  EXPECT_EQ(f16(65519.0F).bits, 0x7bff);
  EXPECT_EQ(f16(65520.0F).bits, 0x7c00);
  EXPECT_EQ(f16(-std::numeric_limits<float>::infinity()).bits, 0xfc00);
  EXPECT_TRUE(std::isnan(static_cast<float>(f16(std::numeric_limits<float>::quiet_NaN()))));
  EXPECT_TRUE(std::isinf(static_cast<float>(f16(1e20F))));
}

TEST(Safetensors, FloatsOfHalvesAndNothingElse) {
  const std::vector<f16> halves = {f16(0.5F), f16(-3.0F)};
  const std::vector<bf16> others = {bf16(1.0F)};
  EXPECT_EQ(StoredTensor::of<f16>({2}, halves).floats("w"), (std::vector<float>{0.5F, -3}));
  EXPECT_FALSE(StoredTensor::of<bf16>({1}, others).has_floats());
  expect_error([&] { StoredTensor::of<bf16>({1}, others).floats("w"); }, "w: stored as BF16, expected F32");
}

// The bytes are written by hand from the format's description.
TEST(Safetensors, ReadsBytesLaidOutByHand) {
  const TemporaryFolder folder;
  const std::string header =
      R"({"__metadata__":{"a":"b"},"y":{"dtype":"U8","shape":[2],"data_offsets":[4,6]},)"
      R"("x":{"dtype":"F32","shape":[],"data_offsets":[0,4]}}  )";
  folder.write("m", with_length(header.size(), header + std::string("\x00\x00\xC0\x3F\x05\x06", 6)));
  const SafetensorsFile file = read_safetensors(folder / "m");
  EXPECT_EQ(file.metadata.at("a"), "b");
  EXPECT_EQ(file.at("x").as<float>("x")[0], 1.5F);
  EXPECT_EQ(file.at("y").as<std::uint8_t>("y")[1], 6);
  // Some writers pad the header with NUL.
  const std::string padded = header + std::string(5, '\0');
  folder.write("m", with_length(padded.size(), padded + std::string("\x00\x00\xC0\x3F\x05\x06", 6)));
  EXPECT_EQ(read_safetensors(folder / "m").at("x").as<float>("x")[0], 1.5F);
}

struct BadFile {
  std::string name;
  std::string content;
  std::string message;
};

class BadSafetensors : public testing::TestWithParam<BadFile> {};

TEST_P(BadSafetensors, OneLineSaysWhy) {
  const TemporaryFolder folder;
  const auto path = folder.write("m", GetParam().content);
  expect_error([&] { read_safetensors(path); }, path.string() + ": " + GetParam().message);
}

INSTANTIATE_TEST_SUITE_P(
    Files, BadSafetensors,
    testing::Values(
        BadFile{"Empty", "", "0 bytes, expected a safetensors file"},
        BadFile{"HugeHeader", with_length(std::uint64_t{1} << 63, "{}"),
                "header of 9223372036854775808 bytes, expected at most 100000000"},
        BadFile{"TruncatedHeader", with_length(50, "{}"),
                "truncated: header of 50 bytes, but the file has 2 more"},
        BadFile{"Text", "a line of text, no model", "not a safetensors file"},
        BadFile{"Pytorch", std::string("PK\x03\x04 archive/data.pkl"),
                "an archive, as PyTorch saves weights;"},
        BadFile{"NulWithin", file_of(std::string("{}\0{}", 5), 0), "header is not JSON: byte 2 is NUL"},
        BadFile{"NotJson", file_of("hello", 0), "header is not JSON (at its byte 1)"},
        BadFile{"DeepJson", file_of(std::string(100'000, '['), 0), "header is nested more than 100 deep"},
        BadFile{"NotUtf8", file_of("{\"\xff\":1}", 0), "header is not JSON"},
        BadFile{"HugeNumber", file_of(R"({"x":1e999})", 0), "header has a number that is too large"},
        BadFile{"NotAnObject", file_of("[]", 0), "header is not a JSON object"},
        BadFile{"Repeated", file_of(R"({"x":1,"x":2})", 0), "header names 'x' twice"},
        BadFile{"NoOffsets", file_of(R"({"x":{"dtype":"F32","shape":[1]}})", 4),
                "tensor 'x': expected an object of dtype, shape and data_offsets"},
        BadFile{"OtherType", file_of(R"({"x":{"dtype":"F64","shape":[2],"data_offsets":[0,4]}})", 4),
                "tensor 'x': dtype \"F64\", expected F32, F16, BF16, I32, I64 or U8"},
        BadFile{"NegativeExtent", file_of(R"({"x":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}})", 4),
                "tensor 'x': shape is not a list of counts"},
        BadFile{"HugeShape",
                file_of(R"({"x":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,4]}})", 4),
                "tensor 'x': 4 bytes, but F32 of shape (4294967296, 4294967296) takes more than 2^64"},
        BadFile{"FractionalOffset", file_of(R"({"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4.0]}})", 4),
                "tensor 'x': data_offsets is not a pair of counts"},
        BadFile{"Truncated", file_of(R"({"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})", 7),
                "tensor 'x': bytes 0 to 8, but the file has 7 bytes of data"},
        BadFile{"WrongSize", file_of(R"({"x":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}})", 8),
                "tensor 'x': 8 bytes, but F32 of shape (3) takes 12"},
        BadFile{"Overlap",
                file_of(R"({"x":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},)"
                        R"("y":{"dtype":"U8","shape":[4],"data_offsets":[2,6]}})",
                        6),
                "tensor 'y': its bytes from 2 on overlap another tensor's"},
        BadFile{"Gap",
                file_of(R"({"x":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},)"
                        R"("y":{"dtype":"U8","shape":[2],"data_offsets":[4,6]}})",
                        6),
                "bytes 2 to 4 of the data belong to no tensor"},
        BadFile{"Tail", file_of(R"({"x":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}})", 3),
                "bytes 2 to 3 of the data belong to no tensor"},
        BadFile{"Metadata", file_of(R"({"__metadata__":{"a":1}})", 0), "__metadata__ 'a' is not a string"}),
    [](const auto& test) { return test.param.name; });

// A sparse file: it has a size, but takes no space on the disk.
TEST(Safetensors, AFileOfAbsurdSizeIsNotRead) {
  const TemporaryFolder folder;
  const std::string header = R"({"x":{"dtype":"U8","shape":[99999999935],"data_offsets":[0,99999999935]}})";
  folder.write("m", with_length(header.size(), header));
  std::filesystem::resize_file(folder / "m", 100'000'000'000);
  expect_error([&] { read_safetensors(folder / "m"); },
               "m: 100000000000 bytes, expected at most 16000000000");
}

TEST(Safetensors, WriterRefusesWhatDoesNotFit) {
  const TemporaryFolder folder;
  SafetensorsFile file;
  file.tensors["x"] = {StoredType::f32, {3}, std::vector<std::byte>(8)};
  expect_error([&] { write_safetensors(folder / "m", file); },
               "tensor 'x': 8 bytes do not fit F32 of shape (3)");
  file.tensors["x"].shape = {2};
  file.metadata["bad"] = "\xff";
  expect_error([&] { write_safetensors(folder / "m", file); }, "a name or a metadata value is not UTF-8");
  file.metadata.clear();
  expect_error([&] { write_safetensors("/dev/full", file); }, "/dev/full: cannot write: No space left");
  EXPECT_EQ(folder.entries(), 0U);
}

TEST(Safetensors, AFullDiskLeavesTheOlderCheckpoint) {
  const TemporaryFolder folder;
  SafetensorsFile file;
  file.tensors["x"] = {StoredType::u8, {3}, std::vector<std::byte>(3)};
  write_safetensors(folder / "m", file);
  const std::string older = content_of(folder / "m");
  const pid_t child = ::fork();
  if (child == 0) {
    std::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{4096, 4096};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    file.tensors["x"] = {StoredType::u8, {100'000}, std::vector<std::byte>(100'000)};
    try {
      write_safetensors(folder / "m", file);
    } catch (const Error&) {
      ::_exit(7);
    }
    ::_exit(0);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 7) << status;
  EXPECT_EQ(content_of(folder / "m"), older);
  EXPECT_EQ(folder.entries(), 1U);
}

}  // namespace
}  // namespace sec::io

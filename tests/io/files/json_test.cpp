#include "io/files/json.h"

#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

namespace sec::io {
namespace {

// The message of the error that `action` throws.
template <typename Action>
std::string message_of(Action action) {
  try {
    action();
  } catch (const JsonError& error) {
    return error.what();
  }
  return "no error";
}

Json sample() {
  Json json = {{"text", "caf\u00e9 \"II\"\n"},
               {"count", 5000},
               {"negative", -3},
               {"largest", UINT64_MAX},
               {"ratio", 0.1F},
               {"tiny", 1e-300},
               {"whole", 2.0},
               {"nothing", nullptr},
               {"yes", true},
               {"list", std::vector<double>{0.25, 1e22}},
               {"names", std::vector<std::string>{"N", "S"}},
               {"map", std::map<std::string, int>{{"a", 1}, {"b", 2}}},
               {"empty", Json::array()},
               {"none", Json::object()}};
  json["list of lists"].push_back(Json::array({1, "two", Json()}));
  return json;
}

TEST(Json, WritesWhatNlohmannReads) {
  const auto other = nlohmann::ordered_json::parse(sample().dump());
  EXPECT_EQ(other.at("text"), "caf\u00e9 \"II\"\n");
  EXPECT_EQ(other.at("count"), 5000);
  EXPECT_EQ(other.at("negative"), -3);
  EXPECT_EQ(other.at("largest"), UINT64_MAX);
  EXPECT_EQ(other.at("ratio").get<double>(), double{0.1F});
  EXPECT_EQ(other.at("tiny").get<double>(), 1e-300);
  EXPECT_TRUE(other.at("nothing").is_null());
  EXPECT_EQ(other.at("yes"), true);
  EXPECT_EQ(other.at("list"), (std::vector<double>{0.25, 1e22}));
  EXPECT_EQ(other.at("names"), (std::vector<std::string>{"N", "S"}));
  EXPECT_EQ(other.at("map").at("b"), 2);
  EXPECT_EQ(other.at("list of lists").at(0).at(1), "two");
  EXPECT_EQ(other.size(), sample().size());
  EXPECT_EQ(other.begin().key(), "text") << "members keep their order";
  // The writer is nlohmann's, so its text is the same, also of a text that it has read.
  EXPECT_EQ(other.dump(2), sample().dump(2));
}

TEST(Json, ReadsWhatItWrote) {
  const Json json = sample();
  EXPECT_EQ(Json::parse(json.dump()), json);
  EXPECT_EQ(Json::parse(json.dump(1)), json);
  EXPECT_EQ(Json::parse(json.dump_ascii()), json);
  EXPECT_EQ(json.at("list").get<std::vector<float>>(), (std::vector<float>{0.25F, 1e22F}));
  EXPECT_EQ((json.at("map").get<std::map<std::string, std::int64_t>>().at("b")), 2);
  EXPECT_EQ(json.at("names").get<std::vector<std::string>>().back(), "S");
  EXPECT_EQ(json.at("whole").get<double>(), 2);
}

TEST(Json, WritesNullForNumbersThatJsonLacks) {
  EXPECT_EQ(Json(std::nan("")).dump(), "null");
  EXPECT_EQ(Json(INFINITY).dump(), "null");
}

TEST(Json, ReplacesBytesThatAreNotUtf8) {
  EXPECT_EQ(Json("a\xff"
                 "b")
                .dump(),
            "\"a\xef\xbf\xbd"
            "b\"");
  EXPECT_EQ(Json("\u00e9").dump_ascii(), R"("\u00e9")");
}

TEST(Json, RefusesTextThatIsNotJson) {
  EXPECT_EQ(message_of([] { Json::parse("{\"a\": 1,}"); }), "is not JSON (at its byte 9)");
  EXPECT_EQ(message_of([] { Json::parse(""); }), "is not JSON (at its byte 1)");
  EXPECT_EQ(message_of([] { Json::parse("[1e999]"); }), "has a number that is too large");
  EXPECT_EQ(message_of([] { Json::parse("[1] 2"); }), "is not JSON (at its byte 5)");
  EXPECT_EQ(message_of([] { Json::parse(R"({"x": [{"a": 1, "b": 2, "a": 3}]})"); }), "names 'a' twice");
  EXPECT_EQ(message_of([] { Json::parse(std::string(1'000'000, '[')); }), "is nested more than 100 deep");
  EXPECT_TRUE(Json::parse_or_null("{").is_null());
  EXPECT_TRUE(Json::parse_or_null("{}").is_object());
}

TEST(Json, RefusesValuesOfAnotherType) {
  const Json json =
      Json::parse(R"({"text": "II", "n": 300, "minus": -1, "huge": 18446744073709551615, "half": 0.5})");
  EXPECT_EQ(message_of([&] { json.at("none"); }), "there is no 'none'");
  EXPECT_EQ(message_of([&] { json.at("text").get<double>(); }), "\"II\": expected a number");
  EXPECT_EQ(message_of([&] { json.at("n").get<std::string>(); }), "300: expected a string");
  EXPECT_EQ(message_of([&] { json.at("n").get<bool>(); }), "300: expected true or false");
  EXPECT_EQ(message_of([&] { json.at("n").get<std::int8_t>(); }),
            "300: expected an integer from -128 to 127");
  EXPECT_EQ(message_of([&] { json.at("minus").get<std::uint64_t>(); }), "-1: expected an integer from 0 on");
  EXPECT_EQ(message_of([&] { json.at("half").get<int>(); }),
            "0.5: expected an integer from -2147483648 to 2147483647");
  EXPECT_NE(message_of([&] { json.at("huge").get<std::int64_t>(); }), "no error");
  EXPECT_EQ(json.at("huge").get<std::uint64_t>(), UINT64_MAX);
  EXPECT_EQ(json.at("n").get<double>(), 300);
  EXPECT_EQ(message_of([&] { json.at("n").items(); }), "300: expected an object");
  EXPECT_EQ(message_of([&] { json.at("n").begin(); }), "300: expected an array");
  EXPECT_EQ(message_of([] { Json::array({1}).element(1); }), "there is no element 1 among 1");
}

}  // namespace
}  // namespace sec::io

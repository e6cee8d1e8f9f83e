// Texts from files in messages: one line of UTF-8, of bounded length.
#include "engine/utf8.h"

#include <gtest/gtest.h>

#include "engine/error.h"

namespace sec {
namespace {

TEST(Utf8, CharactersHaveOneToFourBytes) {
  const std::pair<std::string_view, std::size_t> cases[] = {{"a", 1},
                                                            {"\xC3\xA9x", 2},
                                                            {"\xE7\xAA\xA6x", 3},
                                                            {"\xF0\x9F\x98\x80x", 4},
                                                            {"", 0},
                                                            {"\x80", 0},
                                                            {"\xE7\xAA", 0},
                                                            {"\xC0\xAF", 0},
                                                            {"\xE0\x80\xAF", 0},
                                                            {"\xED\xA0\x80", 0},
                                                            {"\xF4\x90\x80\x80", 0},
                                                            {"\xFF", 0}};
  for (const auto& [text, length] : cases) {
    EXPECT_EQ(utf8_character(text), length) << text;
  }
}

TEST(Utf8, AMessageIsOneLineOfUtf8) {
  EXPECT_EQ(one_line("lead \xE5\xBF\x83, 1 µV"), "lead \xE5\xBF\x83, 1 µV");
  EXPECT_EQ(one_line("a\nb\tc\x1b[31m\x7f"), "a?b?c?[31m?");
  EXPECT_EQ(one_line(std::string("a\0b", 3)), "a?b");
  EXPECT_EQ(one_line("\xFF\xE7\xAA end \xC3"), "??? end ?");
  try {
    fail("r.hea:{}: gain is '{}', expected a number", 2, "2\xFF\x80\n");
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "r.hea:2: gain is '2??\?', expected a number");
  }
}

TEST(Utf8, ALongMessageKeepsItsBeginningAndItsEnd) {
  const std::string whole = "begin" + std::string(1490, 'x') + "e end";
  EXPECT_EQ(one_line(whole), whole);
  const std::string line = one_line("begin" + std::string(200'000, 'x') + ", expected a number");
  EXPECT_LT(line.size(), 1600U);
  EXPECT_TRUE(line.starts_with("beginxxx")) << line;
  EXPECT_TRUE(line.ends_with("xxx, expected a number")) << line;
  EXPECT_NE(line.find("x ... x"), std::string::npos) << line;
  // A cut within a character leaves valid text.
  std::string characters;
  for (int i = 0; i < 2000; ++i) {
    characters += "\xE5\xBF\x83";
  }
  const std::string cut = one_line(characters);
  EXPECT_NE(cut.find("?"), std::string::npos);
  EXPECT_EQ(one_line(cut), cut);
}

}  // namespace
}  // namespace sec

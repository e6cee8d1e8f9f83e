// Folders behind links, and text for terminals.
#include "io/files/folder.h"

#include <gtest/gtest.h>

#include "io/databases/cinc.h"
#include "io/databases/open_recording.h"
#include "io/files/utf8.h"
#include "tests/io/files.h"

namespace sec::io {
namespace {

namespace fs = std::filesystem;

TEST(Folder, LinksAreFollowedOnce) {
  const TemporaryFolder folder;
  fs::create_directories(folder / "disk/part/deep");
  fs::create_directories(folder / "db/own");
  folder.write("disk/part/rec.hea", "rec 0\n#Dx: 1\n");
  folder.write("disk/part/deep/rec.hea", "rec 0\n#Dx: 2\n");
  folder.write("disk/single.hea", "single 0\n#Dx: 3\n");
  folder.write("db/own/rec.hea", "rec 0\n#Dx: 4\n");
  fs::create_directory_symlink(folder / "disk/part", folder / "db/part");
  fs::create_directory_symlink("../db", folder / "db/again");             // a circle
  fs::create_directory_symlink(folder / "db/own", folder / "db/a_copy");  // searched under its own name
  fs::create_symlink(folder / "disk/single.hea", folder / "db/single.hea");
  fs::create_symlink(folder / "nowhere", folder / "db/lost.dat");
  std::vector<std::string> names;
  for (const fs::path& file : files_below(folder / "db")) {
    names.push_back(file.lexically_relative(folder / "db").string());
  }
  EXPECT_EQ(names, (std::vector<std::string>{"lost.dat", "own/rec.hea", "part/deep/rec.hea", "part/rec.hea",
                                             "single.hea"}));
  std::vector<std::string> ids;
  for (const LabelledRecording& recording : read_cinc(folder / "db")) {
    ids.push_back(recording.id);
  }
  EXPECT_EQ(ids, (std::vector<std::string>{"own/rec", "part/deep/rec", "part/rec", "single"}));
  expect_error([&] { files_below(folder / "none"); }, "none: cannot read the folder");
}

// The signal file of a header that is a link is beside the link, or else beside the file it leads to.
TEST(Folder, ALinkedHeaderFindsItsSignals) {
  const TemporaryFolder folder;
  fs::create_directories(folder / "disk");
  fs::create_directories(folder / "db");
  folder.write("disk/rec.hea", "rec 1 10 2\nrec.dat 16 200 16 0 1 3 0 II\n");
  folder.write("disk/rec.dat", std::string("\1\0\2\0", 4));
  fs::create_symlink(folder / "disk/rec.hea", folder / "db/rec.hea");
  EXPECT_EQ(open_recording(folder / "db/rec")->info().samples, 2);
  EXPECT_EQ(files_of_recording(folder / "db/rec").size(), 2U);
}

TEST(OpenRecording, SaysWhatToNameInstead) {
  const TemporaryFolder folder;
  fs::create_directories(folder / "db");
  folder.write("db/100.hea", "100 1 10 2\n100.dat 16 200 16 0 1 3 0 II\n");
  folder.write("db/100.dat", std::string("\1\0\2\0", 4));
  folder.write("db/100.atr", "");
  folder.write("db.zip", "PK");
  folder.write("night.edf", "");
  folder.write("notes.md", "");
  const std::string record = (folder / "db/100").string();
  EXPECT_EQ(open_recording(folder / "db/100.hea")->info().samples, 2);
  for (const char* name : {"db/100.dat", "db/100.atr", "db/100."}) {
    expect_error([&] { open_recording(folder / name); },
                 std::string(name) + ": belongs to a WFDB record; name the record, " + record);
  }
  expect_error([&] { open_recording(folder / "db"); },
               "db: a folder, expected a recording, such as " + record);
  expect_error([&] { open_recording(folder / "db.zip"); },
               "db.zip: an archive; unpack it and name a recording in it");
  expect_error([&] { open_recording(folder / "night"); },
               "name the file with its extension, " + (folder / "night.edf").string());
  expect_error([&] { open_recording(folder / "notes.md"); },
               "notes.md: not a recording; expected a WFDB record, or a file");
  expect_error([&] { open_recording(folder / "none"); }, "none.hea: cannot open");
}

TEST(Text, Latin1IsConvertedAndUtf8IsKept) {
  EXPECT_EQ(to_utf8("plain"), "plain");
  EXPECT_EQ(to_utf8("M\u00fcller \u2192"), "M\u00fcller \u2192");
  EXPECT_EQ(to_utf8("M\xfcller \xb5V \x96"), "M\u00fcller \u00b5V ?");
}

TEST(Text, NothingCommandsATerminal) {
  EXPECT_EQ(for_terminal("a\tb\nM\u00fcller \u2192"), "a\tb\nM\u00fcller \u2192");
  EXPECT_EQ(for_terminal("a\x1b[2Jb\rc\x7f\x07"), "a?[2Jb?c??");
  EXPECT_EQ(for_terminal("\u009b2J\u0080\u00a0"), "?2J?\u00a0");  // U+009B begins commands as ESC [ does
  EXPECT_EQ(for_terminal("\x9b"
                         "2J\xff\xc3"),
            "?2J??");
  EXPECT_EQ(for_terminal(std::string("\0x", 2)), "?x");
  EXPECT_EQ(escaped_controls("{\"a\":\"\u009b\x7f\u00fc\"}"), "{\"a\":\"\\u009b\\u007f\u00fc\"}");
}

}  // namespace
}  // namespace sec::io

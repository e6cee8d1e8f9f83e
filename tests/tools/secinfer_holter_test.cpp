// secinfer --report, --rr and --nn: files about a whole recording agree with its annotation file.
#include <cmath>
#include <fstream>
#include <map>
#include <sstream>

#include "io/recording/annotation_codes.h"
#include "io/wfdb/annotation.h"
#include "tests/tools/run_secinfer.h"

namespace sec::train {
namespace {

namespace fs = std::filesystem;

// The cells of a row of the page's table of hours, without separators of thousands.
std::vector<std::string> row_of(const std::string& page, const std::string& head) {
  const std::size_t table = page.find("id=\"by-hour\"");
  std::size_t at = page.find("<th scope=\"row\">" + head + "</th>", table);
  EXPECT_NE(at, std::string::npos) << head;
  const std::size_t end = page.find("</tr>", at);
  std::vector<std::string> cells;
  for (at = page.find("<td", at); at < end; at = page.find("<td", at + 1)) {
    const std::size_t begin = page.find('>', at) + 1;
    std::string cell = page.substr(begin, page.find('<', begin) - begin);
    std::erase(cell, ',');
    cell.resize(cell.find(' ') == std::string::npos ? cell.size() : cell.find(' '));
    cells.push_back(cell);
  }
  return cells;
}

std::vector<std::vector<std::string>> rows_of_csv(const fs::path& path) {
  std::vector<std::vector<std::string>> rows;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    std::vector<std::string>& row = rows.emplace_back();
    std::istringstream fields(line);
    for (std::string field; std::getline(fields, field, ',');) {
      row.push_back(field);
    }
  }
  return rows;
}

TEST_F(Secinfer, HolterFilesAgreeWithTheAnnotationFile) {
  const Outcome run = secinfer("--quiet --out " + path("made") + " --report " + path("made/night.html") +
                               " --rr " + path("rr.csv") + " --nn " + path("nn.csv") + " " + record("106"));
  ASSERT_EQ(run.status, 0) << run.error;
  const auto annotations = io::read_annotations(folder_ / "made/106.sec");
  std::map<std::string, int> counts;
  std::vector<std::string> labels;
  for (const io::Annotation& annotation : annotations) {
    labels.push_back(std::string(io::symbol_of(annotation.code)));
    ++counts[labels.back()];
  }
  ASSERT_GT(counts["N"], 5);
  ASSERT_GT(counts["V"], 0);
  const std::string page = io::content_of(folder_ / "made/night.html");
  const std::vector<std::string> all = row_of(page, "all");
  ASSERT_EQ(all.size(), 11U);  // beats, N, V, and eight more
  EXPECT_EQ(all[0], std::to_string(annotations.size()));
  EXPECT_EQ(all[1], std::to_string(counts["N"]));
  EXPECT_EQ(all[2], std::to_string(counts["V"]));
  EXPECT_EQ(row_of(page, "0:00"), all);

  // The tables, computed again from the annotation file.
  const auto rr = rows_of_csv(folder_ / "rr.csv");
  const auto nn = rows_of_csv(folder_ / "nn.csv");
  ASSERT_EQ(rr.size(), annotations.size());  // with the header
  EXPECT_EQ(rr[0], (std::vector<std::string>{"time_s", "rr_ms", "from", "to", "gap", "nn"}));
  std::vector<double> normal;
  std::vector<double> differences;  // of NN intervals that follow each other
  for (std::size_t i = 1; i < annotations.size(); ++i) {
    const double seconds = static_cast<double>(annotations[i].sample - annotations[i - 1].sample) / 360;
    const auto is_normal = [&](std::size_t k) { return k >= labels.size() || labels[k] == "N"; };
    const bool expected = is_normal(i - 1) && is_normal(i) && is_normal(i + 1) && (i < 2 || is_normal(i - 2));
    EXPECT_NEAR(std::stod(rr[i][0]), static_cast<double>(annotations[i].sample) / 360, 1e-6);
    EXPECT_NEAR(std::stod(rr[i][1]), 1000 * seconds, 1e-3);
    EXPECT_EQ(rr[i][2], labels[i - 1]);
    EXPECT_EQ(rr[i][3], labels[i]);
    EXPECT_EQ(rr[i][4], "0");
    EXPECT_EQ(rr[i][5], expected ? "1" : "0");
    if (expected && i > 1 && rr[i - 1][5] == "1") {
      differences.push_back(1000 * seconds - normal.back());
    }
    if (expected) {
      normal.push_back(1000 * seconds);
      ASSERT_LT(normal.size(), nn.size());
      EXPECT_EQ(nn[normal.size()][0], rr[i][0]);
      EXPECT_EQ(nn[normal.size()][1], rr[i][1]);
    }
  }
  EXPECT_EQ(nn.size(), normal.size() + 1);
  double sum = 0, squares = 0;
  for (const double interval : normal) {
    sum += interval;
  }
  for (const double difference : differences) {
    squares += difference * difference;
  }
  ASSERT_GT(differences.size(), 1U);
  EXPECT_NE(page.find(fmt::format("<b>{:.0f}\u00A0ms</b><small>RMSSD {:.0f}\u00A0ms",
                                  sum / static_cast<double>(normal.size()),
                                  std::sqrt(squares / static_cast<double>(differences.size())))),
            std::string::npos);
}

// The start of the record gives the time of the clock; its name and date appear with --identify alone.
TEST_F(Secinfer, HolterReportNamesNoOneUnlessAsked) {
  for (const char* extension : {".hea", ".dat"}) {
    fs::copy_file(record("106") + extension, path(std::string("106") + extension));
  }
  std::string header = io::content_of(folder_ / "106.hea");
  const std::size_t line = header.find('\n');
  header.insert(line, " 21:30:00 05/06/1999");
  folder_.write("106.hea", header);
  ASSERT_EQ(secinfer("--quiet --report " + path("a.html") + " " + path("106")).status, 0);
  const std::string page = io::content_of(folder_ / "a.html");
  EXPECT_NE(page.find("from 21:30:00 to 21:31:00"), std::string::npos);
  EXPECT_EQ(page.find("106"), page.find("1060")) << "the record's name";
  EXPECT_EQ(page.find("1999"), std::string::npos);
  ASSERT_EQ(secinfer("--quiet --identify --overwrite --report " + path("a.html") + " " + path("106")).status,
            0);
  const std::string named = io::content_of(folder_ / "a.html");
  EXPECT_NE(named.find("<h1>Recording 106</h1>"), std::string::npos);
  EXPECT_NE(named.find("begun on 05/06/1999"), std::string::npos);
}

TEST_F(Secinfer, HolterFilesAreRefused) {
  const std::string two = record("106") + " " + record("100");
  expect_failure("--report " + path("a.html") + " " + two, 2, "about one recording");
  expect_failure("--nn " + path("a.csv") + " --live --rate 360 --leads MLII,V1 -", 2, "not about a pipe",
                 "true | ");
  expect_failure("--identify " + record("106"), 2, "--identify is about the page");
  expect_failure("--rr " + path("a") + " --nn " + path("a") + " " + record("106"), 2, "name the same file");
  expect_failure("--report " + path("none/a.html") + " " + record("106"), 1, "none");
  folder_.write("there.html", "kept");
  expect_failure("--report " + path("there.html") + " " + record("106"), 1,
                 "there.html: exists; --overwrite replaces it");
  EXPECT_EQ(io::content_of(folder_ / "there.html"), "kept");
  expect_failure("--overwrite --rr " + path("b.csv") + " --report " + record("106.dat") + " " + record("106"),
                 1, "106.dat");
  EXPECT_FALSE(fs::exists(folder_ / "b.csv"));
  // A recording that fails leaves no file, and what was there stays.
  const std::string bad =
      write_record("short", {std::vector<float>(100, 0.0F), std::vector<float>(100, 0.0F)});
  expect_failure("--overwrite --report " + path("there.html") + " --rr " + path("c.csv") + " " + bad, 1,
                 "the network's window is");
  EXPECT_EQ(io::content_of(folder_ / "there.html"), "kept");
  EXPECT_FALSE(fs::exists(folder_ / "c.csv"));
}

}  // namespace
}  // namespace sec::train

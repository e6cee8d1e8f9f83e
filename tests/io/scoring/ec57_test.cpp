#include "io/scoring/ec57.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <random>
#include <sstream>

#include "io/databases/mitdb.h"
#include "io/recording/annotation_codes.h"
#include "io/scoring/aami.h"
#include "io/wfdb/annotation.h"
#include "tests/io/files.h"

namespace sec::io {
namespace {

using enum Ec57Label;
using Annotations = std::vector<Annotation>;

Annotation mark(std::int64_t sample, const std::string& symbol, int subtype = 0) {
  return {sample, *code_of(symbol), subtype, 0, 0, ""};
}

// At 100 samples per second the match window is 15 samples. Scoring starts at `start` seconds.
Ec57Counts compare(const Annotations& reference, const Annotations& test, double start = 0) {
  Ec57Options options;
  options.rate = 100;
  options.start = start;
  options.end = 10000;
  return compare_beats(reference, test, options);
}

// Formats the nonzero cells: "Nn 2 Vo 1".
std::string text_of(const Ec57Counts& counts) {
  const std::string upper = "NSVFQOX";
  const std::string lower = "nsvfqox";
  std::string text;
  for (std::size_t r = 0; r < ec57_labels; ++r) {
    for (std::size_t t = 0; t < ec57_labels; ++t) {
      if (counts.cells[r][t] != 0) {
        text += fmt::format("{}{}{} {}", text.empty() ? "" : " ", upper[r], lower[t], counts.cells[r][t]);
      }
    }
  }
  return text;
}

TEST(Ec57, PairsBeatsWithinTheWindow) {
  EXPECT_EQ(
      text_of(compare({mark(100, "N"), mark(200, "V"), mark(300, "A"), mark(400, "F"), mark(500, "/")},
                      {mark(101, "N"), mark(190, "A"), mark(315, "V"), mark(400, "V"), mark(500, "Q")})),
      "Nn 1 Sv 1 Vs 1 Fv 1 Qq 1");
  EXPECT_EQ(text_of(compare({mark(100, "N")}, {mark(115, "N")})), "Nn 1");
  EXPECT_EQ(text_of(compare({mark(100, "N")}, {mark(116, "N")})), "No 1 On 1");
  EXPECT_EQ(text_of(compare({mark(100, "N")}, {mark(85, "N")})), "Nn 1");
  EXPECT_EQ(text_of(compare({mark(100, "N")}, {mark(84, "N")})), "No 1 On 1");
  EXPECT_EQ(text_of(compare({mark(100, "L"), mark(120, "~"), mark(150, "+")}, {mark(100, "R")})), "Nn 1");
}

TEST(Ec57, TheNearerOfTwoIsTheMatch) {
  // Two test beats near one reference beat, and vice versa.
  EXPECT_EQ(text_of(compare({mark(100, "N")}, {mark(90, "V"), mark(102, "N")})), "Nn 1 Ov 1");
  EXPECT_EQ(text_of(compare({mark(100, "N")}, {mark(98, "V"), mark(112, "N")})), "Nv 1 On 1");
  EXPECT_EQ(text_of(compare({mark(90, "V"), mark(102, "N")}, {mark(100, "N")})), "Nn 1 Vo 1");
  // A tie in which the next pair is nearer to each other: both pairs match.
  // This is the case of the 2002 amendment, here with a window of 37 samples.
  Ec57Options wide{.rate = 100, .start = 0, .window = 0.37, .end = 10000};
  EXPECT_EQ(text_of(compare_beats(Annotations{mark(96, "N"), mark(160, "V")},
                                  Annotations{mark(128, "N"), mark(185, "V")}, wide)),
            "Nn 1 Vv 1");
}

TEST(Ec57, TheFirstMinutesDoNotCount) {
  // Scoring starts at sample 1000. Beats before it are not scored, but a test beat just before it may match.
  EXPECT_EQ(text_of(compare({mark(500, "N"), mark(1005, "N"), mark(1100, "N")},
                            {mark(700, "V"), mark(995, "V"), mark(1100, "N")}, 10)),
            "Nn 1 Nv 1");
  // A test beat just after the start that matches a reference beat just before it is not an error.
  EXPECT_EQ(text_of(compare({mark(995, "N"), mark(1100, "N")}, {mark(1005, "N"), mark(1100, "N")}, 10)),
            "Nn 1");
  EXPECT_EQ(text_of(compare({mark(900, "N"), mark(1100, "N")}, {mark(1040, "N"), mark(1100, "N")}, 10)),
            "Nn 1 On 1");
}

TEST(Ec57, FibrillationAndShutdown) {
  // Test beats within the reference's fibrillation are not counted, nor are reference beats within it.
  EXPECT_EQ(text_of(compare({mark(100, "N"), mark(200, "["), mark(250, "V"), mark(300, "]"), mark(400, "N")},
                            {mark(100, "N"), mark(250, "V"), mark(350, "N"), mark(400, "N")})),
            "Nn 2 On 1");
  // The sample of the closing mark is the last one of fibrillation.
  EXPECT_EQ(text_of(compare({mark(100, "N"), mark(200, "["), mark(300, "]"), mark(400, "N")},
                            {mark(100, "N"), mark(300, "V"), mark(400, "N")})),
            "Nn 2");
  // Beats missed during shutdown of the test count as x; beats found during shutdown of the reference as X.
  EXPECT_EQ(text_of(compare({mark(100, "N"), mark(300, "V"), mark(500, "N")},
                            {mark(100, "N"), mark(200, "~", 0x30), mark(400, "~", 0), mark(700, "V")})),
            "Nn 1 No 1 Vx 1 Ov 1");
  EXPECT_EQ(text_of(compare({mark(100, "N"), mark(200, "~", 0x33), mark(400, "~", 1), mark(500, "N")},
                            {mark(100, "N"), mark(300, "A"), mark(500, "N")})),
            "Nn 2 Xs 1");
  // Noise on only one signal is not shutdown. A single shutdown mark stands for the gap around it.
  EXPECT_EQ(text_of(compare({mark(100, "N"), mark(200, "~", 0x11), mark(500, "N")},
                            {mark(100, "N"), mark(300, "A"), mark(500, "N")})),
            "Nn 2 Os 1");
  EXPECT_EQ(text_of(compare({mark(100, "N"), mark(300, "~", 0x30), mark(500, "N")},
                            {mark(100, "N"), mark(120, "A"), mark(490, "N")})),
            "Nn 2 Xs 1");
  const Ec57Counts closed = compare({mark(100, "N")}, {mark(200, "~", 0x30), mark(450, "~", 0)});
  EXPECT_DOUBLE_EQ(closed.shutdown, 2.5);
}

TEST(Ec57, MeasuresRrIntervals) {
  // RR intervals of 1 s are compared with 1.03, 0.97 and 1 s. The first beat has no interval.
  const Ec57Counts counts = compare({mark(100, "N"), mark(200, "N"), mark(300, "N"), mark(400, "N")},
                                    {mark(100, "N"), mark(203, "N"), mark(300, "N"), mark(400, "N")});
  EXPECT_EQ(counts.rr_count, 3);
  EXPECT_NEAR(*ec57_scores(counts).rr_error, 1000 * std::sqrt(0.0018 / 3), 1e-9);
}

// What WFDB's comparator prints for records with missed and extra beats follows this rule to the last digit.
TEST(Ec57, MissedAndExtraBeatsEnterTheRrErrorTwice) {
  // The test misses the beat at 300, so its RR interval of 2 s is compared with two intervals of 1 s.
  const Ec57Counts missed =
      compare({mark(100, "N"), mark(200, "N"), mark(300, "N"), mark(400, "N"), mark(500, "N")},
              {mark(100, "N"), mark(200, "N"), mark(400, "N"), mark(500, "N")});
  EXPECT_EQ(missed.rr_count, 4);
  EXPECT_NEAR(missed.rr_squares, 2.0, 1e-9);
  // An extra beat at 240: its interval of 0.4 s is compared with the reference's next one, of 1 s; then 0.6 s with 1 s.
  const Ec57Counts extra = compare({mark(100, "N"), mark(200, "N"), mark(300, "N")},
                                   {mark(100, "N"), mark(200, "N"), mark(240, "N"), mark(300, "N")});
  EXPECT_EQ(extra.rr_count, 3);
  EXPECT_NEAR(extra.rr_squares, 0.36 + 0.16, 1e-9);
}

// EC57 and WFDB's comparator count escape beats as S; de Chazal's classes, which training uses, as N.
TEST(Ec57, EscapeBeatsAreSupraventricularByTheStandard) {
  const Annotations escapes = {mark(100, "e"), mark(200, "j"), mark(300, "n"), mark(400, "N"),
                               mark(500, "A")};
  EXPECT_EQ(text_of(compare(escapes, escapes)), "Nn 1 Ss 4");
  Ec57Options options{
      .rate = 100, .start = 0, .window = 0.15, .end = 10000, .mapping = BeatMapping::de_chazal};
  EXPECT_EQ(text_of(compare_beats(escapes, escapes, options)), "Nn 4 Ss 1");
}

// The counts and the line that the standard's own program printed for record 100.
// A fusion or unclassifiable beat read as S is an error in a record's line, and is ignored in the sums.
TEST(Ec57, GrossFiguresForgiveFusionBeatsReadAsSupraventricular) {
  Ec57Record record;
  const auto set = [&](Ec57Label r, Ec57Label t, std::int64_t n) {
    record.counts.cells[static_cast<std::size_t>(r)][static_cast<std::size_t>(t)] = n;
  };
  set(S, S, 6), set(N, S, 2), set(F, S, 1), set(Q, S, 1);
  EXPECT_EQ(ec57_scores(record.counts).s_p, 60.0);  // 6 of 10
  const std::vector<Ec57Record> records = {record, record};
  EXPECT_EQ(ec57_gross(records).s_p, 75.0);  // 12 of 16
  EXPECT_EQ(ec57_average(records).s_p, 75.0);
}

TEST(Ec57, LinesHaveTheComparatorsLayout) {
  Ec57Record record;
  record.name = "100";
  const auto set = [&](Ec57Label r, Ec57Label t, std::int64_t n) {
    record.counts.cells[static_cast<std::size_t>(r)][static_cast<std::size_t>(t)] = n;
  };
  set(N, N, 1800), set(N, F, 5), set(N, Q, 4), set(O, N, 10), set(X, N, 4), set(N, S, 17), set(S, S, 27);
  set(N, V, 20), set(S, V, 1), set(V, V, 1), set(O, V, 5), set(N, O, 20), set(N, X, 6), set(S, O, 1);
  record.counts.rr_count = 1;
  record.counts.rr_squares = 0.11931 * 0.11931;
  const std::string line =
      " 100  1809   0   0   0  14  17  27   0   0   0  20   1    1   0   5  26   1   0   0  98.58  99.00 "
      "100.00   "
      "3.70  93.10  61.36 119.31";
  EXPECT_EQ(ec57_line(record), line);
  Ec57Record empty;
  empty.name = "101";
  const std::vector<Ec57Record> records = {record, empty};
  std::istringstream table(ec57_table(records));
  std::vector<std::string> lines;
  for (std::string one; std::getline(table, one);) {
    lines.push_back(one);
  }
  ASSERT_EQ(lines.size(), 10U);
  EXPECT_EQ(
      lines[0],
      "Record Nn' Sn' Vn' Fn' On'  Ns  Ss  Vs  Fs' Os' Nv  Sv   Vv  Fv' Ov' No' So' Vo' Fo'  Q Se   Q +P   "
      "V Se   V +P   S Se   S +P RR err");
  EXPECT_EQ(lines[1], line);
  EXPECT_EQ(lines[2], " 101     0   0   0   0   0   0   0   0   0   0   0   0    0   0   0   0   0   0   0" +
                          std::string("      -      -      -      -      -      -      -"));
  EXPECT_EQ(lines[4].substr(0, 30), "Sum   1809   0   0   0  14  17");
  // Each score in the summary is aligned with the same score in the records' lines.
  const std::size_t figures = line.find("  98.58");
  EXPECT_EQ(lines[5], "Gross" + std::string(figures - 5, ' ') + line.substr(figures, 42));
  EXPECT_EQ(lines[6], "Average" + std::string(figures - 7, ' ') + line.substr(figures));
  EXPECT_EQ(lines[7], "Total QRS complexes: 1902  Total VEBs: 1  Total SVEBs: 29");
}

TEST(Ec57, RefusesNonsense) {
  expect_error([] { compare_beats({}, {}, Ec57Options{}); }, "rate 0 Hz");
  expect_error([] { compare_beats({}, {}, Ec57Options{.rate = 100, .start = -1, .end = {}}); }, "start -1 s");
}

// An independent implementation: counts are indexed by name, and each next beat is found by a full search.
struct Plain {
  struct Event {
    std::int64_t time;
    char name;
    bool used = false;
  };
  std::vector<Event> reference;
  std::vector<Event> test;
  std::vector<bool> fibrillation = std::vector<bool>(700'000);
  std::map<std::string, std::int64_t> tally;

  static std::vector<Event> events_of(const Annotations& annotations, std::vector<bool>* fibrillation) {
    std::vector<Event> events;
    bool inside = false;
    std::int64_t since = 0;
    for (const Annotation& a : annotations) {
      const std::string symbol = symbol_of(a.code);
      if (symbol == "]" && inside && fibrillation != nullptr) {
        std::fill(fibrillation->begin() + since, fibrillation->begin() + a.sample + 1, true);
      }
      if (symbol == "[" || symbol == "]") {
        inside = symbol == "[";
        since = a.sample;
      } else if (const auto beat = beat_class_of(a.code, BeatMapping::ec57); beat && !inside) {
        events.push_back({a.sample, "NSVFQ"[static_cast<int>(*beat)]});
      }
    }
    return events;
  }

  static std::vector<Event*> waiting(std::vector<Event>& events) {
    std::vector<Event*> two;
    for (Event& event : events) {
      if (!event.used && two.size() < 2) {
        two.push_back(&event);
      }
    }
    return two;
  }

  void pair(const std::string& cell, Event* one, Event* other = nullptr) {
    ++tally[cell];
    one->used = true;
    if (other != nullptr) {
      other->used = true;
    }
  }

  static double gap(const std::vector<Event*>& a, std::size_t i, const std::vector<Event*>& b,
                    std::size_t j) {
    const double first = i < a.size() ? static_cast<double>(a[i]->time) : 1e15;
    const double second = j < b.size() ? static_cast<double>(b[j]->time) : 1e15;
    return std::abs(first - second);
  }

  void compare(double start, double window) {
    for (Event& event : reference) {
      event.used = static_cast<double>(event.time) < start;
    }
    Event* early = nullptr;
    for (Event& event : test) {
      event.used = static_cast<double>(event.time) < start;
      early = event.used ? &event : early;
    }
    auto truths = waiting(reference);
    auto founds = waiting(test);
    const double to_early =
        truths.empty() || early == nullptr ? 1e9 : static_cast<double>(truths[0]->time - early->time);
    if (to_early <= window && to_early < gap(truths, 0, founds, 0)) {
      pair({truths[0]->name, early->name}, truths[0], early);
    } else if (!founds.empty() && static_cast<double>(founds[0]->time) - start <= window &&
               gap(truths, 0, founds, 1) < gap(truths, 0, founds, 0)) {
      founds[0]->used = true;
    }
    while (true) {
      truths = waiting(reference);
      founds = waiting(test);
      if (truths.empty() && founds.empty()) {
        return;
      }
      const bool early_test = truths.empty() || (!founds.empty() && founds[0]->time < truths[0]->time);
      const double apart = truths.empty() || founds.empty() ? 1e15 : gap(truths, 0, founds, 0);
      const double other = early_test ? gap(truths, 0, founds, 1) : gap(founds, 0, truths, 1);
      if (apart <= window && (apart < other || gap(truths, 1, founds, 1) < other)) {
        pair({truths[0]->name, founds[0]->name}, truths[0], founds[0]);
      } else if (early_test) {
        pair({fibrillation[static_cast<std::size_t>(founds[0]->time)] ? '*' : 'O', founds[0]->name},
             founds[0]);
      } else {
        pair({truths[0]->name, 'O'}, truths[0]);
      }
    }
  }
};

std::map<std::string, std::int64_t> tally_of(const Ec57Counts& counts) {
  std::map<std::string, std::int64_t> tally;
  for (std::size_t r = 0; r < ec57_labels; ++r) {
    for (std::size_t t = 0; t < ec57_labels; ++t) {
      if (counts.cells[r][t] != 0) {
        tally[{"NSVFQOX"[r], "NSVFQOX"[t]}] = counts.cells[r][t];
      }
    }
  }
  return tally;
}

// Moves, drops, inserts (also right beside others) and relabels beats.
Annotations perturbed(const Annotations& annotations, std::uint32_t seed) {
  std::mt19937 random(seed);
  const auto chance = [&](double p) { return static_cast<double>(random()) < p * 4294967296.0; };
  const auto between = [&](std::int64_t low, std::int64_t high) {
    return low + static_cast<std::int64_t>(random() % static_cast<std::uint32_t>(high - low + 1));
  };
  const std::string symbols = "NAVFQ";
  Annotations result;
  for (const Annotation& a : annotations) {
    if (symbol_of(a.code) == "!" && chance(0.2)) {
      result.push_back(mark(a.sample, "N"));  // within fibrillation
    }
    if (!beat_class_of(a.code, BeatMapping::ec57)) {
      continue;
    }
    Annotation moved = mark(a.sample, symbol_of(a.code));
    moved.sample = std::clamp<std::int64_t>(a.sample + between(-30, 30), 0, 649'999);
    moved.sample += chance(0.05) ? between(-90, 90) : 0;
    if (chance(0.1)) {
      moved.code = *code_of(std::string(1, symbols[random() % symbols.size()]));
    }
    if (!chance(0.05)) {
      result.push_back(moved);
    }
    if (chance(0.1)) {
      result.push_back(
          mark(a.sample + between(-120, 200), std::string(1, symbols[random() % symbols.size()])));
    }
  }
  for (Annotation& a : result) {
    a.sample = std::clamp<std::int64_t>(a.sample, 0, 649'999);
  }
  std::ranges::stable_sort(result, {}, &Annotation::sample);
  return result;
}

TEST(Ec57, EqualsAnotherImplementationOverTheWholeDatabase) {
  const auto folder = real_data("mitdb");
  if (!folder) {
    GTEST_SKIP() << "SEC_DATA names no folder with mitdb";
  }
  std::map<std::string, std::int64_t> total;
  for (const std::string& name : read_record_names(*folder)) {
    const Annotations reference = read_annotations(*folder / (name + ".atr"), 360);
    const Annotations test = perturbed(reference, static_cast<std::uint32_t>(std::stoi(name)));
    Plain plain;
    plain.reference = Plain::events_of(reference, &plain.fibrillation);
    plain.test = Plain::events_of(test, nullptr);
    plain.compare(300 * 360, 54);
    for (const auto& [cell, count] : plain.tally) {
      total[cell] += count;
    }
    std::erase_if(plain.tally, [](const auto& entry) { return entry.first[0] == '*'; });
    const Ec57Counts counts = compare_beats(
        reference, test, Ec57Options{.rate = 360, .start = 300, .window = 0.15, .end = 650'000});
    EXPECT_EQ(tally_of(counts), plain.tally) << name;
  }
  // The perturbation must have reached these cells for the comparison to be meaningful.
  for (const char* cell : {"NN", "NV", "VO", "ON", "OV", "SO", "SV", "FN", "QQ", "*N"}) {
    EXPECT_GT(total[cell], 0) << cell;
  }
}

// If beats are far apart and moved by less than the match window, each beat's match is its nearest neighbour.
// The order of the search then does not matter.
TEST(Ec57, EqualsNearestNeighboursWhereBeatsAreFarApart) {
  const auto folder = real_data("mitdb");
  if (!folder) {
    GTEST_SKIP() << "SEC_DATA names no folder with mitdb";
  }
  for (const std::string& name : read_record_names(*folder)) {
    if (name == "207") {
      continue;  // has fibrillation
    }
    const Annotations annotations = read_annotations(*folder / (name + ".atr"), 360);
    std::mt19937 random(static_cast<std::uint32_t>(std::stoi(name)));
    Annotations reference;
    Annotations test;
    for (const Annotation& a : annotations) {
      if (!beat_class_of(a.code, BeatMapping::ec57) ||
          (!reference.empty() && a.sample - reference.back().sample < 160)) {
        continue;
      }
      reference.push_back(a);
      if (random() % 20 != 0) {
        test.push_back(
            mark(std::max<std::int64_t>(0, a.sample + static_cast<std::int64_t>(random() % 101) - 50),
                 random() % 10 == 0 ? "V" : symbol_of(a.code)));
      }
    }
    std::map<std::string, std::int64_t> expected;
    std::vector<bool> taken(test.size());
    for (const Annotation& a : reference) {
      const auto label = "NSVFQ"[static_cast<int>(*beat_class_of(a.code, BeatMapping::ec57))];
      std::size_t match = test.size();
      for (std::size_t i = 0; i < test.size(); ++i) {
        match = std::abs(test[i].sample - a.sample) <= 54 ? i : match;
      }
      if (match < test.size()) {
        ++expected[{label, "NSVFQ"[static_cast<int>(*beat_class_of(test[match].code, BeatMapping::ec57))]}];
        taken[match] = true;
      } else {
        ++expected[{label, 'O'}];
      }
    }
    EXPECT_TRUE(std::ranges::all_of(taken, [](bool b) { return b; })) << name;
    EXPECT_EQ(tally_of(compare_beats(reference, test,
                                     Ec57Options{.rate = 360, .start = 0, .window = 0.15, .end = 650'000})),
              expected)
        << name;
  }
}

}  // namespace
}  // namespace sec::io

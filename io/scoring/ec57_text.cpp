// Scores and text reports of beat-by-beat comparisons.
#include <array>
#include <cmath>

#include "engine/error.h"
#include "io/scoring/ec57.h"

namespace sec::io {
namespace {

// A column of the report: the sum of the cells with these reference labels (rows) and test labels (columns).
// A prime in the name means that the sum includes more cells than its two letters say.
struct CountColumn {
  std::string_view name;
  int width;
  std::string_view reference, test;
};
constexpr std::string_view letters = "NSVFQOX";
constexpr std::array<CountColumn, 19> count_columns = {{{"Nn'", 6, "N", "NFQ"},
                                                        {"Sn'", 4, "S", "NFQ"},
                                                        {"Vn'", 4, "V", "NFQ"},
                                                        {"Fn'", 4, "FQ", "NFQ"},
                                                        {"On'", 4, "OX", "NFQ"},
                                                        {"Ns", 4, "N", "S"},
                                                        {"Ss", 4, "S", "S"},
                                                        {"Vs", 4, "V", "S"},
                                                        {"Fs'", 4, "FQ", "S"},
                                                        {"Os'", 4, "OX", "S"},
                                                        {"Nv", 4, "N", "V"},
                                                        {"Sv", 4, "S", "V"},
                                                        {"Vv", 5, "V", "V"},
                                                        {"Fv'", 4, "FQ", "V"},
                                                        {"Ov'", 4, "OX", "V"},
                                                        {"No'", 4, "N", "OX"},
                                                        {"So'", 4, "S", "OX"},
                                                        {"Vo'", 4, "V", "OX"},
                                                        {"Fo'", 4, "FQ", "OX"}}};
constexpr int name_width = 4;
constexpr int score_width = 7;
constexpr std::string_view heading =
    "Record Nn' Sn' Vn' Fn' On'  Ns  Ss  Vs  Fs' Os' Nv  Sv   Vv  Fv' Ov' No' So' Vo' Fo'"
    "  Q Se   Q +P   V Se   V +P   S Se   S +P RR err";

std::int64_t sum_of(const Ec57Counts& counts, std::string_view reference, std::string_view test) {
  std::int64_t sum = 0;
  for (const char r : reference) {
    for (const char t : test) {
      sum += counts.cells[letters.find(r)][letters.find(t)];
    }
  }
  return sum;
}

std::optional<double> percentage(std::int64_t right, std::int64_t wrong) {
  if (right + wrong == 0) {
    return std::nullopt;
  }
  return 100 * static_cast<double>(right) / static_cast<double>(right + wrong);
}

// `not_s`: reference labels whose beats count as errors when the test labels them S.
Ec57Scores scores_of(const Ec57Counts& counts, std::string_view not_s) {
  const std::int64_t found = sum_of(counts, "NSVFQ", "NSVFQ");
  const std::int64_t ventricular = sum_of(counts, "V", "V");
  const std::int64_t supraventricular = sum_of(counts, "S", "S");
  Ec57Scores scores;
  scores.q_se = percentage(found, sum_of(counts, "NSVFQ", "OX"));
  scores.q_p = percentage(found, sum_of(counts, "OX", "NSVFQ"));
  scores.v_se = percentage(ventricular, sum_of(counts, "V", "NSFQOX"));
  scores.v_p = percentage(ventricular, sum_of(counts, "NSOX", "V"));
  scores.s_se = percentage(supraventricular, sum_of(counts, "S", "NVFQOX"));
  scores.s_p = percentage(supraventricular, sum_of(counts, not_s, "S"));
  if (counts.rr_count > 0) {
    scores.rr_error = 1000 * std::sqrt(counts.rr_squares / static_cast<double>(counts.rr_count));
  }
  return scores;
}

using Figures = std::array<std::optional<double>, 7>;

Figures figures_of(const Ec57Scores& s) {
  return {s.q_se, s.q_p, s.v_se, s.v_p, s.s_se, s.s_p, s.rr_error};
}

std::string figure_text(const std::optional<double>& figure) {
  return figure ? fmt::format("{:>{}.2f}", *figure, score_width) : fmt::format("{:>{}}", "-", score_width);
}

std::string figures_text(const Ec57Scores& scores, bool with_rr) {
  std::string text;
  const Figures figures = figures_of(scores);
  for (std::size_t i = 0; i < figures.size() - (with_rr ? 0 : 1); ++i) {
    text += figure_text(figures[i]);
  }
  return text;
}

std::string counts_text(std::string_view name, const Ec57Counts& counts) {
  std::string text(name);
  for (const CountColumn& column : count_columns) {
    text += fmt::format(" {:>{}}", sum_of(counts, column.reference, column.test), column.width - 1);
  }
  return text;
}

Ec57Counts sum_of(std::span<const Ec57Record> records) {
  Ec57Counts sum;
  for (const Ec57Record& record : records) {
    sum += record.counts;
  }
  return sum;
}

}  // namespace

Ec57Scores ec57_scores(const Ec57Counts& counts) {
  return scores_of(counts, "NVFQOX");
}

Ec57Scores ec57_gross(std::span<const Ec57Record> records) {
  return scores_of(sum_of(records), "NVOX");
}

Ec57Scores ec57_average(std::span<const Ec57Record> records) {
  std::array<double, 7> totals{};
  std::array<int, 7> numbers{};
  for (const Ec57Record& record : records) {
    const Figures figures = figures_of(scores_of(record.counts, "NVOX"));
    for (std::size_t i = 0; i < figures.size(); ++i) {
      totals[i] += figures[i].value_or(0);
      numbers[i] += figures[i] ? 1 : 0;
    }
  }
  const auto mean = [&](std::size_t i) {
    return numbers[i] > 0 ? std::optional(totals[i] / numbers[i]) : std::nullopt;
  };
  return {mean(0), mean(1), mean(2), mean(3), mean(4), mean(5), mean(6)};
}

std::string ec57_line(const Ec57Record& record) {
  return counts_text(fmt::format("{:>{}}", record.name, name_width), record.counts) +
         figures_text(ec57_scores(record.counts), true);
}

std::string ec57_table(std::span<const Ec57Record> records) {
  std::string text = fmt::format("{}\n", heading);
  for (const Ec57Record& record : records) {
    text += ec57_line(record) + "\n";
  }
  const Ec57Counts sum = sum_of(records);
  const std::string sums = counts_text(fmt::format("{:<{}}", "Sum", name_width), sum);
  const std::size_t indent = counts_text(std::string(name_width, ' '), {}).size();
  const auto under_figures = [&](std::string_view name) { return fmt::format("{:<{}}", name, indent); };
  text += std::string(heading.size(), '_') + "\n" + sums + "\n";
  text += under_figures("Gross") + figures_text(ec57_gross(records), false) + "\n";
  text += under_figures("Average") + figures_text(ec57_average(records), true) + "\n";
  text +=
      fmt::format("Total QRS complexes: {}  Total VEBs: {}  Total SVEBs: {}\n\n",
                  sum_of(sum, "NSVFQ", "NSVFQOX"), sum_of(sum, "V", "NSVFQOX"), sum_of(sum, "S", "NSVFQOX"));
  return text +
         fmt::format("Summary of results from {} record{}\n", records.size(), records.size() == 1 ? "" : "s");
}

}  // namespace sec::io

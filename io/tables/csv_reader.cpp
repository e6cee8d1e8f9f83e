#include "io/tables/csv_reader.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "engine/error.h"
#include "io/files/random_file.h"
#include "io/files/text_table.h"
#include "io/files/utf8.h"
#include "io/recording/units.h"
#include "io/tables/csv_cells.h"
#include "io/tables/csv_lines.h"
#include "io/tables/side_file.h"

namespace sec::io {
namespace {

constexpr std::int64_t rows_apart = 1024;  // the position of every 1024th row is kept
constexpr std::string_view utf8_mark = "\xef\xbb\xbf";
constexpr double rate_agrees = 1e-3;  // relative tolerance between the time column and the side file

// Splits "MLII (uV)" or "MLII [uV]" into name and units. Units that are not stated are mV.
std::pair<std::string, std::string> name_and_units(const std::string& cell) {
  for (const auto& [open, close] : {std::pair(" (", ')'), std::pair(" [", ']')}) {
    const std::size_t at = cell.rfind(open);
    if (at != std::string::npos && at > 0 && cell.ends_with(close)) {
      const std::string units = cell.substr(at + 2, cell.size() - at - 3);
      return {cell.substr(0, at), units.empty() ? std::string(no_unit) : units};
    }
  }
  return {cell, "mV"};
}

// The meaning of a column, by its name.
enum class Meaning { lead, none, sample_number, seconds, milliseconds };

// Data frames without a name for their index column call it "Unnamed: 0" when they are read and written again.
bool is_nameless(const std::string& cell) {
  return cell.empty() || cell.starts_with("Unnamed: ");
}

Meaning meaning_of(const std::string& cell) {
  if (is_nameless(cell)) {
    return Meaning::none;
  }
  const std::string name = lower(cell);
  for (const char* known : {"sample", "sample #", "sample number", "samples", "index", "frame"}) {
    if (name == known) {
      return Meaning::sample_number;
    }
  }
  for (const char* known : {"time_ms", "time (ms)", "time [ms]", "ms"}) {
    if (name == known) {
      return Meaning::milliseconds;
    }
  }
  for (const char* known : {"time", "time_s", "time (s)", "time [s]", "t", "s", "seconds", "elapsed time"}) {
    if (name == known) {
      return Meaning::seconds;
    }
  }
  return Meaning::lead;
}

// Checks that times are equally spaced and estimates the sampling rate.
class TimeColumn {
 public:
  void add(double time, int decimals, std::int64_t line) {
    const double step = time - last_;
    if (count_ == 0) {
      first_ = time;
    } else {
      shortest_ = std::min(shortest_, step);
      if (step > longest_) {
        longest_ = step;
        longest_line_ = line;
      }
    }
    last_ = time;
    decimals_ = std::max(decimals_, decimals);
    ++count_;
  }

  // Estimates the sampling rate from times in units of `unit` seconds. Several rates are consistent with
  // times of limited precision; returns the one with the fewest decimals. Returns 0 for fewer than two times.
  double rate(double unit, const std::string& file) const {
    if (count_ < 2) {
      return 0;
    }
    const double digit = std::pow(10.0, -decimals_) * unit;
    const double duration = (last_ - first_) * unit;
    require(shortest_ > 0 && duration > 0, "{}: times do not increase from line to line", file);
    const double mean = static_cast<double>(count_ - 1) / duration;
    require(longest_ * unit <= 1.5 / mean + digit && shortest_ * unit >= 0.5 / mean - digit,
            "{}: line {}: a time step of {:.6g} s, the mean is {:.6g} s; expected equal time steps", file,
            longest_line_, longest_ * unit, 1 / mean);
    const double doubt = std::max(1e-12, std::min(0.01, digit / duration)) * mean;
    for (int places = 0; places <= 9; ++places) {
      const double rounded = std::round(mean * std::pow(10.0, places)) / std::pow(10.0, places);
      if (rounded > 0 && std::abs(rounded - mean) <= doubt) {
        return rounded;
      }
    }
    return mean;
  }

 private:
  double first_ = 0;
  double last_ = 0;
  double shortest_ = std::numeric_limits<double>::infinity();
  double longest_ = 0;
  std::int64_t longest_line_ = 0;
  std::int64_t count_ = 0;
  int decimals_ = 0;
};

class CsvReader final : public RecordingReader {
 public:
  explicit CsvReader(const std::filesystem::path& path) : file_(path), lines_(file_) {
    info_.name = path.stem().string();
    const std::filesystem::path side_path = find_side_file(path);
    const SideFile side = read_side_file(side_path);
    read_header(side);
    const double rate = read_index();
    scales_ = apply_side_file(side, side_path.string(), info_);
    require(!side.rate || rate == 0 || std::abs(rate / *side.rate - 1) <= rate_agrees,
            "{}: its times give {} Hz, but {} states {}", name(), rate, side_path.string(),
            side.rate.value_or(0));
    info_.rate = side.rate.value_or(rate);
    require(info_.rate > 0, "{}: no sampling rate: expected a column time_s or \"rate\" in {}", name(),
            side_path.string());
    require_rate(info_.rate, name());
  }

  const ReaderInfo& info() const override { return info_; }

  void read(std::int64_t begin, std::int64_t count, std::span<const std::span<float>> leads) override {
    require_window(info_, name(), begin, count, leads);
    if (count == 0) {
      return;
    }
    if (begin != at_row_) {
      const Place& place = places_[static_cast<std::size_t>(begin / rows_apart)];
      lines_.go(place.offset, place.line);
      for (std::int64_t row = begin / rows_apart * rows_apart; row < begin; ++row) {
        next_row();
      }
    } else {
      lines_.go(next_place_.offset, next_place_.line);
    }
    at_row_ = -1;  // remains -1 if reading fails
    for (std::int64_t i = 0; i < count; ++i) {
      const std::string_view row = next_row();
      split_csv(row, delimiter_, cells_);
      const std::int64_t line = lines_.number() - 1;
      require_columns(row, line);
      for (std::size_t lead = 0; lead < leads.size(); ++lead) {
        if (!leads[lead].empty()) {
          leads[lead][static_cast<std::size_t>(i)] = value_of(cells_[first_lead_ + lead], lead, line);
        }
      }
    }
    at_row_ = begin + count;
    next_place_ = {lines_.offset(), lines_.number()};
  }

  std::vector<Annotation> annotations() override { return {}; }

 private:
  struct Place {
    std::int64_t offset;
    std::int64_t line;
  };

  std::string name() const { return file_.path().string(); }

  float value_of(std::string_view cell, std::size_t lead, std::int64_t line) const {
    const std::optional<double> value = csv_number(cell, decimals_);
    require(value.has_value(), "{}: line {}: lead {} is '{}', expected a number{}", name(), line,
            info_.leads[lead].name, cell.substr(0, 40), comma_advice(cell));
    const double physical = *value * scales_[lead].factor + scales_[lead].offset;
    return std::abs(physical) <= std::numeric_limits<float>::max() ? static_cast<float>(physical)
                                                                   : std::numeric_limits<float>::quiet_NaN();
  }

  // What to say of a cell or line that cannot be read, if decimal commas may be the reason.
  std::string_view comma_advice(std::string_view text) const {
    return delimiter_ == ',' && text.find(',') != std::string_view::npos
               ? "; a decimal comma needs semicolons or tabs between the cells"
               : "";
  }

  void require_columns(std::string_view row, std::int64_t line) const {
    require(cells_.size() == columns_, "{}: line {}: {} cells, expected {}{}", name(), line, cells_.size(),
            columns_, cells_.size() > columns_ ? comma_advice(row) : "");
  }

  // The next line that is not empty. The file must have one.
  std::string_view next_row() {
    while (true) {
      const std::optional<std::string_view> line = lines_.next();
      require(line.has_value(), "{}: became shorter while it was read", name());
      if (line->find_first_not_of(blanks()) != std::string_view::npos) {
        return *line;
      }
    }
  }

  const char* blanks() const { return delimiter_ == '\t' ? " " : " \t"; }

  bool is_number(const std::string& cell) const {
    int digits = 0;
    return csv_number(cell, decimals_).has_value() || csv_time(cell, digits, decimals_).has_value();
  }

  void read_header(const SideFile& side) {
    std::string header;
    Place at{0, 1};
    while (header.empty()) {
      at = {lines_.offset(), lines_.number()};
      std::optional<std::string_view> line = lines_.next();
      require(line.has_value(), "{}: no line, expected a header that names the leads", name());
      if (at.offset == 0 && line->starts_with(utf8_mark)) {
        line->remove_prefix(utf8_mark.size());
        at.offset = std::ssize(utf8_mark);
      }
      if (line->starts_with('#')) {
        info_.comments.push_back(to_utf8(line->substr(line->starts_with("# ") ? 2 : 1)));
      } else if (line->find_first_not_of(" \t") != std::string_view::npos) {
        header = *line;
      }
    }
    delimiter_ = separator_of(header, file_.path());
    decimals_ = delimiter_ == ',' ? Decimals::points : Decimals::commas;
    std::vector<std::string> names = csv_cells(to_utf8(header), delimiter_);
    columns_ = names.size();
    if (std::ranges::all_of(names, [&](const std::string& cell) { return is_number(cell); })) {
      require(!side.leads.empty(), "{}: line {}: numbers, expected a header that names the leads", name(),
              at.line);
      names = side.leads;
      require(names.size() == columns_, "{}: line {}: {} cells, but its side file names {} leads", name(),
              at.line, columns_, names.size());
      lines_.go(at.offset, at.line);
    } else {
      take_other_columns(names, at.line);
      skip_units(names);
    }
    require(!names.empty(), "{}: line {}: no leads", name(), at.line);
    for (const std::string& cell : names) {
      const auto [lead, units] = name_and_units(cell);
      info_.leads.push_back({lead, units, 200, 0, 0});
    }
    begin_ = {lines_.offset(), lines_.number()};
    info_.samples_per_frame.assign(info_.leads.size(), 1);
  }

  // Removes from the names of the columns those that are not leads: sample numbers and a time before the leads,
  // a column without a name in the first place, and columns without a name at the end.
  void take_other_columns(std::vector<std::string>& names, std::int64_t line) {
    std::vector<std::string> leads;
    for (std::size_t i = 0; i < names.size(); ++i) {
      const Meaning meaning = meaning_of(names[i]);
      const bool is_time = meaning == Meaning::seconds || meaning == Meaning::milliseconds;
      if (meaning == Meaning::lead) {
        require(i == first_lead_ + leads.size(), "{}: line {}: column {} has no name", name(), line, i);
        leads.push_back(names[i]);
      } else if (meaning == Meaning::none && i == 0) {
        first_lead_ = 1;
        counts_ = true;
      } else if (meaning != Meaning::none) {
        require(
            leads.empty() && i == first_lead_ && !(is_time && time_at_),
            "{}: line {}: column {} is named '{}', expected a lead: sample numbers and one time come before "
            "the leads",
            name(), line, i + 1, names[i]);
        first_lead_ = i + 1;
        if (is_time) {
          time_at_ = i;
          time_unit_ = meaning == Meaning::milliseconds ? 1e-3 : 1;
        }
      }
    }
    names = leads;
  }

  // Skips a line of units and appends them to the names. Such a line has as many cells as the header, and
  // for the time and the leads no numbers. Any other line is left unread.
  void skip_units(std::vector<std::string>& names) {
    const Place before{lines_.offset(), lines_.number()};
    const std::optional<std::string_view> line = lines_.next();
    const std::vector<std::string> cells =
        line ? csv_cells(to_utf8(*line), delimiter_) : std::vector<std::string>{};
    const auto is_unit = [&](std::size_t column) { return !is_number(cells[column]); };
    bool are_units = cells.size() == columns_ && (!time_at_ || is_unit(*time_at_));
    for (std::size_t i = 0; i < names.size(); ++i) {
      are_units = are_units && is_unit(first_lead_ + i);
    }
    if (!are_units) {
      lines_.go(before.offset, before.line);
      return;
    }
    for (std::size_t i = 0; i < names.size(); ++i) {
      names[i] += " (" + cells[first_lead_ + i] + ")";
    }
  }

  // Counts the rows and keeps the position of every 1024th.
  // Returns the sampling rate given by the time column, or 0 without a time column.
  double read_index() {
    TimeColumn times;
    lines_.go(begin_.offset, begin_.line);
    while (true) {
      const Place place{lines_.offset(), lines_.number()};
      const std::optional<std::string_view> line = lines_.next();
      if (!line) {
        break;
      }
      if (line->find_first_not_of(blanks()) == std::string_view::npos ||
          (info_.samples == 0 && line->starts_with('#'))) {
        continue;
      }
      if (info_.samples % rows_apart == 0) {
        places_.push_back(place);
      }
      ++info_.samples;
      require_one_decimal_mark(*line, place.line);
      if (info_.samples == 1) {  // further lines are checked when they are read
        split_csv(*line, delimiter_, cells_);
        require_columns(*line, place.line);
      }
      const std::size_t end = first_lead_ + info_.leads.size();
      if (counts_ || time_at_ || end < columns_) {
        const bool is_first = time_at_ == 0 && end == columns_ && !line->starts_with('"');
        split_csv(is_first ? line->substr(0, line->find(delimiter_)) : *line, delimiter_, cells_);
        check_nameless(end, place.line);
      }
      if (time_at_ && *time_at_ < cells_.size()) {  // a line with too few cells is refused when it is read
        const std::string_view cell = cells_[*time_at_];
        int digits = 0;
        const std::optional<double> time = csv_time(cell, digits, decimals_);
        require(time.has_value(), "{}: line {}: time is '{}', expected seconds or h:mm:ss{}", name(),
                place.line, cell.substr(0, 40), comma_advice(cell));
        times.add(*time, digits, place.line);
      }
    }
    return times.rate(time_unit_, name());
  }

  // Between semicolons and tabs, 1,234 is a number below two, unless the table has decimal points: then the comma could
  // separate thousands, and the table is refused.
  void require_one_decimal_mark(std::string_view row, std::int64_t line) {
    if (decimals_ == Decimals::points) {
      return;
    }
    comma_line_ = comma_line_ == 0 && row.find(',') != std::string_view::npos ? line : comma_line_;
    point_line_ = point_line_ == 0 && row.find('.') != std::string_view::npos ? line : point_line_;
    require(comma_line_ == 0 || point_line_ == 0,
            "{}: line {}: a decimal {}, but line {} has a decimal {}; expected one of them throughout",
            name(), line, comma_line_ == line ? "comma" : "point", std::min(comma_line_, point_line_),
            comma_line_ == line ? "point" : "comma");
  }

  // Throws Error unless a nameless first column counts the samples and the nameless columns from `end` on are
  // empty. The line's cells are in cells_.
  void check_nameless(std::size_t end, std::int64_t line) {
    if (counts_) {
      const double count = csv_number(cells_.front(), decimals_).value_or(NAN);
      require(count == std::round(count) && (info_.samples == 1 || count == last_count_ + 1),
              "{}: line {}: column 1 has no name and does not count the samples: it is '{}'", name(), line,
              cells_.front().substr(0, 40));
      last_count_ = count;
    }
    for (std::size_t i = end; i < cells_.size(); ++i) {
      require(i >= columns_ || cells_[i].empty(), "{}: line {}: column {} has no name, but the value '{}'",
              name(), line, i + 1, cells_[i].substr(0, 40));
    }
  }

  RandomFile file_;
  CsvLines lines_;
  char delimiter_ = ',';
  Decimals decimals_ = Decimals::points;
  // The first lines of samples with a comma and with a point, where commas do not separate cells; 0: none.
  std::int64_t comma_line_ = 0;
  std::int64_t point_line_ = 0;
  std::size_t columns_ = 0;
  std::size_t first_lead_ = 0;          // column of the first lead
  bool counts_ = false;                 // the first column has no name and counts the samples
  double last_count_ = 0;               // value of that column in the last line
  std::optional<std::size_t> time_at_;  // column of the time
  double time_unit_ = 1;                // s
  ReaderInfo info_;
  std::vector<SideScale> scales_;
  std::vector<std::string_view> cells_;  // the cells of the current line
  Place begin_{};
  std::vector<Place> places_;  // of rows 0, 1024, 2048, ...
  std::int64_t at_row_ = -1;   // the row at next_place_; -1: none
  Place next_place_{};
};

}  // namespace

bool names_a_lead(const std::string& cell) {
  return meaning_of(cell) == Meaning::lead;
}

std::unique_ptr<RecordingReader> open_csv(const std::filesystem::path& path) {
  return std::make_unique<CsvReader>(path);
}

}  // namespace sec::io

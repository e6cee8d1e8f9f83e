#include "io/tables/npy_reader.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "engine/error.h"
#include "io/files/random_file.h"
#include "io/tables/npy_header.h"
#include "io/tables/side_file.h"

namespace sec::io {
namespace {

constexpr std::int64_t bytes_at_once = 1 << 18;

class NpyReader final : public RecordingReader {
 public:
  explicit NpyReader(const std::filesystem::path& path) : file_(path) {
    std::string beginning(static_cast<std::size_t>(std::min(file_.size(), longest_npy_header)), '\0');
    file_.read(0, beginning);
    header_ = parse_npy_header(beginning, file_.size(), name());
    const std::filesystem::path side_path = find_side_file(path);
    const SideFile side = read_side_file(side_path);
    require(side.rate && !side.leads.empty(),
            "{}: needs {} with the \"rate\" and \"leads\" of its {} columns", name(), side_path.string(),
            header_.columns);
    require(!is_whole() || !side.gain.empty(), "{}: an array of integers; {} must state \"gain\"", name(),
            side_path.string());
    require(header_.columns == std::ssize(side.leads),
            "{}: an array of {} x {}, expected (samples, leads) of the {} leads in {}", name(), header_.rows,
            header_.columns, side.leads.size(), side_path.string());
    info_.name = path.stem().string();
    info_.samples = header_.rows;
    info_.leads.resize(side.leads.size());
    scales_ = apply_side_file(side, side_path.string(), info_);
    for (Lead& lead : info_.leads) {
      lead.resolution = static_cast<int>(8 * bytes_of(header_.type));
    }
  }

  const ReaderInfo& info() const override { return info_; }

  void read(std::int64_t begin, std::int64_t count, std::span<const std::span<float>> leads) override {
    read_window(begin, count, leads, [&](std::size_t lead, double value) {
      const double physical = value * scales_[lead].factor + scales_[lead].offset;
      const bool valid = std::abs(physical) <= std::numeric_limits<float>::max();  // false for NaN
      return valid && !(is_whole() && value == lowest()) ? static_cast<float>(physical)
                                                         : std::numeric_limits<float>::quiet_NaN();
    });
  }

  void read_digital(std::int64_t begin, std::int64_t count,
                    std::span<const std::span<std::int32_t>> leads) override {
    if (!is_whole()) {
      RecordingReader::read_digital(begin, count, leads);
    }
    read_window(begin, count, leads, [&](std::size_t, double value) {
      return value == lowest() ? invalid_sample : static_cast<std::int32_t>(value);
    });
  }

  std::vector<Annotation> annotations() override { return {}; }

 private:
  std::string name() const { return file_.path().string(); }
  bool is_whole() const { return header_.type == NpyType::i16 || header_.type == NpyType::i32; }
  double lowest() const { return header_.type == NpyType::i16 ? -32768.0 : -2147483648.0; }

  // Converts each stored value with meaning(lead, value).
  template <typename T, typename Meaning>
  void read_window(std::int64_t begin, std::int64_t count, std::span<const std::span<T>> leads,
                   const Meaning& meaning) {
    require_window(info_, name(), begin, count, leads);
    const std::int64_t size = bytes_of(header_.type);
    if (header_.fortran_order) {
      const std::int64_t step = bytes_at_once / size;
      for (std::size_t lead = 0; lead < leads.size(); ++lead) {
        for (std::int64_t at = 0; at < std::ssize(leads[lead]); at += step) {
          const std::int64_t values = std::min(step, count - at);
          fetch(static_cast<std::int64_t>(lead) * header_.rows + begin + at, values);
          for (std::int64_t i = 0; i < values; ++i) {
            leads[lead][static_cast<std::size_t>(at + i)] = meaning(lead, value_at(i));
          }
        }
      }
      return;
    }
    const std::int64_t step =
        std::max<std::int64_t>(1, bytes_at_once / size / std::max<std::int64_t>(1, header_.columns));
    for (std::int64_t at = 0; at < count; at += step) {
      const std::int64_t rows = std::min(step, count - at);
      fetch((begin + at) * header_.columns, rows * header_.columns);
      for (std::size_t lead = 0; lead < leads.size(); ++lead) {
        for (std::int64_t row = 0; row < rows && !leads[lead].empty(); ++row) {
          leads[lead][static_cast<std::size_t>(at + row)] =
              meaning(lead, value_at(row * header_.columns + static_cast<std::int64_t>(lead)));
        }
      }
    }
  }

  void fetch(std::int64_t first, std::int64_t values) {
    const std::int64_t size = bytes_of(header_.type);
    bytes_.resize(static_cast<std::size_t>(values * size));
    file_.read(header_.bytes + first * size, bytes_);
  }

  double value_at(std::int64_t i) const {
    const std::int64_t size = bytes_of(header_.type);
    std::uint64_t bits = 0;
    for (std::int64_t b = 0; b < size; ++b) {
      const std::int64_t place = header_.big_endian ? size - 1 - b : b;
      bits |= static_cast<std::uint64_t>(
                  static_cast<unsigned char>(bytes_[static_cast<std::size_t>(i * size + place)]))
              << (8 * b);
    }
    switch (header_.type) {
      case NpyType::i16:
        return static_cast<std::int16_t>(bits);
      case NpyType::i32:
        return static_cast<std::int32_t>(bits);
      case NpyType::f32:
        return std::bit_cast<float>(static_cast<std::uint32_t>(bits));
      default:
        return std::bit_cast<double>(bits);
    }
  }

  RandomFile file_;
  NpyHeader header_;
  ReaderInfo info_;
  std::vector<SideScale> scales_;
  std::string bytes_;
};

}  // namespace

std::unique_ptr<RecordingReader> open_npy(const std::filesystem::path& path) {
  return std::make_unique<NpyReader>(path);
}

}  // namespace sec::io

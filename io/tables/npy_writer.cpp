#include "io/tables/npy_writer.h"

#include <algorithm>
#include <bit>
#include <vector>

#include "engine/error.h"
#include "io/tables/npy_header.h"
#include "io/tables/side_file.h"

namespace sec::io {
namespace {

constexpr std::int64_t values_at_once = 1 << 16;

template <typename T, typename Read>
void write_rows(AtomicFile& out, const ReaderInfo& info, const Read& read) {
  const int each = common_samples_per_frame(info);
  const std::int64_t width = each * std::ssize(info.leads);  // values per frame
  const std::int64_t step = std::max<std::int64_t>(1, values_at_once / std::max<std::int64_t>(1, width));
  std::vector<std::vector<T>> values(info.leads.size());
  std::vector<std::span<T>> spans(values.size());
  std::string bytes;
  for (std::int64_t at = 0; at < info.samples; at += step) {
    const std::int64_t count = std::min(step, info.samples - at);
    for (std::size_t lead = 0; lead < values.size(); ++lead) {
      values[lead].resize(static_cast<std::size_t>(count * each));
      spans[lead] = values[lead];
    }
    read(at, count, spans);
    bytes.clear();
    for (std::size_t i = 0; i < static_cast<std::size_t>(count * each); ++i) {
      for (const std::vector<T>& lead : values) {
        const auto bits = std::bit_cast<std::uint32_t>(lead[i]);
        for (const int shift : {0, 8, 16, 24}) {
          bytes += static_cast<char>(bits >> shift & 0xffU);
        }
      }
    }
    out.write(bytes);
  }
}

}  // namespace

void write_npy(FileGroup& files, const std::filesystem::path& path, RecordingReader& source, bool digital) {
  const ReaderInfo& info = source.info();
  const int each = common_samples_per_frame(info);
  require(each > 0, "{}: its leads have different rates, an array has only one", info.name);
  require_rate(info.rate * each, info.name);
  AtomicFile& out = files.head(path);
  out.write(npy_header_text(digital ? NpyType::i32 : NpyType::f32, info.samples * each,
                            static_cast<std::int64_t>(info.leads.size())));
  if (digital) {
    write_rows<std::int32_t>(out, info, [&](std::int64_t at, std::int64_t count, const auto& spans) {
      source.read_digital(at, count, spans);
    });
  } else {
    write_rows<float>(out, info, [&](std::int64_t at, std::int64_t count, const auto& spans) {
      source.read(at, count, spans);
    });
  }
  write_side_file(files, path, info, digital);
}

void write_npy(const std::filesystem::path& path, RecordingReader& source, bool digital) {
  FileGroup files;
  write_npy(files, path, source, digital);
  files.commit();
}

}  // namespace sec::io

#include "io/databases/cinc.h"

#include <algorithm>
#include <optional>

#include "engine/error.h"
#include "io/files/folder.h"
#include "io/files/utf8.h"
#include "io/wfdb/header.h"

namespace sec::io {
namespace {

constexpr std::size_t longest_code = 18;  // the most digits of a SNOMED CT identifier

// The text after "NAME:", if the comment begins with it.
std::optional<std::string_view> value_of(std::string_view comment, std::string_view name) {
  comment = trimmed(comment);
  if (!comment.starts_with(name)) {
    return std::nullopt;
  }
  comment = trimmed(comment.substr(name.size()));
  if (!comment.starts_with(':')) {
    return std::nullopt;
  }
  return trimmed(comment.substr(1));
}

void add_codes(LabelledRecording& recording, std::string_view codes, const std::string& file) {
  while (true) {
    const std::string_view code = trimmed(codes.substr(0, codes.find(',')));
    require(!code.empty() && code.size() <= longest_code &&
                std::ranges::all_of(code, [](char c) { return c >= '0' && c <= '9'; }),
            "{}: Dx: '{}', expected SNOMED CT codes separated by commas", file, for_message(code));
    add_label(recording, code, file);
    const std::size_t comma = codes.find(',');
    if (comma == std::string_view::npos) {
      return;
    }
    codes.remove_prefix(comma + 1);
  }
}

LabelledRecording read_one(const std::filesystem::path& folder, const std::filesystem::path& header) {
  const std::string file = header.string();
  LabelledRecording recording;
  recording.path = std::filesystem::path(header).replace_extension();
  recording.id = recording.path.lexically_relative(folder).string();
  const std::vector<std::string> comments = read_wfdb_header(header).comments;
  read_age_and_sex(comments, file, recording);
  bool diagnosed = false;
  for (const std::string& comment : comments) {
    if (const auto codes = value_of(comment, "Dx")) {
      require(!diagnosed, "{}: Dx appears twice", file);
      diagnosed = true;
      add_codes(recording, *codes, file);
    }
  }
  require(diagnosed, "{}: no comment '#Dx:' with diagnoses", file);
  return recording;
}

}  // namespace

void read_age_and_sex(const std::vector<std::string>& comments, const std::string& place,
                      LabelledRecording& recording) {
  for (const std::string& comment : comments) {
    if (const auto age = value_of(comment, "Age")) {
      recording.age = parse_age(age->starts_with('-') ? "" : *age, place);
    } else if (const auto sex = value_of(comment, "Sex")) {
      recording.sex = parse_sex(*sex, place);
    }
  }
}

std::vector<LabelledRecording> read_cinc(const std::filesystem::path& folder) {
  std::vector<LabelledRecording> recordings;
  for (const std::filesystem::path& file : files_below(folder)) {
    if (file.extension() == ".hea") {
      recordings.push_back(read_one(folder, file));
    }
  }
  require_distinct(recordings, folder.string());
  return recordings;
}

}  // namespace sec::io

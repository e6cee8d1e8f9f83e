#include "tools/secinfer/output.h"

#include <fmt/ranges.h>

#include "engine/error.h"
#include "io/files/json.h"
#include "io/files/standard_streams.h"
#include "io/recording/annotation_codes.h"
#include "io/wfdb/annotation.h"

namespace sec::tools {
namespace {

constexpr std::size_t runs_shown = 40;

std::string json_string(const std::string& text) {
  return io::Json(text).dump();
}

}  // namespace

Output::Output(const Options& options, const train::Recipe& recipe, OutputRecord record)
    : options_(options),
      classes_(recipe.classes),
      record_(std::move(record)),
      quoted_record_(json_string(record_.name)),
      summary_(recipe.classes) {
  for (const std::string& name : classes_) {
    quoted_classes_.push_back(json_string(name));
  }
}

void Output::add(const train::ClassifiedBeat& beat) {
  const double time = static_cast<double>(beat.sample) / record_.rate;
  const bool classified = beat.label >= 0;
  const std::string label =
      classified ? classes_[static_cast<std::size_t>(beat.label)] : "Q";  // Q: unclassifiable
  summary_.add(time, beat.label);
  ++beats_;
  if (!options_.out.empty()) {
    io::Annotation annotation;
    annotation.sample = beat.sample;
    annotation.code = io::code_of(label).value();  // a class's name is the symbol of its main type
    annotations_.push_back(std::move(annotation));
  }
  if (options_.json && !options_.summary) {
    // JSON has no NaN: what cannot be classified has neither label nor logits.
    io::print_json_text(fmt::format(
        "{{\"record\":{},\"sample\":{},\"time_s\":{},\"label\":{},\"classes\":[{}],\"logits\":{}}}\n",
        quoted_record_, beat.sample, time, classified ? fmt::format("\"{}\"", label) : "null",
        fmt::join(quoted_classes_, ","),
        classified ? fmt::format("[{}]", fmt::join(beat.logits, ",")) : "null"));
  } else if (options_.live && !options_.json && !options_.summary) {
    io::print(fmt::format("{} {}\n", train::clock_text(time), label));
  }
}

void Output::finish() {
  summary_.finish();
  if (!options_.out.empty()) {
    write_annotations();
  }
  if (options_.json && options_.summary) {
    io::print_json_text(fmt::format("{{\"record\":{},\"summary\":{}}}\n", quoted_record_, json_of(summary_)));
  } else if (!options_.json) {
    io::print(fmt::format("{}\n{}", record_.name, text_of(summary_, runs_shown)));
  }
  io::flush_stdout();
}

void Output::write_annotations() {
  const std::filesystem::path file = annotation_file(options_, record_.name);
  if (options_.format == "edf") {
    io::write_edf_annotations(file, record_.rate, record_.start, annotations_);
    return;
  }
  // By default readers count an annotation file's time in the record's frames.
  const double resolution = record_.rate == record_.frame_rate ? 0 : record_.rate;
  io::write_annotation_file(file, {{}, resolution, annotations_});
}

std::filesystem::path Output::annotation_file(const Options& options, const std::string& record) {
  return std::filesystem::path(options.out) /
         (record + "." + options.annotator + (options.format == "edf" ? ".edf" : ""));
}

}  // namespace sec::tools

// secinspect: shows a network from inside, at work on a beat or a recording. Writes a page that needs nothing else,
// arrays for NumPy, or a table.

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <optional>

#include "engine/failure.h"
#include "engine/parallel.h"
#include "engine/stream.h"
#include "io/databases/open_recording.h"
#include "io/files/atomic_file.h"
#include "io/files/standard_streams.h"
#include "model/networks.h"
#include "tools/page/page.h"
#include "tools/secinspect/compare.h"
#include "tools/secinspect/kernel.h"
#include "tools/secinspect/model.h"
#include "tools/secinspect/options.h"
#include "tools/secinspect/page_content.h"
#include "tools/secinspect/watch.h"
#include "train/report/html.h"

namespace sec::tools {

double seconds_of(const std::string& text) {
  double seconds = 0;
  const char* at = text.data();
  const char* const end = text.data() + text.size();
  int parts = 0;
  bool right = !text.empty();
  while (right) {
    double part = 0;
    const auto [next, error] = std::from_chars(at, end, part);
    right = error == std::errc() && std::isfinite(part) && part >= 0 && (parts == 0 || part < 60);
    seconds = 60 * seconds + part;
    ++parts;
    if (next == end) {
      break;
    }
    right = right && *next == ':' && parts < 3;
    at = next + 1;
  }
  require(right, "--at {}: expected a time from the start of the recording, as 83.5 or 1:23.5", text);
  return seconds;
}

namespace {

// A usage error that the command line's parser does not detect.
struct UsageError : Error {
  using Error::Error;
};

// The table of all operations, one a line. The inputs' numbers are the drawing of the graph.
std::string table_of(const io::Json& page) {
  const auto number = [](const io::Json& json) { return json.get<std::int64_t>(); };
  std::string text =
      fmt::format("{:>4}  {:<34} {:<20} {:<10} {:>16} {:>10} {:>12} {:>9} {:>9}\n", "no.", "name",
                  "operation", "reads", "output", "parameters", "MACs", "sees, ms", "every, ms");
  for (const io::Json& node : page.at("nodes")) {
    std::string inputs;
    for (const io::Json& input : node.at("inputs")) {
      inputs += fmt::format("{}{}", inputs.empty() ? "" : ",", number(input));
    }
    std::string shape;
    for (const io::Json& extent : node.at("shape")) {
      shape += fmt::format("{}{}", shape.empty() ? "" : " x ", number(extent));
    }
    const io::Json& field = node.at("field");
    const auto ms = [&](const char* key) {
      return field.is_null() ? std::string("all") : fmt::format("{:.0f}", field.at(key).get<double>());
    };
    text +=
        fmt::format("{:>4}  {:<34} {:<20} {:<10} {:>16} {:>10} {:>12} {:>9} {:>9}\n", number(node.at("id")),
                    node.at("name").get<std::string>(), node.at("op").get<std::string>(), inputs, shape,
                    number(node.at("parameters")), number(node.at("macs")), ms("size_ms"), ms("stride_ms"));
  }
  const io::Json& model = page.at("model");
  return text + fmt::format("{}: {} parameters, {} multiply-accumulates a sample\n",
                            model.at("name").get<std::string>(), number(model.at("parameters")),
                            number(model.at("macs")));
}

void write_page(const Options& options, const std::string& title, const io::Json& page, io::AtomicFile& out) {
  const std::string html = page_of(train::escape(title), page.dump());
  out.write(html);
  out.commit();
  io::tell("{}: {:.1f} MB\n", options.out.string(), static_cast<double>(html.size()) / 1e6);
}

void run(const Options& options) {
  if (options.record.empty()) {
    const bool for_records = !options.at.empty() || !options.dump.empty() || !options.data.empty() ||
                             options.identify || options.find_beats;
    if (for_records) {
      throw UsageError(
          "--at, --dump, --data, --identify and --find-beats are about a RECORD, which is missing");
    }
  } else if (options.out.empty() && options.dump.empty()) {
    throw UsageError("nothing to write: give --out for a page, or --dump for arrays");
  }
  set_threads(options.threads);
  OwnedStream owned(parse_device(options.device));
  Stream& stream = owned;
  std::optional<io::AtomicFile>
      out;  // opened first: a page that cannot be written should not cost the computation
  if (!options.out.empty()) {
    if (!options.record.empty()) {
      io::require_not_read(options.out, options.record);
    }
    out.emplace(options.out);
  }
  InspectedModel model = load_model(options, stream);
  if (options.record.empty()) {
    const io::Json page = network_page(model, stream);
    if (out) {
      write_page(options, page.at("model").at("name").get<std::string>(), page, *out);
    } else {
      io::print(table_of(page));
      io::flush_stdout();
    }
    return;
  }
  const io::Json page = record_page(options, model, stream);
  if (out) {
    const io::Json& result = page.at("result");
    const std::string name = model.recipe.classes.at(result.at("chosen").get<std::size_t>());
    const std::string title =
        fmt::format("{}: why {}?", page.at("model").at("name").get<std::string>(), name) +
        (options.identify ? " " + page.at("record").at("title").get<std::string>() : "");
    write_page(options, title, page, *out);
  }
}

}  // namespace
}  // namespace sec::tools

int main(int argc, char** argv) {
  using namespace sec;
  io::guard_standard_streams();
  if (const std::optional<int> status = tools::start_kernel_lab(argc, argv)) {
    return *status;
  }
  if (const std::optional<int> status = tools::start_compare(argc, argv)) {
    return *status;
  }
  if (const std::optional<int> status = tools::start_watch(argc, argv)) {
    return *status;
  }
  tools::Options options;
  if (const std::optional<int> status = tools::parse_command_line(argc, argv, options)) {
    return *status;
  }
  try {
    with_memory_for(options.model.string(), [&] { tools::run(options); });
    return 0;
  } catch (const tools::UsageError& error) {
    io::tell_error("secinspect", error);
    return 2;
  } catch (const std::exception& error) {
    io::tell_error("secinspect", error);
    return 1;
  }
}

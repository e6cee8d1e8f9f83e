// secdata synth: recordings made by a computer.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <memory>

#include "io/synthetic/database.h"
#include "io/synthetic/leads.h"
#include "tools/secdata/commands.h"
#include "tools/secdata/output.h"

namespace sec::tools {
namespace {

using namespace sec::io;

struct SynthOptions {
  std::string folder;
  SyntheticOptions synthetic;
  double rate = 360;
  std::vector<std::string> mix;
  bool as_json = false;
  bool quiet = false;
};

// "N=8", "S=1": what is not named has no beats.
ClassMix parse_mix(const std::vector<std::string>& parts) {
  const auto wrong = [](const std::string& part, const char* why) -> UsageError {
    return UsageError(fmt::format("--mix {}: {}, expected shares as N=8,S=1,V=1", part, why));
  };
  std::array<std::optional<double>, beat_classes> shares;
  for (const std::string& part : parts) {
    const auto name = std::ranges::find(beat_class_names, part.substr(0, part.find('=')));
    if (name == std::end(beat_class_names) || part.find('=') == std::string::npos) {
      throw wrong(part, "no class of N, S, V, F and Q");
    }
    std::optional<double>& share = shares[static_cast<std::size_t>(name - std::begin(beat_class_names))];
    if (share) {
      throw wrong(part, "named twice");
    }
    double value = 0;
    const std::string number = part.substr(part.find('=') + 1);
    if (!CLI::detail::lexical_cast(number, value) || !std::isfinite(value) || value < 0) {
      throw wrong(part, "no share");
    }
    share = value;
  }
  double sum = 0;
  for (const std::optional<double>& share : shares) {
    sum += share.value_or(0);
  }
  if (!(sum > 0) || !std::isfinite(sum)) {
    throw UsageError(fmt::format("--mix {}: the shares sum to {:g}", CLI::detail::join(parts, ","), sum));
  }
  ClassMix mix{};
  std::ranges::transform(shares, mix.begin(),
                         [&](const std::optional<double>& share) { return share.value_or(0) / sum; });
  return mix;
}

void synth(const SynthOptions& options) {
  SyntheticOptions synthetic = options.synthetic;
  if (!options.mix.empty()) {
    synthetic.mix = parse_mix(options.mix);
  }
  if (synthetic.count > 0) {
    synthetic.rate = options.rate;
  }
  const SyntheticCounts counts = write_synthetic_database(options.folder, synthetic);
  const bool is_mitdb = synthetic.count == 0;
  if (options.as_json) {
    Json json = {{"folder", options.folder}, {"classes", json_of(counts.all)}};
    if (is_mitdb) {
      json["ds1"] = json_of(counts.mitdb.ds1);
      json["ds2"] = json_of(counts.mitdb.ds2);
    }
    print_json(json);
  } else if (!options.quiet) {
    print(fmt::format("{}: synthetic recordings\n", options.folder));
    print(is_mitdb
              ? fmt::format("DS1 {}\nDS2 {}\n", io::text_of(counts.mitdb.ds1), io::text_of(counts.mitdb.ds2))
              : fmt::format("All {}\n", io::text_of(counts.all)));
  }
}

}  // namespace

Command add_synth(CLI::App& app) {
  const auto options = std::make_shared<SynthOptions>();
  SyntheticOptions& synthetic = options->synthetic;
  CLI::App* command = app.add_subcommand(
      "synth",
      "Writes synthetic recordings with their annotations: a database with the record names, leads, rate and "
      "patients of MIT-BIH, or, with --count, other records");
  command->add_option("OUT", options->folder, "Folder to write")->required();
  command->add_option("--minutes", synthetic.minutes, "Minutes of signal a record")
      ->check(CLI::Range(0.1, 120.0))
      ->capture_default_str();
  command->add_option("--seed", synthetic.seed, "The same seed and options give the same files")
      ->capture_default_str();
  command->add_option("--noise", synthetic.noise, "Factor on wander, mains, muscle and electrode noise")
      ->check(CLI::Range(0.0, 100.0))
      ->capture_default_str();
  CLI::Option* records =
      command->add_option("--records", synthetic.records, "Only these records, as 100 101; default: all 48")
          ->delimiter(',');
  CLI::Option* count =
      command
          ->add_option(
              "--count", synthetic.count,
              "Instead of MIT-BIH's records so many others, s00001 and so on, each of another patient")
          ->check(CLI::Range(1, 99'999))
          ->excludes(records);
  command->add_option("--leads", synthetic.leads, "With --count: how many leads")
      ->check(CLI::Range(1, most_synthetic_leads))
      ->needs(count);
  command->add_option("--rate", options->rate, "With --count: samples a second, Hz")
      ->check(CLI::Range(100.0, 2000.0))
      ->capture_default_str()
      ->needs(count);
  command
      ->add_option("--mix", options->mix,
                   "With --count: shares of the beats by class, as N=8,S=1,V=1; default: as each patient's "
                   "heart has them")
      ->delimiter(',')
      ->needs(count);
  command->add_flag("--json", options->as_json, "Print one JSON object");
  command->add_flag("--quiet", options->quiet, "Print nothing");
  command->footer(
      "Leads: up to three of MLII, V1 and V5; more of I, II, V1 to V6, III, aVR, aVL, aVF. Default: two.\n\n"
      "Dataset:\n"
      "  secdata synth data/synthetic --minutes 5\n"
      "  secdata synth ectopic --count 20 --mix N=6,S=2,V=2 --leads 12 --rate 500 --minutes 0.5");
  return {command, [options] {
            synth(*options);
            return true;
          }};
}

}  // namespace sec::tools

// secdata synth: generates synthetic recordings.
#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "io/synthetic/database.h"
#include "io/synthetic/leads.h"
#include "tools/secdata/commands.h"
#include "tools/secdata/output.h"

namespace sec::tools {
namespace {

using namespace sec::io;

// Parses counts such as "N=8", "S=1". Classes that are not named have no beats.
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
    const std::string number = part.substr(part.find('=') + 1);
    char* end = nullptr;
    const double value = std::strtod(number.c_str(), &end);
    if (number.empty() || end != number.c_str() + number.size() || !std::isfinite(value) || value < 0) {
      throw wrong(part, "no share");
    }
    share = value;
  }
  double sum = 0;
  for (const std::optional<double>& share : shares) {
    sum += share.value_or(0);
  }
  if (!(sum > 0) || !std::isfinite(sum)) {
    throw UsageError(fmt::format("--mix {}: the shares sum to {:g}", fmt::join(parts, ","), sum));
  }
  ClassMix mix{};
  std::ranges::transform(shares, mix.begin(),
                         [&](const std::optional<double>& share) { return share.value_or(0) / sum; });
  return mix;
}

}  // namespace

bool synth(const SynthOptions& options) {
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
  return true;
}

}  // namespace sec::tools

#include "train/data/recording_signal.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "engine/error.h"
#include "io/databases/open_recording.h"
#include "io/recording/amplitude.h"
#include "io/recording/lead_names.h"
#include "io/signal/fourier_resample.h"
#include "train/data/leakage.h"

namespace sec::train {
namespace {

// A limb lead computed from two others: first * I + second * II.
struct Derivation {
  const char* name;
  float first;
  float second;
};
constexpr Derivation derivations[] = {
    {"iii", -1, 1}, {"avr", -0.5F, -0.5F}, {"avl", 1, -0.5F}, {"avf", -0.5F, 1}};

// The beginning of a recording. Leads may have different sampling rates.
struct Opening {
  std::string file;
  std::vector<io::Lead> leads;
  std::vector<std::vector<float>> signals;  // [lead][sample], data.seconds long, or shorter if the file is
  std::vector<std::int64_t> wanted;         // [lead], number of samples in data.seconds
  std::vector<std::string> comments;
  std::vector<std::string> warnings;

  std::vector<double> rates;  // [lead], Hz
  double filled = 0;          // share of data.seconds that the file lacks

  std::optional<std::size_t> find(std::string_view name) const {
    return io::find_lead(io::names_of(leads), name, file);
  }
};

// The median amplitude in mV of those of the recipe's leads that are in the file. The file's samples are
// measured, before the scaling of input.amplitudes.
double amplitude_of(const Recipe& recipe, const Opening& opening) {
  std::vector<double> amplitudes;
  for (std::size_t lead = 0; lead < opening.leads.size(); ++lead) {
    const bool is_read = std::ranges::any_of(
        recipe.data.leads, [&](const std::string& name) { return opening.find(name) == lead; });
    if (is_read && opening.leads[lead].units == "mV") {
      io::AmplitudeMeter meter(opening.rates[lead]);
      meter.add(opening.signals[lead]);
      amplitudes.push_back(meter.amplitude());
    }
  }
  return io::median_of(amplitudes);
}

Opening open(const Recipe& recipe, const std::filesystem::path& path) {
  const std::unique_ptr<io::RecordingReader> reader = io::open_recording(path);
  const io::ReaderInfo& info = reader->info();
  const auto wanted = static_cast<std::int64_t>(std::llround(recipe.data.seconds * info.rate));
  const std::int64_t count = std::min(wanted, info.samples);
  require(count > 0, "{}: has no samples", path.string());
  Opening opening;
  opening.file = path.string();
  opening.leads = info.leads;
  opening.comments = info.comments;
  opening.filled = 1 - static_cast<double>(count) / static_cast<double>(wanted);
  if (recipe.data.verify) {
    opening.warnings = reader->verify();
  }
  if (2 * count < wanted) {
    opening.warnings.push_back(fmt::format(
        "{}: {:.3g} s long: {:.0f} % of the network's {:g} s are filled up with zeros", path.string(),
        static_cast<double>(count) / info.rate, 100 * opening.filled, recipe.data.seconds));
  }
  std::vector<std::span<float>> spans;
  for (const int per_frame : info.samples_per_frame) {
    opening.signals.emplace_back(static_cast<std::size_t>(count * per_frame));
    opening.wanted.push_back(wanted * per_frame);
    opening.rates.push_back(info.rate * per_frame);
  }
  for (std::vector<float>& signal : opening.signals) {
    spans.emplace_back(signal);
  }
  reader->read(0, count, spans);
  return opening;
}

void hold_invalid(const Recipe& recipe, const Opening& opening, std::size_t lead,
                  std::vector<float>& signal) {
  const auto bad = [](float v) { return !std::isfinite(v); };
  const auto first = std::ranges::find_if(signal, bad);
  if (first == signal.end()) {
    return;
  }
  require(recipe.data.invalid_samples == "hold",
          "{}: sample {} of lead {} is not a number (marked invalid); data.invalid_samples = \"hold\" would "
          "repeat the last valid one",
          opening.file, first - signal.begin(), opening.leads[lead].name);
  const auto valid = std::ranges::find_if_not(signal, bad);
  float last = valid == signal.end() ? 0.0F : *valid;
  for (float& sample : signal) {
    last = bad(sample) ? last : sample;
    sample = last;
  }
}

// A lead of the file in the units of the recipe, padded to data.seconds.
std::vector<float> prepared(const Recipe& recipe, const Opening& opening, std::size_t lead) {
  std::vector<float> signal = opening.signals[lead];
  hold_invalid(recipe, opening, lead, signal);
  if (recipe.input.amplitudes == "raw") {
    const auto gain = static_cast<float>(opening.leads[lead].gain);
    std::ranges::transform(signal, signal.begin(), [&](float v) { return v * gain; });
  }
  signal.resize(static_cast<std::size_t>(opening.wanted[lead]));
  return signal;
}

std::vector<float> lead_of(const Recipe& recipe, const Opening& opening, const std::string& name) {
  if (const auto there = opening.find(name)) {
    return prepared(recipe, opening, *there);
  }
  const auto* const derived =
      std::ranges::find_if(derivations, [&](const Derivation& d) { return io::lead_key(name) == d.name; });
  const auto first = opening.find("I");
  const auto second = opening.find("II");
  if (derived == std::end(derivations) || !first || !second ||
      opening.wanted[*first] != opening.wanted[*second]) {
    std::string there;
    for (const io::Lead& lead : opening.leads) {
      there += (there.empty() ? "" : ", ") + lead.name;
    }
    fail("{}: no lead '{}'; its leads: {}", opening.file, name, there);
  }
  std::vector<float> signal = prepared(recipe, opening, *first);
  const std::vector<float> other = prepared(recipe, opening, *second);
  for (std::size_t t = 0; t < signal.size(); ++t) {
    signal[t] = derived->first * signal[t] + derived->second * other[t];
  }
  return signal;
}

}  // namespace

void standardise(std::vector<float>& signal) {
  constexpr double flat = 1e-6;  // a smaller deviation is not divided by, as it would amplify noise
  double sum = 0, squares = 0;
  for (const float v : signal) {
    sum += v;
  }
  const double mean = sum / static_cast<double>(signal.size());
  for (const float v : signal) {
    squares += (v - mean) * (v - mean);
  }
  const double deviation = std::sqrt(squares / static_cast<double>(signal.size()));
  for (float& v : signal) {
    v = static_cast<float>((v - mean) / (deviation > flat ? deviation : 1));
  }
}

RecordingSignal read_signal(const Recipe& recipe, const std::filesystem::path& path) {
  const Opening opening = open(recipe, path);
  const std::size_t leads = recipe.data.leads.size();
  const auto length = static_cast<std::size_t>(recipe.data.length);
  RecordingSignal signal;
  signal.comments = opening.comments;
  signal.warnings = opening.warnings;
  signal.filled = opening.filled;
  signal.amplitude = amplitude_of(recipe, opening);
  if (const std::string fault = io::amplitude_fault(signal.amplitude); !fault.empty()) {
    signal.warnings.push_back(fmt::format("{}: {}", opening.file, fault));
  }
  signal.x.resize(length * leads);
  std::vector<std::string> keys;
  for (const std::string& name : recipe.data.leads) {
    require(std::ranges::find(keys, io::lead_key(name)) == keys.end(), "{}: lead {} is asked for twice",
            opening.file, name);
    keys.push_back(io::lead_key(name));
  }
  for (std::size_t h = 0; h < leads; ++h) {
    const std::string& name = recipe.data.leads[h];
    std::vector<float> row = io::fourier_resample(lead_of(recipe, opening, name), recipe.data.length);
    if (recipe.input.amplitudes == "standardised") {
      standardise(row);
    }
    for (std::size_t t = 0; t < length; ++t) {
      signal.x[t * leads + h] = row[t];
    }
    const auto there = opening.find(name);
    const std::uint64_t hash = there ? signal_hash(opening.signals[*there]) : 0;
    if (hash != 0) {
      signal.hashes.push_back(hash);
    }
  }
  return signal;
}

std::vector<float> recording_covariates(const Recipe& recipe, const io::LabelledRecording& recording) {
  std::vector<float> values;
  for (const std::string& name : recipe.input.covariates) {
    if (name == "age") {
      values.push_back(std::isnan(recording.age) ? 0.0F : static_cast<float>((recording.age - 50) / 50));
    } else {
      values.push_back(recording.sex == io::Sex::female ? -1.0F
                       : recording.sex == io::Sex::male ? 1.0F
                                                        : 0.0F);
    }
  }
  return values;
}

}  // namespace sec::train

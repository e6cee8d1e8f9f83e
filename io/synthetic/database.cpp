#include "io/synthetic/database.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "engine/error.h"
#include "engine/parallel.h"
#include "io/files/atomic_file.h"
#include "io/recording/annotation_codes.h"
#include "io/synthetic/heart.h"
#include "io/synthetic/leads.h"
#include "io/wfdb/annotation.h"

namespace sec::io {
namespace {

constexpr double mitdb_rate = 360;  // Hz
constexpr double mains = 60;        // Hz
constexpr double pi = std::numbers::pi;

// The parameters of one recording to generate.
struct RecordPlan {
  std::string name;
  std::uint32_t number;   // seeds the random numbers of this recording
  std::uint32_t subject;  // seeds the random numbers of its patient
  bool paced = false;
  std::vector<std::string_view> leads;
  std::optional<Split> split;  // nullopt outside MIT-BIH's layout
};

std::uint32_t number_of(std::string_view record) {
  return static_cast<std::uint32_t>(std::stoul(std::string(record)));
}

RecordPlan plan_of(const MitdbRecord& record) {
  return {std::string(record.name),     number_of(record.name),      number_of(record.subject),
          record.split == Split::paced, mitdb_leads_of(record.name), record.split};
}

// A record of a patient that MIT-BIH does not have.
RecordPlan plan_of(int number, const SyntheticOptions& options) {
  const auto who = static_cast<std::uint32_t>(1'000'000 + number);
  return {fmt::format("s{:05}", number), who, who, false, synthetic_leads(options.leads), std::nullopt};
}

void draw(const SyntheticBeat& beat, const Dipole& lead, double gain, double rate,
          std::vector<double>& signal) {
  for (const GaussianEvent& event : beat.shape) {
    const double stretch = event.repolarisation ? std::sqrt(beat.cycle) : 1;
    const double centre = (beat.time + stretch * event.time) * rate;
    const double width = stretch * event.width * rate;
    const double height = gain * dot(event.dipole, lead);
    const auto begin = std::max<std::int64_t>(0, static_cast<std::int64_t>(std::ceil(centre - 5 * width)));
    const auto end = std::min<std::int64_t>(std::ssize(signal),
                                            static_cast<std::int64_t>(std::floor(centre + 5 * width)) + 1);
    for (std::int64_t i = begin; i < end; ++i) {
      const double distance = (static_cast<double>(i) - centre) / width;
      signal[i] += height * std::exp(-0.5 * distance * distance);
    }
  }
}

// Adds baseline wander, mains hum, muscle noise and electrode noise to one lead.
void add_noise(std::vector<double>& signal, double respiration, double factor, double rate, Random& random) {
  const double breath = random.uniform(0.02, 0.08);
  const double drift = random.uniform(0.02, 0.12);
  const double hum = random.uniform(0.002, 0.012) * (mains < rate / 2 ? 1 : 0);
  const double muscle = random.uniform(0.005, 0.02);
  const double motion_rate = random.uniform(0, 0.02) / rate;  // electrode jerks per sample
  const double phase = random.uniform(0, 2 * pi);
  double slow = random.normal(drift);
  double electrode = 0;
  double tension = 0;
  double before = 0;
  for (std::size_t i = 0; i < signal.size(); ++i) {
    const double time = static_cast<double>(i) / rate;
    // Drift and muscle tension are random walks with time constants of 8 s and 3 s.
    slow += -slow / (8 * rate) + random.normal(drift * std::sqrt(2 / (8 * rate)));
    tension += -tension / (3 * rate) + random.normal(std::sqrt(2 / (3 * rate)));
    if (random.chance(motion_rate)) {
      electrode += random.normal(0.4);
    }
    electrode -= electrode / (0.7 * rate);
    const double white = random.normal(muscle * std::exp(0.5 * tension));
    const double high = white - 0.5 * std::exchange(before, white);  // high-pass: muscle noise is above 20 Hz
    signal[i] += factor * (breath * std::sin(2 * pi * respiration * time + phase) + slow + electrode +
                           hum * std::sin(2 * pi * mains * time) + high);
  }
}

double rate_of(const SyntheticOptions& options) {
  return options.rate.value_or(mitdb_rate);
}

void check(const SyntheticOptions& options) {
  require(options.minutes >= 0.1 && options.minutes <= 120, "synthetic: {} minutes, expected 0.1 to 120",
          options.minutes);
  require(options.noise >= 0 && options.noise <= 100, "synthetic: noise {}, expected 0 to 100",
          options.noise);
  if (options.count == 0) {
    require(!options.rate && options.leads == 0 && !options.mix,
            "synthetic: rate, leads and mix can be chosen only with a count of records");
    return;
  }
  require(options.count > 0 && options.count <= 99'999, "synthetic: {} records, expected 1 to 99999",
          options.count);
  require(options.records.empty(), "synthetic: a count of records excludes names of records");
  require(rate_of(options) >= 100 && rate_of(options) <= 2000, "synthetic: {} Hz, expected 100 to 2000",
          rate_of(options));
  synthetic_leads(options.leads);
  if (options.mix) {
    double sum = 0;
    for (const double share : *options.mix) {
      require(share >= 0, "synthetic: a class's share of the beats is {}, expected at least 0", share);
      sum += share;
    }
    require(std::abs(sum - 1) < 1e-6, "synthetic: the classes' shares of the beats sum to {}, expected 1",
            sum);
  }
}

SyntheticRecord synthesize(const RecordPlan& plan, const SyntheticOptions& options) {
  const double rate = rate_of(options);
  const Patient patient = make_patient(plan.subject, options.seed);
  Random random(options.seed, plan.number, 2);
  const auto samples = static_cast<std::size_t>(std::llround(options.minutes * 60 * rate));
  const double seconds = static_cast<double>(samples) / rate;
  const Rhythm rhythm{plan.paced, random.uniform(0.2, 0.3), options.mix};
  const std::vector<SyntheticBeat> beats = make_beats(patient, rhythm, seconds, random);

  SyntheticRecord result;
  WfdbHeader& header = result.digital.header;
  header.name = plan.name;
  header.rate = rate;
  header.comments = {"Synthetic: made by a computer, from no person."};
  std::uint32_t stream = 3;
  // The signal at one electrode in mV: beats and noise.
  const auto seen = [&](const Dipole& lead) {
    Random electrode(options.seed, plan.number, stream++);
    const Dipole vector = near(lead, electrode, 0.08);  // electrode positions vary
    std::vector<double> signal(samples);
    for (const SyntheticBeat& beat : beats) {
      draw(beat, vector, 1 + 0.04 * std::sin(2 * pi * rhythm.respiration * beat.time), rate, signal);
    }
    add_noise(signal, rhythm.respiration, options.noise, rate, electrode);
    return signal;
  };
  std::vector<std::vector<double>> limbs;  // leads I and II, from which four other leads are computed
  for (const std::string_view lead : plan.leads) {
    std::vector<double> signal;
    if (const auto parts = limb_parts(lead)) {
      if (limbs.empty()) {
        limbs.push_back(seen(lead_vector("I")));
        limbs.push_back(seen(lead_vector("II")));
      }
      signal.resize(samples);
      for (std::size_t i = 0; i < samples; ++i) {
        signal[i] = parts->of_i * limbs[0][i] + parts->of_ii * limbs[1][i];
      }
    } else {
      signal = seen(lead_vector(lead));
    }
    WfdbSignal described;
    described.format = 212;
    described.resolution = 11;
    described.baseline = described.zero = 1024;
    described.description = lead;
    header.signals.push_back(described);
    std::vector<std::int32_t>& digital = result.digital.signals.emplace_back(samples);
    std::ranges::transform(signal, digital.begin(), [](double millivolts) {
      return static_cast<std::int32_t>(std::clamp<long>(std::lround(millivolts * 200) + 1024, 0, 2047));
    });
  }

  Annotation start;
  start.sample = 1;
  start.code = *code_of("+");
  start.aux = plan.paced ? "(P" : "(N";
  result.annotations.push_back(start);
  for (const SyntheticBeat& beat : beats) {
    Annotation annotation;
    annotation.sample = std::llround(beat.time * rate);
    annotation.code = beat.code;
    result.annotations.push_back(annotation);
  }
  return result;
}

std::vector<RecordPlan> plans_of(const SyntheticOptions& options) {
  std::vector<RecordPlan> plans;
  for (int number = 1; number <= options.count; ++number) {
    plans.push_back(plan_of(number, options));
  }
  if (options.count > 0) {
    return plans;
  }
  for (const MitdbRecord& record : mitdb_records()) {
    if (options.records.empty() || std::ranges::find(options.records, record.name) != options.records.end()) {
      plans.push_back(plan_of(record));
    }
  }
  for (const std::string& name : options.records) {
    mitdb_record(name);
  }
  return plans;
}

constexpr std::string_view unfinished = "Synthetic recordings, being written.\n";

std::string marker_text(const SyntheticOptions& options, const SyntheticCounts& counts) {
  std::string text = "Synthetic recordings: made by a computer, from no person.\n";
  if (options.count == 0) {
    text += "They are laid out like the MIT-BIH Arrhythmia Database so that programs run on them;\n";
  }
  text += "figures obtained on them say nothing about real electrocardiograms.\n";
  text += fmt::format("Seed {}, {} minutes a record, noise {}.\nBeats by AAMI class:\n", options.seed,
                      options.minutes, options.noise);
  if (options.count == 0) {
    return text + fmt::format("DS1 {}\nDS2 {}\n", text_of(counts.mitdb.ds1), text_of(counts.mitdb.ds2));
  }
  return text + fmt::format("All {}\n", text_of(counts.all));
}

}  // namespace

SyntheticRecord synthesize(const MitdbRecord& record, const SyntheticOptions& options) {
  check(options);
  return synthesize(plan_of(record), options);
}

SyntheticCounts write_synthetic_database(const std::filesystem::path& folder,
                                         const SyntheticOptions& options) {
  check(options);
  const std::vector<RecordPlan> plans = plans_of(options);
  require(is_synthetic(folder) || !std::filesystem::exists(folder / "RECORDS"),
          "{}: holds a database that is not synthetic; it is left unchanged", folder.string());
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  require(!error, "{}: cannot make the folder: {}", folder.string(), error.message());

  // If writing is interrupted, the folder is marked as synthetic and has no counts to pass the check with.
  write_atomically(folder / synthetic_marker, unfinished);
  std::vector<ClassCounts> counts(plans.size());
  parallel_for(std::ssize(plans), [&](std::int64_t i) {
    const SyntheticRecord record = synthesize(plans[i], options);
    std::filesystem::remove(folder / (plans[i].name + ".atr"));  // never beside signals of another database
    write_digital(folder, record.digital);
    write_annotations(folder / (plans[i].name + ".atr"), record.annotations);
    counts[i] = count_beats(record.annotations);
  });
  SyntheticCounts total;
  std::string names;
  for (std::size_t i = 0; i < plans.size(); ++i) {
    names += plans[i].name + '\n';
    for (std::size_t c = 0; c < beat_classes; ++c) {
      total.all[c] += counts[i][c];
      if (plans[i].split == Split::ds1 || plans[i].split == Split::ds2) {
        (plans[i].split == Split::ds1 ? total.mitdb.ds1 : total.mitdb.ds2)[c] += counts[i][c];
      }
    }
  }
  write_atomically(folder / "RECORDS", names);
  write_atomically(folder / synthetic_marker, marker_text(options, total));
  return total;
}

}  // namespace sec::io

#include "io/synthetic.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "engine/error.h"
#include "engine/parallel.h"
#include "engine/philox.h"
#include "io/annotation_codes.h"
#include "io/atomic_file.h"
#include "io/wfdb_annotation.h"

namespace sec::io {
namespace {

constexpr double rate = 360;  // Hz
constexpr double pi = std::numbers::pi;

// Random numbers in order, off one stream of Philox.
class Random {
 public:
  Random(std::uint64_t seed, std::string_view who, std::uint32_t stream)
      : key_{seed, static_cast<std::uint32_t>(std::stoul(std::string(who))), stream} {}

  double uniform(double low = 0, double high = 1) {
    return low + (high - low) * sec::uniform(key_, element_++);
  }
  bool chance(double probability) { return uniform() < probability; }
  double normal(double deviation = 1) {  // Box-Muller
    const double radius = std::sqrt(-2 * std::log(1 - uniform()));
    return deviation * radius * std::cos(2 * pi * uniform());
  }

 private:
  RandomKey key_;
  std::uint64_t element_ = 0;
};

// A vector in the body, mV: x to the left, y to the feet, z to the front.
struct Dipole {
  double x = 0;
  double y = 0;
  double z = 0;
};

Dipole operator*(double factor, const Dipole& d) {
  return {factor * d.x, factor * d.y, factor * d.z};
}

double dot(const Dipole& a, const Dipole& b) {
  return a.x * b.x + a.y * b.y + a.z * b.z;
}

Dipole any_direction(Random& random) {
  const Dipole d{random.normal(), random.normal(), random.normal()};
  return (1 / std::sqrt(dot(d, d) + 1e-9)) * d;
}

Dipole near(const Dipole& d, Random& random, double spread) {
  const double size = spread * std::sqrt(dot(d, d));
  return {d.x + random.normal(size), d.y + random.normal(size), d.z + random.normal(size)};
}

// One Gaussian of a beat.
struct Event {
  double time;   // of its peak after the R peak, s, at a cycle of 1 s
  double width;  // standard deviation, s
  Dipole dipole;
  bool repolarisation =
      false;  // keeps the square root of the cycle's length (Bazett), as in McSharry's model
};

using Shape = std::vector<Event>;

// What the leads of MIT-BIH see of the dipole.
Dipole lead_vector(std::string_view lead) {
  if (lead == "MLII") {
    return {0.5, 0.85, 0};
  }
  if (lead == "V1") {
    return {-0.45, 0.05, 0.9};
  }
  if (lead == "V2") {
    return {0.05, 0.1, 1.1};
  }
  if (lead == "V4") {
    return {0.9, 0.3, 0.5};
  }
  return {1, 0.25, 0};  // V5
}

std::array<std::string_view, 2> leads_of(std::string_view record) {
  if (record == "100" || record == "123") {
    return {"MLII", "V5"};
  }
  if (record == "102" || record == "104") {
    return {"V5", "V2"};
  }
  if (record == "103" || record == "117") {
    return {"MLII", "V2"};
  }
  if (record == "114") {
    return {"V5", "MLII"};
  }
  return {"MLII", record == "124" ? "V4" : "V1"};
}

// All that stays the same in a patient.
struct Patient {
  double cycle;               // mean RR interval, s
  double variability;         // standard deviation of the RR interval, relative
  double low_high_ratio;      // power of Mayer waves over that of respiration
  int sinus_code;             // N, L or R
  Shape sinus;                // P, QRS, T
  Shape atrial;               // the ectopic P wave with the patient's QRS
  Shape aberrant;             // the same, widened on the way through the ventricles
  Shape paced;                // spike and a wide QRS
  std::array<Shape, 2> foci;  // ventricular
  double second_focus;        // how often the second one fires
  double atrial_rate;         // ectopic beats by beat
  double ventricular_rate;
  double fusion_rate;
  double bigeminy;  // how often a ventricular beat calls another after the next sinus beat, or at once
};

void append_repolarisation(Shape& shape, double time, const Dipole& dipole) {
  shape.push_back({time - 0.035, 0.055, 0.45 * dipole, true});  // T rises slower than it falls
  shape.push_back({time + 0.015, 0.032, 0.6 * dipole, true});
}

Shape ventricular_shape(Random& random, double strength) {
  // From an apex or a wall: any direction that is far from the normal one and not across the limb leads.
  const Dipole limb = lead_vector("MLII");
  Dipole direction;
  do {
    direction = any_direction(random);
  } while (dot(direction, {0.66, 0.57, -0.4}) > 0.5 || std::abs(dot(direction, limb)) < 0.4);
  const double width = random.uniform(0.024, 0.034);
  const Dipole main = strength * direction;
  const Dipole late = strength * random.uniform(0.3, 0.6) * near(direction, random, 0.5);
  Shape shape = {{0, width, main}, {random.uniform(0.05, 0.075), width * 1.1, late}};
  append_repolarisation(shape, random.uniform(0.30, 0.36), random.uniform(-0.45, -0.25) * main);
  return shape;
}

Patient make_patient(std::string_view subject, std::uint64_t seed) {
  Random random(seed, subject, 1);
  Patient patient{};
  patient.cycle = 60 / random.uniform(55, 95);
  patient.variability = random.uniform(0.02, 0.06);
  patient.low_high_ratio = random.uniform(0.3, 1.5);

  const double size = random.uniform(0.7, 1.3);
  const double pr = random.uniform(0.14, 0.19);
  const Dipole p = random.uniform(0.08, 0.18) * near({0.6, 0.8, 0.15}, random, 0.15);
  const Dipole septal = size * random.uniform(0.1, 0.3) * near({-0.5, -0.1, 0.7}, random, 0.2);
  const Dipole main = size * 1.3 * near({0.75, 0.65, -0.45}, random, 0.2);
  const Dipole basal = size * random.uniform(0.1, 0.35) * near({-0.3, -0.7, -0.3}, random, 0.3);
  Dipole t = random.uniform(0.2, 0.4) * near({0.65, 0.6, 0.15}, random, 0.2);
  if (random.chance(0.12)) {
    t = random.uniform(-0.7, -0.2) * t;  // inverted, as after an infarction
  }
  const double wide = random.uniform(0.9, 1.15);
  Shape qrs;
  const double variant = random.uniform();
  if (variant < 0.10) {
    patient.sinus_code = *code_of("L");
    const Dipole left = size * near({0.9, 0.25, -0.6}, random, 0.15);
    qrs = {{-0.015, 0.014, 0.8 * left}, {0.028, 0.017, left}};
    t = -0.3 * left;
  } else {
    qrs = {{-0.026, 0.008 * wide, septal}, {0, 0.011 * wide, main}, {0.028, 0.010 * wide, basal}};
    patient.sinus_code = *code_of("N");
    if (variant < 0.22) {
      patient.sinus_code = *code_of("R");
      qrs.push_back({0.06, 0.018, size * random.uniform(0.4, 0.8) * near({-0.6, 0.1, 0.7}, random, 0.2)});
    }
  }
  const auto beat = [&](double p_time, double p_width, const Dipole& p_dipole) {
    Shape shape = {{p_time, p_width, p_dipole}};
    shape.insert(shape.end(), qrs.begin(), qrs.end());
    return shape;
  };
  const double t_time = random.uniform(0.27, 0.32);
  patient.sinus = beat(-pr, random.uniform(0.018, 0.026), p);
  append_repolarisation(patient.sinus, t_time, t);
  const Dipole ectopic_p =
      random.uniform(0.5, 1.0) * std::sqrt(dot(p, p)) * near({-0.3, -0.8, 0.3}, random, 0.4);
  patient.atrial = beat(-pr * random.uniform(0.65, 0.9), random.uniform(0.014, 0.022), ectopic_p);
  patient.aberrant = patient.atrial;
  patient.aberrant.push_back({0.06, 0.02, size * 0.5 * near({-0.6, 0.1, 0.7}, random, 0.2)});
  append_repolarisation(patient.atrial, t_time, t);
  append_repolarisation(patient.aberrant, t_time, 0.6 * t);

  for (Shape& focus : patient.foci) {
    focus = ventricular_shape(random, size * random.uniform(1.6, 2.8));
  }
  // A pacing wire in the apex of the right ventricle: a spike of a few ms, then activation away from it.
  patient.paced = {{-0.035, 0.0012, random.uniform(0.6, 1.5) * near({-0.6, -0.7, 0.4}, random, 0.2)}};
  const Dipole away = size * near({-0.2, -1, -0.5}, random, 0.25);
  patient.paced.push_back({0, 0.028, away});
  patient.paced.push_back({0.05, 0.03, 0.6 * near(away, random, 0.3)});
  append_repolarisation(patient.paced, 0.33, -0.35 * away);

  // Few patients have many ectopic beats, many have few.
  patient.atrial_rate = 0.005 + 0.08 * std::pow(random.uniform(), 2);
  patient.ventricular_rate = 0.01 + 0.18 * std::pow(random.uniform(), 2);
  patient.second_focus = random.chance(0.4) ? random.uniform(0.1, 0.4) : 0;
  patient.fusion_rate = 0.15 * patient.ventricular_rate + (random.chance(0.2) ? 0.03 : 0.002);
  patient.bigeminy = random.uniform(0, 0.4);
  return patient;
}

// The relative speed of the cycle: two bands of sinusoids with random phases.
class RateVariation {
 public:
  RateVariation(const Patient& patient, double respiration, Random& random) {
    const double low = patient.low_high_ratio / (1 + patient.low_high_ratio);
    add_band(0.1, 0.01, patient.variability * std::sqrt(low), random);
    add_band(respiration, 0.01, patient.variability * std::sqrt(1 - low), random);
  }
  double at(double time) const {
    double sum = 0;
    for (const Wave& wave : waves_) {
      sum += wave.size * std::cos(2 * pi * wave.frequency * time + wave.phase);
    }
    return sum;
  }

 private:
  struct Wave {
    double frequency, phase, size;
  };
  void add_band(double centre, double width, double deviation, Random& random) {
    constexpr int waves = 12;
    for (int i = 0; i < waves; ++i) {
      waves_.push_back(
          {centre + random.normal(width), random.uniform(0, 2 * pi), deviation * std::sqrt(2.0 / waves)});
    }
  }
  std::vector<Wave> waves_;
};

struct Beat {
  double time;   // of the R peak, s
  double cycle;  // the interval that its repolarisation keeps to, s
  int code;
  Shape shape;
};

void mix_in(Shape& shape, const Shape& other, double share) {
  for (Event& event : shape) {
    // The P wave is complete before both waves of activation meet.
    event.dipole = (event.time < -0.1 ? 1.0 : 1 - share) * event.dipole;
  }
  for (Event event : other) {
    event.dipole = share * event.dipole;
    shape.push_back(event);
  }
}

// The beats of a recording, in order. The clock is the sinus node (or the pacemaker): an atrial beat resets
// it, so that the pause after it is not compensatory; a ventricular one does not, so that the pause is.
std::vector<Beat> make_beats(const Patient& patient, bool paced, double seconds, double respiration,
                             Random& random) {
  const RateVariation variation(patient, respiration, random);
  std::vector<Beat> beats;
  double last = 0;                         // the last R peak
  double next = random.uniform(0.2, 0.9);  // of the sinus node
  int since_ventricular = 2;               // beats
  while (true) {
    const double variability = paced ? 0.1 * variation.at(next) : variation.at(next);
    const double cycle = patient.cycle * std::max(0.5, 1 + variability);
    Beat beat{next, cycle, patient.sinus_code, patient.sinus};
    double following = next + cycle;
    const bool may_be_early = !beats.empty() && next - last > 0.8 * cycle;
    const double dice = random.uniform();
    const double ventricular =
        (patient.ventricular_rate + patient.bigeminy * (since_ventricular == 1   ? 1
                                                        : since_ventricular == 0 ? 0.2
                                                                                 : 0)) *
        (paced ? 0.3 : 1);
    const double atrial = paced ? 0 : patient.atrial_rate;
    if (may_be_early && dice < ventricular) {
      beat.time = last + cycle * random.uniform(0.5, 0.72);
      beat.code = *code_of("V");
      beat.shape = patient.foci[random.chance(patient.second_focus) ? 1 : 0];
      // What the node fires before the ventricles have recovered goes unanswered.
      following = next;
      while (following < beat.time + 0.6 * cycle) {
        following += cycle;
      }
    } else if (may_be_early && dice < ventricular + atrial) {
      beat.time = last + cycle * random.uniform(0.55, 0.8);
      following = beat.time + cycle * random.uniform(1.0, 1.12);
      const double kind = random.uniform();
      beat.code = *code_of(kind < 0.8 ? "A" : kind < 0.92 ? "a" : "J");
      beat.shape = kind < 0.8 || kind >= 0.92 ? patient.atrial : patient.aberrant;
      if (kind >= 0.92) {
        beat.shape.erase(beat.shape.begin());  // from the node: no P wave before it
      }
    } else if (may_be_early && dice < ventricular + atrial + patient.fusion_rate) {
      beat.time = next - random.uniform(0.02, 0.06);
      beat.code = *code_of(paced ? "f" : "F");
      if (paced) {
        beat.shape = patient.paced;
        mix_in(beat.shape, patient.sinus, random.uniform(0.35, 0.65));
      } else {
        mix_in(beat.shape, patient.foci[0], random.uniform(0.35, 0.65));
      }
    } else if (paced && !(since_ventricular < 2 && random.chance(0.1))) {
      beat.code = *code_of("/");
      beat.shape = patient.paced;
    } else if (random.chance(0.003)) {
      // An observer could not tell: one shape torn by another.
      beat.code = *code_of("Q");
      mix_in(beat.shape, ventricular_shape(random, random.uniform(0.5, 2)), random.uniform(0.5, 0.8));
    }
    if (beat.time >= seconds - 0.1) {
      return beats;
    }
    since_ventricular = beat.code == *code_of("V") ? 0 : since_ventricular + 1;
    last = beat.time;
    next = std::max(following, last + 0.35);
    for (Event& event : beat.shape) {
      event.time += random.normal(0.0015);
      event.dipole = (1 + random.normal(0.03)) * event.dipole;
    }
    beats.push_back(std::move(beat));
  }
}

void draw(const Beat& beat, const Dipole& lead, double gain, std::vector<double>& signal) {
  for (const Event& event : beat.shape) {
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

// Wander, mains, muscle and electrode noise of one lead.
void add_noise(std::vector<double>& signal, double respiration, double factor, Random& random) {
  const double breath = random.uniform(0.02, 0.08);
  const double drift = random.uniform(0.02, 0.12);
  const double mains = random.uniform(0.002, 0.012);
  const double muscle = random.uniform(0.005, 0.02);
  const double motion_rate = random.uniform(0, 0.02) / rate;  // jerks of the electrode a sample
  const double phase = random.uniform(0, 2 * pi);
  double slow = random.normal(drift);
  double electrode = 0;
  double tension = 0;
  double before = 0;
  for (std::size_t i = 0; i < signal.size(); ++i) {
    const double time = static_cast<double>(i) / rate;
    // Drift and muscle tension wander with time constants of 8 s and 3 s.
    slow += -slow / (8 * rate) + random.normal(drift * std::sqrt(2 / (8 * rate)));
    tension += -tension / (3 * rate) + random.normal(std::sqrt(2 / (3 * rate)));
    if (random.chance(motion_rate)) {
      electrode += random.normal(0.4);
    }
    electrode -= electrode / (0.7 * rate);
    const double white = random.normal(muscle * std::exp(0.5 * tension));
    const double high = white - 0.5 * std::exchange(before, white);  // muscles sound above 20 Hz
    signal[i] += factor * (breath * std::sin(2 * pi * respiration * time + phase) + slow + electrode +
                           mains * std::sin(2 * pi * 60 * time) + high);
  }
}

void check(const SyntheticOptions& options) {
  require(options.minutes >= 0.1 && options.minutes <= 120, "synthetic: {} minutes, expected 0.1 to 120",
          options.minutes);
  require(options.noise >= 0 && options.noise <= 100, "synthetic: noise {}, expected 0 to 100",
          options.noise);
}

constexpr std::string_view unfinished = "Synthetic recordings, being written.\n";

std::string marker_text(const SyntheticOptions& options, const MitdbCounts& counts) {
  return fmt::format(
      "Synthetic recordings: made by a computer, from no person.\n"
      "They are laid out like the MIT-BIH Arrhythmia Database so that programs run on them;\n"
      "figures obtained on them say nothing about real electrocardiograms.\n"
      "Seed {}, {} minutes a record, noise {}.\n"
      "Beats by AAMI class:\nDS1 {}\nDS2 {}\n",
      options.seed, options.minutes, options.noise, text_of(counts.ds1), text_of(counts.ds2));
}

}  // namespace

SyntheticRecord synthesize(const MitdbRecord& record, const SyntheticOptions& options) {
  check(options);
  const bool paced = record.split == Split::paced;
  const Patient patient = make_patient(record.subject, options.seed);
  Random rhythm(options.seed, record.name, 2);
  const auto samples = static_cast<std::size_t>(std::llround(options.minutes * 60 * rate));
  const double seconds = static_cast<double>(samples) / rate;
  const double respiration = rhythm.uniform(0.2, 0.3);
  const std::vector<Beat> beats = make_beats(patient, paced, seconds, respiration, rhythm);

  SyntheticRecord result;
  WfdbHeader& header = result.digital.header;
  header.name = record.name;
  header.rate = rate;
  header.comments = {"Synthetic: made by a computer, from no person."};
  std::uint32_t stream = 3;
  for (const std::string_view lead : leads_of(record.name)) {
    Random random(options.seed, record.name, stream++);
    const Dipole vector = near(lead_vector(lead), random, 0.08);  // electrodes never sit alike
    std::vector<double> signal(samples);                          // mV
    for (const Beat& beat : beats) {
      draw(beat, vector, 1 + 0.04 * std::sin(2 * pi * respiration * beat.time), signal);
    }
    add_noise(signal, respiration, options.noise, random);

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
  start.aux = paced ? "(P" : "(N";
  result.annotations.push_back(start);
  for (const Beat& beat : beats) {
    Annotation annotation;
    annotation.sample = std::llround(beat.time * rate);
    annotation.code = beat.code;
    result.annotations.push_back(annotation);
  }
  return result;
}

MitdbCounts write_synthetic_database(const std::filesystem::path& folder, const SyntheticOptions& options) {
  check(options);
  std::vector<MitdbRecord> records;
  for (const MitdbRecord& record : mitdb_records()) {
    if (options.records.empty() || std::ranges::find(options.records, record.name) != options.records.end()) {
      records.push_back(record);
    }
  }
  for (const std::string& name : options.records) {
    mitdb_record(name);
  }
  require(is_synthetic(folder) || !std::filesystem::exists(folder / "RECORDS"),
          "{}: holds a database that is not synthetic, and is left alone", folder.string());
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  require(!error, "{}: cannot make the folder: {}", folder.string(), error.message());

  // Whenever this is cut short, the folder says that it is synthetic and has no counts to pass the check
  // with.
  write_atomically(folder / synthetic_marker, unfinished);
  std::vector<ClassCounts> counts(records.size());
  parallel_for(std::ssize(records), [&](std::int64_t i) {
    const SyntheticRecord record = synthesize(records[i], options);
    write_digital(folder, record.digital);
    write_annotations(folder / (std::string(records[i].name) + ".atr"), record.annotations);
    counts[i] = count_beats(record.annotations);
  });
  MitdbCounts total;
  std::string names;
  for (std::size_t i = 0; i < records.size(); ++i) {
    names += std::string(records[i].name) + '\n';
    for (std::size_t c = 0; c < beat_classes && records[i].split != Split::paced; ++c) {
      (records[i].split == Split::ds1 ? total.ds1 : total.ds2)[c] += counts[i][c];
    }
  }
  write_atomically(folder / "RECORDS", names);
  write_atomically(folder / synthetic_marker, marker_text(options, total));
  return total;
}

}  // namespace sec::io

#include "io/synthetic/heart.h"

#include <algorithm>

#include "io/recording/annotation_codes.h"

namespace sec::io {
namespace {

constexpr double pi = std::numbers::pi;

Dipole any_direction(Random& random) {
  const Dipole d{random.normal(), random.normal(), random.normal()};
  return (1 / std::sqrt(dot(d, d) + 1e-9)) * d;
}

void append_repolarisation(BeatShape& shape, double time, const Dipole& dipole) {
  shape.push_back({time - 0.035, 0.055, 0.45 * dipole, true});  // the T wave rises more slowly than it falls
  shape.push_back({time + 0.015, 0.032, 0.6 * dipole, true});
}

BeatShape ventricular_shape(Random& random, double strength) {
  // An ectopic focus at the apex or in a wall. Any direction is possible that is far from the normal axis.
  // It must not be nearly perpendicular to limb lead MLII.
  const Dipole limb = {0.5, 0.85, 0};  // the direction of lead MLII
  Dipole direction;
  do {
    direction = any_direction(random);
  } while (dot(direction, {0.66, 0.57, -0.4}) > 0.5 || std::abs(dot(direction, limb)) < 0.4);
  const double width = random.uniform(0.024, 0.034);
  const Dipole main = strength * direction;
  const Dipole late = strength * random.uniform(0.3, 0.6) * near(direction, random, 0.5);
  BeatShape shape = {{0, width, main}, {random.uniform(0.05, 0.075), width * 1.1, late}};
  append_repolarisation(shape, random.uniform(0.30, 0.36), random.uniform(-0.45, -0.25) * main);
  return shape;
}

// The relative variation of the heart rate over time: two bands of sinusoids with random phases.
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

void mix_in(BeatShape& shape, const BeatShape& other, double share) {
  for (GaussianEvent& event : shape) {
    // The P wave is complete before the two waves of activation meet.
    event.dipole = (event.time < -0.1 ? 1.0 : 1 - share) * event.dipole;
  }
  for (GaussianEvent event : other) {
    event.dipole = share * event.dipole;
    shape.push_back(event);
  }
}

enum class BeatKind { sinus, ventricular, atrial, fusion, paced, unclassifiable };

// The state of the heart when its next beat is due.
struct Moment {
  bool may_be_early;      // the last interval was long enough for an early beat
  int since_ventricular;  // number of beats
};

// Chooses the kind of the next beat from the patient's own rates.
BeatKind natural_kind(const Patient& patient, bool paced, const Moment& now, Random& random) {
  const double dice = random.uniform();
  const double called = now.since_ventricular == 1 ? 1 : now.since_ventricular == 0 ? 0.2 : 0;
  const double ventricular = (patient.ventricular_rate + patient.bigeminy * called) * (paced ? 0.3 : 1);
  const double atrial = paced ? 0 : patient.atrial_rate;
  if (now.may_be_early && dice < ventricular) {
    return BeatKind::ventricular;
  }
  if (now.may_be_early && dice < ventricular + atrial) {
    return BeatKind::atrial;
  }
  if (now.may_be_early && dice < ventricular + atrial + patient.fusion_rate) {
    return BeatKind::fusion;
  }
  if (paced && !(now.since_ventricular < 2 && random.chance(0.1))) {
    return BeatKind::paced;
  }
  return random.chance(0.003) ? BeatKind::unclassifiable : BeatKind::sinus;
}

// Chooses kinds so that at any time each class has its fraction of the beats, exact to a few beats.
class MixedKinds {
 public:
  explicit MixedKinds(const ClassMix& mix) : mix_(mix) {}

  BeatKind next(Random& random) {
    ++beats_;
    double dice = random.uniform(0, lack());
    std::size_t chosen = 0;
    for (std::size_t c = 0; c < beat_classes; ++c) {
      if (lack(c) <= 0) {
        continue;
      }
      chosen = c;
      if (dice < lack(c)) {
        break;
      }
      dice -= lack(c);
    }
    ++counts_[chosen];
    constexpr BeatKind kinds[] = {BeatKind::sinus, BeatKind::atrial, BeatKind::ventricular, BeatKind::fusion,
                                  BeatKind::unclassifiable};
    return kinds[chosen];
  }

 private:
  // The number of beats by which a class is below its fraction.
  double lack(std::size_t c) const {
    return std::max(0.0, mix_[c] * beats_ - static_cast<double>(counts_[c]));
  }
  double lack() const {
    double sum = 0;
    for (std::size_t c = 0; c < beat_classes; ++c) {
      sum += lack(c);
    }
    return sum;
  }

  ClassMix mix_;
  ClassCounts counts_{};
  double beats_ = 0;
};

}  // namespace

Dipole operator*(double factor, const Dipole& d) {
  return {factor * d.x, factor * d.y, factor * d.z};
}

double dot(const Dipole& a, const Dipole& b) {
  return a.x * b.x + a.y * b.y + a.z * b.z;
}

Dipole near(const Dipole& d, Random& random, double spread) {
  const double size = spread * std::sqrt(dot(d, d));
  return {d.x + random.normal(size), d.y + random.normal(size), d.z + random.normal(size)};
}

Patient make_patient(std::uint32_t subject, std::uint64_t seed) {
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
  BeatShape qrs;
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
    BeatShape shape = {{p_time, p_width, p_dipole}};
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

  for (BeatShape& focus : patient.foci) {
    focus = ventricular_shape(random, size * random.uniform(1.6, 2.8));
  }
  // A pacing wire in the right ventricle's apex: a spike of a few ms, then activation away from the apex.
  patient.paced = {{-0.035, 0.0012, random.uniform(0.6, 1.5) * near({-0.6, -0.7, 0.4}, random, 0.2)}};
  const Dipole away = size * near({-0.2, -1, -0.5}, random, 0.25);
  patient.paced.push_back({0, 0.028, away});
  patient.paced.push_back({0.05, 0.03, 0.6 * near(away, random, 0.3)});
  append_repolarisation(patient.paced, 0.33, -0.35 * away);

  // A few patients have many ectopic beats; most have few.
  patient.atrial_rate = 0.005 + 0.08 * std::pow(random.uniform(), 2);
  patient.ventricular_rate = 0.01 + 0.18 * std::pow(random.uniform(), 2);
  patient.second_focus = random.chance(0.4) ? random.uniform(0.1, 0.4) : 0;
  patient.fusion_rate = 0.15 * patient.ventricular_rate + (random.chance(0.2) ? 0.03 : 0.002);
  patient.bigeminy = random.uniform(0, 0.4);
  return patient;
}

std::vector<SyntheticBeat> make_beats(const Patient& patient, const Rhythm& rhythm, double seconds,
                                      Random& random) {
  const RateVariation variation(patient, rhythm.respiration, random);
  const bool paced = rhythm.paced;
  std::optional<MixedKinds> mixed;
  if (rhythm.mix) {
    mixed.emplace(*rhythm.mix);
  }
  std::vector<SyntheticBeat> beats;
  double last = 0;                         // time of the last R peak, s
  double next = random.uniform(0.2, 0.9);  // time of the next sinus beat, s
  int since_ventricular = 2;               // number of beats
  while (true) {
    const double variability = paced ? 0.1 * variation.at(next) : variation.at(next);
    const double cycle = patient.cycle * std::max(0.5, 1 + variability);
    SyntheticBeat beat{next, cycle, patient.sinus_code, patient.sinus};
    double following = next + cycle;
    const Moment now{!beats.empty() && next - last > 0.8 * cycle, since_ventricular};
    const BeatKind kind = mixed ? mixed->next(random) : natural_kind(patient, paced, now, random);
    switch (kind) {
      case BeatKind::ventricular:
        beat.code = *code_of("V");
        beat.time = beats.empty() ? next : last + cycle * random.uniform(0.5, 0.72);
        beat.shape = patient.foci[random.chance(patient.second_focus) ? 1 : 0];
        // Sinus impulses before the ventricles have recovered are not conducted.
        following = next;
        while (following < beat.time + 0.6 * cycle) {
          following += cycle;
        }
        break;
      case BeatKind::atrial: {
        beat.time = beats.empty() ? next : last + cycle * random.uniform(0.55, 0.8);
        following = beat.time + cycle * random.uniform(1.0, 1.12);
        const double origin = random.uniform();
        beat.code = *code_of(origin < 0.8 ? "A" : origin < 0.92 ? "a" : "J");
        beat.shape = origin < 0.8 || origin >= 0.92 ? patient.atrial : patient.aberrant;
        if (origin >= 0.92) {
          beat.shape.erase(beat.shape.begin());  // a junctional beat has no P wave before it
        }
        break;
      }
      case BeatKind::fusion:
        beat.time = next - random.uniform(0.02, 0.06);
        beat.code = *code_of(paced ? "f" : "F");
        if (paced) {
          beat.shape = patient.paced;
          mix_in(beat.shape, patient.sinus, random.uniform(0.35, 0.65));
        } else {
          mix_in(beat.shape, patient.foci[0], random.uniform(0.35, 0.65));
        }
        break;
      case BeatKind::paced:
        beat.code = *code_of("/");
        beat.shape = patient.paced;
        break;
      case BeatKind::unclassifiable:
        // A beat that an observer could not classify: a mixture of two shapes.
        beat.code = *code_of("Q");
        mix_in(beat.shape, ventricular_shape(random, random.uniform(0.5, 2)), random.uniform(0.5, 0.8));
        break;
      case BeatKind::sinus:
        break;
    }
    if (beat.time >= seconds - 0.1) {
      return beats;
    }
    since_ventricular = beat.code == *code_of("V") ? 0 : since_ventricular + 1;
    last = beat.time;
    next = std::max(following, last + 0.35);
    for (GaussianEvent& event : beat.shape) {
      event.time += random.normal(0.0015);
      event.dipole = (1 + random.normal(0.03)) * event.dipole;
    }
    beats.push_back(std::move(beat));
  }
}

}  // namespace sec::io

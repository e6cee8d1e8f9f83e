// The heart model of synthetic recordings (io/synthetic/database.h): the shapes and times of beats.
#pragma once

#include <array>
#include <cmath>
#include <cstdint>
#include <numbers>
#include <optional>
#include <vector>

#include "engine/philox.h"
#include "io/scoring/aami.h"

namespace sec::io {

// A sequence of random numbers from one Philox stream.
class Random {
 public:
  Random(std::uint64_t seed, std::uint32_t who, std::uint32_t stream) : key_{seed, who, stream} {}

  double uniform(double low = 0, double high = 1) {
    return low + (high - low) * sec::uniform(key_, element_++);
  }
  bool chance(double probability) { return uniform() < probability; }
  double normal(double deviation = 1) {  // Box-Muller
    const double radius = std::sqrt(-2 * std::log(1 - uniform()));
    return deviation * radius * std::cos(2 * std::numbers::pi * uniform());
  }

 private:
  RandomKey key_;
  std::uint64_t element_ = 0;
};

// A dipole vector in the body, in mV: x points left, y to the feet, z to the front.
struct Dipole {
  double x = 0;
  double y = 0;
  double z = 0;
};

Dipole operator*(double factor, const Dipole& d);
double dot(const Dipole& a, const Dipole& b);
// Returns d with normal noise on each coordinate, of standard deviation `spread` times the length of d.
Dipole near(const Dipole& d, Random& random, double spread);

// One Gaussian of a beat.
struct GaussianEvent {
  double time;   // time of the peak relative to the R peak, s, at an RR interval of 1 s
  double width;  // standard deviation, s
  Dipole dipole;
  // Repolarisation (T wave) events scale their time and width with the square root of the RR interval.
  // This is Bazett's formula, as in McSharry's model.
  bool repolarisation = false;
};

using BeatShape = std::vector<GaussianEvent>;

// Properties that stay constant for a patient.
struct Patient {
  double cycle;                   // mean RR interval, s
  double variability;             // standard deviation of the RR interval, relative to its mean
  double low_high_ratio;          // power of Mayer waves divided by that of respiration
  int sinus_code;                 // annotation type N, L or R
  BeatShape sinus;                // a sinus beat: P, QRS, T
  BeatShape atrial;               // an ectopic P wave with the patient's QRS
  BeatShape aberrant;             // `atrial` with a QRS widened by aberrant conduction
  BeatShape paced;                // a pacing spike and a wide QRS
  std::array<BeatShape, 2> foci;  // beats of the two ventricular foci
  double second_focus;            // probability that a ventricular beat comes from the second focus
  double atrial_rate;             // ectopic beats per beat
  double ventricular_rate;
  double fusion_rate;
  double bigeminy;  // probability of another ventricular beat at once, or after the next sinus beat
};

struct SyntheticBeat {
  double time;   // time of the R peak, s
  double cycle;  // RR interval that scales the repolarisation, s
  int code;
  BeatShape shape;
};

Patient make_patient(std::uint32_t subject, std::uint64_t seed);

// The fraction of beats in each class; the fractions sum to 1.
using ClassMix = std::array<double, beat_classes>;

struct Rhythm {
  bool paced = false;
  double respiration = 0.25;    // Hz
  std::optional<ClassMix> mix;  // fractions of the beat classes; nullopt: as natural for the patient
};

// Generates the beats of the first `seconds`, in order of time. The sinus node or the pacemaker is the clock.
// An atrial beat resets the clock, so the pause after it is not compensatory.
// A ventricular beat does not reset the clock, so the pause after it is compensatory.
std::vector<SyntheticBeat> make_beats(const Patient& patient, const Rhythm& rhythm, double seconds,
                                      Random& random);

}  // namespace sec::io

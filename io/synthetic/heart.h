// The heart of a synthetic recording (synthetic.h): what its beats look like, and when they come.
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

// Random numbers in order, off one stream of Philox.
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

// A vector in the body, mV: x to the left, y to the feet, z to the front.
struct Dipole {
  double x = 0;
  double y = 0;
  double z = 0;
};

Dipole operator*(double factor, const Dipole& d);
double dot(const Dipole& a, const Dipole& b);
Dipole near(const Dipole& d, Random& random,
            double spread);  // d, each coordinate off by `spread` of its length

// One Gaussian of a beat.
struct Event {
  double time;   // of its peak after the R peak, s, at a cycle of 1 s
  double width;  // standard deviation, s
  Dipole dipole;
  bool repolarisation =
      false;  // keeps the square root of the cycle's length (Bazett), as in McSharry's model
};

using Shape = std::vector<Event>;

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

struct Beat {
  double time;   // of the R peak, s
  double cycle;  // the interval that its repolarisation keeps to, s
  int code;
  Shape shape;
};

Patient make_patient(std::uint32_t subject, std::uint64_t seed);

// The shares of the beats by class, which sum to 1.
using ClassMix = std::array<double, beat_classes>;

struct Rhythm {
  bool paced = false;
  double respiration = 0.25;    // Hz
  std::optional<ClassMix> mix;  // of the beats; otherwise what the patient's heart does by itself
};

// The beats of the first `seconds`, in order. The clock is the sinus node (or the pacemaker): an atrial beat
// resets it, so that the pause after it is not compensatory; a ventricular one does not, so that the pause
// is.
std::vector<Beat> make_beats(const Patient& patient, const Rhythm& rhythm, double seconds, Random& random);

}  // namespace sec::io

#include "io/edf/scale.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>

#include "engine/error.h"

namespace sec::io {
namespace {

constexpr int lowest = -32767;
constexpr int highest = 32767;
constexpr int no_sample = -32768;
constexpr std::size_t width = 8;
// Tolerance for a whole number of adu: a float holds 16-bit numbers of adu to within 0.002.
constexpr double nearly_whole = 0.01;

// Formats a number with as many decimals as fit into eight characters; `round` rounds its last digit.
template <typename Round>
std::string number_with(double value, Round round) {
  for (int decimals = 6; decimals >= 0; --decimals) {
    const double unit = std::pow(10.0, decimals);
    std::string text = fmt::format("{:.{}f}", round(value * unit) / unit, decimals);
    if (decimals > 0) {
      text.erase(text.find_last_not_of('0') + 1);
      text.erase(text.find_last_not_of('.') + 1);
    }
    if (text.size() <= width) {
      return text == "-0" ? "0" : text;
    }
  }
  return "";
}

double value_of(const std::string& text) {
  double value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

// Searches for the first digital value whose physical value fits exactly into eight characters.
// Searches from `from` to `to` in steps of `step`.
// Returns `from` if there is none.
int exact_limit(int from, int to, int step, double gain, double zero) {
  for (int digital = from; step > 0 ? digital <= to : digital >= to; digital += step) {
    const double physical = (digital - zero) / gain;
    if (std::abs(value_of(edf_number(physical)) - physical) <= 1e-13 * std::abs(physical)) {
      return digital;
    }
  }
  return from;
}

}  // namespace

std::string edf_number(double value) {
  return number_with(value, [](double v) { return std::round(v); });
}

void EdfRange::add(std::span<const float> samples) {
  for (const float sample : samples) {
    if (!std::isfinite(sample)) {
      continue;
    }
    low_ = empty_ ? sample : std::min(low_, sample);
    high_ = empty_ ? sample : std::max(high_, sample);
    empty_ = false;
    const double digital = sample * lead_.gain + lead_.baseline;
    is_whole_ = is_whole_ && std::abs(digital - std::round(digital)) < nearly_whole;
  }
}

EdfScale EdfRange::scale() const {
  EdfScale scale;
  double low = low_ * lead_.gain + lead_.baseline;
  double high = high_ * lead_.gain + lead_.baseline;
  if (low > high) {
    std::swap(low, high);
  }
  if (is_whole_ && std::isfinite(lead_.gain) && lead_.gain != 0 && high - low < highest - lowest - 1) {
    const bool fits = low >= lowest && high <= highest;
    scale.gain = lead_.gain;
    scale.zero = lead_.baseline - (fits ? 0 : std::round((low + high) / 2));
    const double shift = scale.zero - lead_.baseline;
    scale.digital_min =
        exact_limit(lowest, static_cast<int>(std::round(low + shift)), 1, scale.gain, scale.zero);
    scale.digital_max =
        exact_limit(highest, static_cast<int>(std::round(high + shift)), -1, scale.gain, scale.zero);
    scale.physical_min = edf_number((scale.digital_min - scale.zero) / scale.gain);
    scale.physical_max = edf_number((scale.digital_max - scale.zero) / scale.gain);
  } else {
    scale.digital_min = lowest;
    scale.digital_max = highest;
    scale.physical_min = number_with(low_, [](double v) { return std::floor(v); });
    scale.physical_max = number_with(high_, [](double v) { return std::ceil(v); });
    if (scale.physical_min == scale.physical_max) {
      scale.physical_max = number_with(high_ + 1.0, [](double v) { return std::ceil(v); });
    }
    const double least = value_of(scale.physical_min);
    scale.gain = (highest - lowest) / (value_of(scale.physical_max) - least);
    scale.zero = lowest - least * scale.gain;
  }
  require(!scale.physical_min.empty() && !scale.physical_max.empty() &&
              scale.physical_min != scale.physical_max && std::isfinite(scale.gain),
          "lead {}: a range from {} to {} {} cannot be expressed in EDF's eight characters", lead_.name, low_,
          high_, lead_.units);
  return scale;
}

std::int16_t edf_digital(const EdfScale& scale, float sample) {
  if (!std::isfinite(sample)) {
    return no_sample;
  }
  const double digital = std::round(sample * scale.gain + scale.zero);
  return static_cast<std::int16_t>(
      std::clamp(digital, static_cast<double>(lowest), static_cast<double>(highest)));
}

}  // namespace sec::io

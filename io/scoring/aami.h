// The beat classes of ANSI/AAMI EC57 and the MIT annotation types that belong to them.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "io/recording/recording.h"

namespace sec::io {

enum class BeatClass : std::uint8_t {
  N,  // normal, bundle branch block, and supraventricular escape beats: N L R B e j n
  S,  // premature supraventricular: A a J S
  V,  // ventricular: V E r
  F,  // fusion of ventricular and normal: F
  Q,  // paced, fusion of paced and normal, unclassifiable: / f Q ?
};

constexpr std::size_t beat_classes = 5;
// In the order of BeatClass, in which scores are reported.
inline const std::vector<std::string> beat_class_names = {"N", "S", "V", "F", "Q"};

// The class of an annotation type; nullopt for annotations that are not beats.
// Ventricular flutter waves (!) are not beats.
std::optional<BeatClass> beat_class_of(int code);

using ClassCounts = std::array<std::int64_t, beat_classes>;  // indexed by BeatClass

ClassCounts count_beats(std::span<const Annotation> annotations);
std::string text_of(const ClassCounts& counts);  // "N 45866 S 944 V 3788 F 415 Q 8"

}  // namespace sec::io

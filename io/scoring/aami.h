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
  N,  // normal and bundle branch block: N L R B
  S,  // supraventricular ectopic: A a J S; by the standard also escape beats: e j n
  V,  // ventricular: V E r
  F,  // fusion of ventricular and normal: F
  Q,  // paced, fusion of paced and normal, unclassifiable: / f Q ?
};

constexpr std::size_t beat_classes = 5;
// In the order of BeatClass, in which scores are reported.
inline const std::vector<std::string> beat_class_names = {"N", "S", "V", "F", "Q"};

// Who decides the class of supraventricular escape beats (e, j, n). Every score names the mapping that it used.
enum class BeatMapping : std::uint8_t {
  ec57,       // S: ANSI/AAMI EC57 and WFDB's comparator
  de_chazal,  // N: de Chazal 2004, whose classes the literature on MIT-BIH and all training here use
};
// "ec57" and "de-chazal", in the order of BeatMapping.
inline const std::vector<std::string> beat_mapping_names = {"ec57", "de-chazal"};

// The class of an annotation type. Empty for annotations that are not beats, ventricular flutter waves (!) among them.
std::optional<BeatClass> beat_class_of(int code, BeatMapping mapping = BeatMapping::de_chazal);

using ClassCounts = std::array<std::int64_t, beat_classes>;  // indexed by BeatClass

ClassCounts count_beats(std::span<const Annotation> annotations);
std::string text_of(const ClassCounts& counts);  // "N 45866 S 944 V 3788 F 415 Q 8"

}  // namespace sec::io

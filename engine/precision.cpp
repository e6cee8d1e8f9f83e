#include "engine/precision.h"

#include "engine/error.h"

namespace sec {

std::string_view name_of(Precision precision) {
  switch (precision) {
    case Precision::f32:
      return "f32";
    case Precision::tf32:
      return "tf32";
    case Precision::bf16:
      return "bf16";
  }
  return "?";
}

Precision parse_precision(std::string_view text, Device device) {
  if (text == "auto") {
    return device == Device::cuda ? Precision::tf32 : Precision::f32;
  }
  for (const Precision precision : {Precision::f32, Precision::tf32, Precision::bf16}) {
    if (text == name_of(precision)) {
      require(precision == Precision::f32 || device != Device::cpu,
              "precision {}: the cpu device computes in f32", text);
      return precision;
    }
  }
  fail("precision '{}': expected auto, f32, tf32 or bf16", text);
}

}  // namespace sec

// Draws a few seconds of an ECG in the usual clinical form: on millimetre paper, at 25 mm/s and 10 mm/mV.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace sec::train {

struct EcgStrip {
  double rate = 0;                                    // Hz
  double start = 0;                                   // s, time of the first sample
  std::vector<std::string> lead_names;                // [lead]
  std::vector<std::vector<float>> leads;              // [lead][sample], mV; NaN leaves a gap
  std::vector<std::pair<double, std::string>> beats;  // s of each R peak, and the text above it
  double marked = 0;                                  // s, the R peak that the strip shows
  std::string label;                                  // description for screen readers
};

// The SVG pattern of the paper. A page needs it once, before the first strip.
std::string ecg_paper_definitions();

// The strip as SVG in millimetres, with the leads below each other. A lead is as high as its signal,
// but at least 2 mV and at most 8 mV; a larger signal is clipped at the edge.
std::string draw(const EcgStrip& strip);

}  // namespace sec::train

// A few seconds of an ECG as cardiologists are used to see it: on millimetre paper at 25 mm/s and 10 mm/mV.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace sec::train {

struct EcgStrip {
  double rate = 0;                                    // Hz
  double start = 0;                                   // s, the time of the first sample
  std::vector<std::string> lead_names;                // [lead]
  std::vector<std::vector<float>> leads;              // [lead][sample], mV; NaN leaves a gap
  std::vector<std::pair<double, std::string>> beats;  // s, and what to write above the beat
  double marked = 0;                                  // s, the R peak that the strip is about
  std::string label;                                  // for those who cannot see it
};

// The paper's pattern, once for a page.
std::string ecg_paper_definitions();

// The strip as SVG in millimetres, the leads one above the other. A lead takes the height of its signal, 2 to
// 5 mV; what lies beyond is cut off at the edge.
std::string draw(const EcgStrip& strip);

}  // namespace sec::train

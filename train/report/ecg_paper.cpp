#include "train/report/ecg_paper.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <iterator>

#include "train/report/html.h"

namespace sec::train {
namespace {

constexpr double speed = 25;     // mm/s
constexpr double gain = 10;      // mm/mV
constexpr double head = 5;       // mm above the first lead, for the beats' names
constexpr double edge = 0.25;    // mm around the paper, for its border
constexpr double unit = 0.01;    // mm; curves are written in integer multiples of it, which keeps pages small
constexpr float farthest = 100;  // mV; samples are clipped to this magnitude
constexpr double longest = 10;   // s, longest strip
constexpr double highest = 8;    // mV, highest band: deep S waves in V2 beside a tall T wave take six
constexpr double label_height = 3.6;   // mm, a lead's name
constexpr double letter_width = 1.85;  // mm, of a capital letter
constexpr double label_room = 0.5;     // mV, added to a band whose signal leaves no room for the name

// The range in mV of a lead's band of paper: whole thick squares (0.5 mV) around the signal.
struct Band {
  double low = -1, high = 1;
  double height() const { return (high - low) * gain; }
};

Band band_of(const std::vector<float>& signal) {
  std::vector<float> finite;
  for (const float value : signal) {
    if (std::isfinite(value)) {
      finite.push_back(std::clamp(value, -farthest, farthest));
    }
  }
  if (finite.empty()) {
    return {};
  }
  const auto [least, most] = std::minmax_element(finite.begin(), finite.end());
  Band band{std::floor(*least / 0.5 - 0.1) * 0.5, std::ceil(*most / 0.5 + 0.1) * 0.5};
  while (band.high - band.low < 2) {  // extend the band at the edge nearer to the signal
    if (*most + *least > band.high + band.low) {
      band.high += 0.5;
    } else {
      band.low -= 0.5;
    }
  }
  if (band.high - band.low > highest) {  // keep the part around the median
    std::nth_element(finite.begin(), finite.begin() + static_cast<std::ptrdiff_t>(finite.size() / 2),
                     finite.end());
    const double middle = std::round(finite[finite.size() / 2] / 0.5) * 0.5;
    band.low = std::clamp(middle - highest / 2, band.low, band.high - highest);
    band.high = band.low + highest;
  }
  return band;
}

// Where a lead's name stands in its band: mm below the band's top, of the text's upper edge.
struct Label {
  double top = 0.4;
  bool needs_room = false;  // the signal is in all places
};

// Looks for a place at the left edge, at the top or the bottom of the band, that the signal does not cross.
Label label_of(const std::vector<float>& signal, double rate, const Band& band, std::size_t letters) {
  const double right = 1.2 + letter_width * static_cast<double>(letters) + 0.8;  // mm
  const auto count = std::min(signal.size(), static_cast<std::size_t>(right / speed * rate) + 2);
  double high = band.low;
  double low = band.high;
  for (std::size_t i = 0; i < count; ++i) {
    if (std::isfinite(signal[i])) {
      const double value = std::clamp(static_cast<double>(signal[i]), band.low, band.high);
      high = std::max(high, value);
      low = std::min(low, value);
    }
  }
  const double room = label_height + 0.6;  // mm
  if ((band.high - high) * gain >= room) {
    return {};
  }
  if ((low - band.low) * gain >= room) {
    return {.top = band.height() - label_height - 0.4};
  }
  return {.needs_room = true};
}

// The x of a beat's name of one letter or more, so that the paper's edges do not cut it.
double inside(double x, std::size_t letters, double width) {
  const double half = letter_width * static_cast<double>(letters) / 2 + 0.3;
  return width > 2 * half ? std::clamp(x, half, width - half) : width / 2;
}

// The signal as an SVG path in multiples of `unit`.
// Each part without gaps starts with an absolute point, followed by relative moves.
std::string path_of(const std::vector<float>& signal, double rate, std::size_t samples, double zero) {
  std::string path;
  auto out = std::back_inserter(path);
  std::int64_t last_x = 0;
  std::int64_t last_y = 0;
  enum class Pen { up, placed, drawing } pen = Pen::up;
  for (std::size_t i = 0; i < std::min(signal.size(), samples); ++i) {
    if (!std::isfinite(signal[i])) {
      pen = Pen::up;
      continue;
    }
    const auto x = static_cast<std::int64_t>(std::llround(static_cast<double>(i) / rate * speed / unit));
    const double millimetres = zero - std::clamp(signal[i], -farthest, farthest) * gain;
    const auto y = static_cast<std::int64_t>(std::llround(millimetres / unit));
    if (pen == Pen::up) {
      fmt::format_to(out, "M{} {}", x, y);
      pen = Pen::placed;
    } else {
      fmt::format_to(out, "{}{}{}{}", pen == Pen::placed ? 'l' : ' ', x - last_x, y < last_y ? "" : " ",
                     y - last_y);
      pen = Pen::drawing;
    }
    last_x = x;
    last_y = y;
  }
  return path;
}

}  // namespace

std::string ecg_paper_definitions() {
  return R"(<svg width="0" height="0" class="definitions" aria-hidden="true"><defs>
<pattern id="paper" width="5" height="5" patternUnits="userSpaceOnUse"><path class="thin" d="M1 0V5M2 0V5M3 0V5M4 0V5M0 1H5M0 2H5M0 3H5M0 4H5"/><path class="thick" d="M0 0V5M0 0H5"/></pattern>
</defs></svg>
)";
}

std::string draw(const EcgStrip& strip) {
  std::size_t samples = 0;
  for (const std::vector<float>& lead : strip.leads) {
    samples = std::max(samples, lead.size());
  }
  if (samples < 2 || !(strip.rate > 0) || !std::isfinite(strip.rate)) {
    return "<p class=\"soft\">No signal.</p>\n";
  }
  samples = std::min(samples, static_cast<std::size_t>(longest * strip.rate));
  const double width = static_cast<double>(samples) / strip.rate * speed;
  std::vector<Band> bands;
  double height = head;
  std::vector<Label> labels;
  for (std::size_t i = 0; i < strip.leads.size(); ++i) {
    Band band = band_of(strip.leads[i]);
    const std::size_t letters = i < strip.lead_names.size() ? strip.lead_names[i].size() : 1;
    labels.push_back(label_of(strip.leads[i], strip.rate, band, letters));
    if (labels.back().needs_room) {
      band.high += label_room;
    }
    bands.push_back(band);
    height += band.height();
  }

  std::string svg;
  auto out = std::back_inserter(svg);
  const double full_width = width + 2 * edge;
  const double full_height = height + 2 * edge;
  fmt::format_to(
      out,
      R"~(<svg class="strip" viewBox="{:g} {:g} {:.2f} {:.2f}" style="width:calc(var(--mm)*{:.2f})" )~"
      R"~(role="img" aria-label="{}">)~",
      -edge, -edge, full_width, full_height, full_width, escape(strip.label));
  fmt::format_to(
      out,
      R"~(<rect class="sheet" width="{0:.2f}" height="{1:.2f}"/><rect fill="url(#paper)" width="{0:.2f}" height="{1:.2f}"/>)~",
      width, height);

  // A letter above each beat. The marked beat has a line through all leads.
  for (const auto& [time, name] : strip.beats) {
    const double x = (time - strip.start) * speed;
    if (!(x >= 0 && x <= width) || std::abs(time - strip.marked) < 1e-3) {
      continue;
    }
    fmt::format_to(
        out, R"(<path class="tick" d="M{0:.2f} {1}V{2}"/><text class="beat" x="{4:.2f}" y="3.4">{3}</text>)",
        x, head - 1, head, escape(name), inside(x, name.size(), width));
  }
  const double marked = (strip.marked - strip.start) * speed;
  if (marked >= 0 && marked <= width) {
    fmt::format_to(
        out,
        R"(<path class="here" d="M{0:.2f} {1}V{2:.2f}"/><path class="arrow" d="M{0:.2f} {1}l-1.5 -2.6h3z"/>)",
        marked, head, height);
  }

  double y = head;
  for (std::size_t i = 0; i < strip.leads.size(); ++i) {
    const double zero = y + bands[i].high * gain;
    // A nested <svg> clips the curve at the edges of the band.
    fmt::format_to(
        out, R"(<svg x="0" y="{:.2f}" width="{:.2f}" height="{:.2f}" viewBox="0 {:.2f} {:.2f} {:.2f}">)", y,
        width, bands[i].height(), y, width, bands[i].height());
    fmt::format_to(out, R"~(<path class="trace" transform="scale({})" d="{}"/></svg>)~", unit,
                   path_of(strip.leads[i], strip.rate, samples, zero));
    const std::string name = i < strip.lead_names.size() ? strip.lead_names[i] : std::string("?");
    fmt::format_to(out, R"(<text class="lead" x="1.2" y="{:.2f}">{}</text>)", y + labels[i].top + 2.8,
                   escape(name));
    y += bands[i].height();
  }
  return svg + "</svg>\n";
}

}  // namespace sec::train

#include "train/report/line_chart.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <iterator>
#include <limits>

#include "train/report/html.h"

namespace sec::train {
namespace {

// The coordinates of the chart in CSS pixels.
constexpr double width = 400;
constexpr double height = 235;
constexpr double left = 50;
constexpr double right = 12;
constexpr double top = 22;  // above the grid: room for the mark's name
constexpr double bottom = 34;

struct Axis {
  double low, high, step;  // `step` is the distance of ticks

  double place(double value, double from, double to) const {
    return from + (value - low) / (high - low) * (to - from);
  }
};

// An axis that covers [low, high] with about `ticks` ticks at 1, 2 or 5 times a power of ten.
Axis nice_axis(double low, double high, int ticks) {
  if (high - low < 1e-12 * std::max(1.0, std::abs(high))) {  // all values are equal: add room around them
    const double room = high == 0 ? 1 : std::abs(high) * 0.5;
    low -= room;
    high += room;
  }
  const double raw = (high - low) / ticks;
  const double power = std::pow(10.0, std::floor(std::log10(raw)));
  const double lead = raw / power;
  const double step = power * (lead <= 1 ? 1 : lead <= 2 ? 2 : lead <= 5 ? 5 : 10);
  return {std::floor(low / step + 1e-9) * step, std::ceil(high / step - 1e-9) * step, step};
}

Axis vertical_axis(const LineChart& chart) {
  double low = std::numeric_limits<double>::infinity();
  double high = -low;
  for (const Curve& curve : chart.curves) {
    for (const double y : curve.y) {
      if (std::isfinite(y)) {
        low = std::min(low, y);
        high = std::max(high, y);
      }
    }
  }
  if (chart.from_zero) {
    const bool nothing_above = high <= 0;
    low = std::min(low, 0.0);
    high = nothing_above ? 1 : high;
  }
  return chart.top > 0 ? nice_axis(low, std::max(high, chart.top), 5) : nice_axis(low, high, 5);
}

std::string x_text(const LineChart& chart, double value) {
  if (!chart.clock) {
    return fmt::format("{:g}", value);
  }
  const std::int64_t minutes = std::llround(value * 60);
  return fmt::format("{}:{:02}", minutes / 60 % 24, minutes % 60);
}

std::string axes(const LineChart& chart, const Axis& horizontal, const Axis& vertical) {
  std::string svg;
  auto out = std::back_inserter(svg);
  const int rows = static_cast<int>(std::lround((vertical.high - vertical.low) / vertical.step));
  for (int i = 0; i <= rows; ++i) {
    const double value = vertical.low + i * vertical.step;
    const double y = vertical.place(value, height - bottom, top);
    const double shown = std::abs(value) < vertical.step * 1e-6 ? 0 : value;
    fmt::format_to(out, R"(<path class="rule" d="M{} {:.1f}H{}"/>)", left, y, width - right);
    fmt::format_to(out, R"(<text x="{}" y="{:.1f}" text-anchor="end">{:.4g}</text>)", left - 6, y + 4, shown);
  }
  const double first = std::ceil(horizontal.low / horizontal.step - 1e-9) * horizontal.step;
  for (double value = first; value <= horizontal.high + 1e-9; value += horizontal.step) {
    const double x = horizontal.place(value, left, width - right);
    fmt::format_to(out, R"(<text x="{:.1f}" y="{}" text-anchor="middle">{}</text>)", x, height - bottom + 17,
                   x_text(chart, value));
  }
  fmt::format_to(out, R"(<text x="{}" y="{}" text-anchor="end">{}</text>)", width - right, height - 4,
                 escape(chart.x_name));
  if (chart.mark > 0) {
    const double x = horizontal.place(chart.mark, left, width - right);
    const char* anchor = x > width * 0.85 ? "end" : x < width * 0.25 ? "start" : "middle";
    fmt::format_to(out, R"(<path class="mark" d="M{:.1f} {}V{}"/>)", x, top - 4, height - bottom);
    fmt::format_to(out, R"(<text x="{:.1f}" y="{}" text-anchor="{}">{}</text>)", x, top - 8, anchor,
                   escape(chart.mark_name));
  }
  return svg;
}

// The curve as line segments between finite neighbours, and one dot per point.
// The dot shows values without neighbours, and holds the value as a tooltip.
std::string draw_curve(const LineChart& chart, const Curve& curve, const Axis& horizontal,
                       const Axis& vertical) {
  std::string path;
  std::string dots;
  bool pen_down = false;
  const std::size_t points = std::min(chart.x.size(), curve.y.size());
  for (std::size_t i = 0; i < points; ++i) {
    if (!std::isfinite(curve.y[i])) {
      pen_down = false;
      continue;
    }
    const double x = horizontal.place(chart.x[i], left, width - right);
    const double y = vertical.place(curve.y[i], height - bottom, top);
    fmt::format_to(std::back_inserter(path), "{}{:.1f} {:.1f}", pen_down ? "L" : "M", x, y);
    fmt::format_to(std::back_inserter(dots),
                   R"(<circle cx="{:.1f}" cy="{:.1f}" r="{}"><title>{} {}, {}: {:.5g}</title></circle>)", x,
                   y, points > 40 ? 1.2 : 2.4, escape(chart.x_name), x_text(chart, chart.x[i]),
                   escape(curve.name), curve.y[i]);
    pen_down = true;
  }
  return fmt::format(R"(<g class="{}"><path class="curve" d="{}"/>{}</g>)", escape(curve.style), path, dots);
}

bool has_finite(const Curve& curve) {
  return std::any_of(curve.y.begin(), curve.y.end(), [](double y) { return std::isfinite(y); });
}

}  // namespace

std::string draw(const LineChart& chart) {
  std::string html = fmt::format("<figure class=\"chart\"><figcaption>{}", escape(chart.title));
  if (chart.x.empty() || std::none_of(chart.curves.begin(), chart.curves.end(), has_finite)) {
    return html + "</figcaption><p class=\"soft\">No finite values.</p></figure>\n";
  }
  for (const Curve& curve : chart.curves) {
    if (has_finite(curve)) {
      html += fmt::format(
          R"(<span class="key {}"><svg width="18" height="8" aria-hidden="true"><path class="curve" d="M0 4H18"/></svg> {}</span>)",
          escape(curve.style), escape(curve.name));
    }
  }
  const Axis vertical = vertical_axis(chart);
  // The horizontal axis ends at the last value.
  const double last = chart.x.back() > chart.x.front() ? chart.x.back() : chart.x.front() + 1;
  Axis horizontal = nice_axis(chart.x.front(), last, 8);
  horizontal = {chart.x.front(), last, std::max(1.0, horizontal.step)};
  if (chart.clock) {
    const double hours = last - chart.x.front();
    horizontal.step = hours <= 6    ? 1
                      : hours <= 12 ? 2
                      : hours <= 30 ? 4
                      : hours <= 60 ? 8
                                    : std::ceil(hours / 192) * 24;
  }

  html += fmt::format("</figcaption>\n<svg viewBox=\"0 0 {} {}\" role=\"img\" aria-label=\"{}\">", width,
                      height, escape(chart.title));
  html += axes(chart, horizontal, vertical);
  for (const Curve& curve : chart.curves) {
    html += draw_curve(chart, curve, horizontal, vertical);
  }
  return html + "</svg></figure>\n";
}

}  // namespace sec::train

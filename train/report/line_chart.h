// Line charts of values over epochs or hours, as SVG.
#pragma once

#include <string>
#include <vector>

namespace sec::train {

struct Curve {
  std::string name;
  std::string style;      // CSS class that sets the stroke
  std::vector<double> y;  // one value per x; values that are not finite leave gaps
};

struct LineChart {
  std::string title;
  std::vector<double> x;  // ascending
  std::vector<Curve> curves;
  bool from_zero = false;  // whether the vertical axis starts at 0
  double top = 0;          // end of the vertical axis; 0: chosen from the data
  double mark = 0;         // x of a vertical mark; 0: no mark
  std::string mark_name;
  std::string x_name = "epoch";
  bool clock = false;  // x counts hours of the day, also beyond 24: ticks and tooltips are times of the clock
};

// A <figure> with the chart, its legend, and one <title> per point as a tooltip.
// Without finite values the figure holds a line of text instead.
std::string draw(const LineChart& chart);

}  // namespace sec::train

// Curves over epochs, as SVG.
#pragma once

#include <string>
#include <vector>

namespace sec::train {

struct Curve {
  std::string name;
  std::string style;      // a CSS class of the page that sets the stroke
  std::vector<double> y;  // one value per x; values that are not finite leave a gap
};

struct LineChart {
  std::string title;
  std::vector<double> x;  // ascending
  std::vector<Curve> curves;
  bool from_zero = false;  // the vertical axis starts at 0
  double top = 0;          // and ends here, if greater than 0
  double mark = 0;         // a vertical mark at this x, if greater than 0
  std::string mark_name;
};

// A <figure> with the chart, its legend and one <title> per point for the pointer to show. Says so where no
// value is finite.
std::string draw(const LineChart& chart);

}  // namespace sec::train

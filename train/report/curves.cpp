#include "train/report/curves.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "train/report/html.h"

namespace sec::train {
namespace {

constexpr std::size_t classes_per_figure = 5;  // as many as there are colours

// The points of a curve in a square of 220 pixels whose origin is at (40, 230).
std::string path_of(const std::vector<double>& x, const std::vector<double>& y, bool from_origin) {
  std::string path = from_origin ? "M40 230" : "";
  for (std::size_t i = 0; i < x.size(); ++i) {
    fmt::format_to(std::back_inserter(path), "{}{:.1f} {:.1f}", path.empty() ? "M" : "L", 40 + 220 * x[i],
                   230 - 220 * y[i]);
  }
  return path;
}

std::string figure(const std::string& title, std::span<const ThresholdCurve* const> classes, bool roc) {
  std::string html = fmt::format("<figure class=\"chart\"><figcaption>{}", escape(title));
  std::string lines;
  for (std::size_t i = 0; i < classes.size(); ++i) {
    const ThresholdCurve& curve = *classes[i];
    html += fmt::format(
        " <span class=\"key c-class{}\"><svg width=\"18\" height=\"8\" aria-hidden=\"true\"><path class=\"curve\" "
        "d=\"M0 4H18\"/></svg> {}{}</span>",
        i, escape(curve.name), roc ? "" : fmt::format(", average {}", ratio_text(curve.average_precision)));
    lines += fmt::format("<g class=\"c-class{}\"><path class=\"curve\" d=\"{}\"/></g>", i,
                         roc ? path_of(curve.false_positive_rate, curve.sensitivity, true)
                             : path_of(curve.sensitivity, curve.precision, false));
  }
  html += fmt::format(
      "</figcaption><svg viewBox=\"0 0 280 262\" role=\"img\" style=\"max-width:320px\"><title>{}</title><path "
      "class=\"rule\" fill=\"none\" d=\"M40 10V230H260\"/>{}<text x=\"34\" y=\"14\" "
      "text-anchor=\"end\">1</text><text x=\"34\" y=\"234\" text-anchor=\"end\">0</text><text x=\"260\" y=\"246\" "
      "text-anchor=\"end\">1</text><text x=\"150\" y=\"258\" text-anchor=\"middle\">{}</text><text x=\"14\" "
      "y=\"120\" text-anchor=\"middle\" transform=\"rotate(-90 14 120)\">{}</text>{}</svg></figure>\n",
      escape(title), roc ? "<path class=\"mark\" d=\"M40 230L260 10\"/>" : "",
      roc ? "false positive rate" : "sensitivity (recall)", roc ? "sensitivity" : "+P (precision)", lines);
  return html;
}

}  // namespace

std::string draw(const NamedCurves& curves) {
  std::vector<const ThresholdCurve*> drawn;
  std::string without;
  for (const ThresholdCurve& curve : curves.classes) {
    if (curve.sensitivity.empty()) {
      without += (without.empty() ? "" : ", ") + escape(curve.name);
    } else {
      drawn.push_back(&curve);
    }
  }
  if (drawn.empty()) {
    return "";
  }
  std::string html = "<div class=\"charts\">\n";
  for (std::size_t first = 0; first < drawn.size(); first += classes_per_figure) {
    const auto some = std::span(drawn).subspan(first, std::min(classes_per_figure, drawn.size() - first));
    html += figure(curves.name + ", ROC", some, true) +
            figure(curves.name + ", precision and recall", some, false);
  }
  html += "</div>\n";
  return html + (without.empty()
                     ? ""
                     : fmt::format("<p class=\"soft\">No curve, for want of examples with and without "
                                   "the class: {}.</p>\n",
                                   without));
}

}  // namespace sec::train

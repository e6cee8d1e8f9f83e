#include "train/holter/page.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <iterator>

#include "train/holter/clock.h"
#include "train/report/ecg_paper.h"
#include "train/report/html.h"
#include "train/report/line_chart.h"
#include "train/report/style.h"

namespace sec::train {
namespace {

constexpr std::size_t runs_listed = 40;

std::string class_name(const std::string& symbol) {
  return symbol == "N"   ? "normal"
         : symbol == "S" ? "supraventricular"
         : symbol == "V" ? "ventricular"
         : symbol == "F" ? "fusion"
                         : "unknown";
}

std::string rate_text(double rate) {  // per minute
  return std::isfinite(rate) && rate > 0 ? fmt::format("{:.0f}", rate) : "\u2013";
}

std::string tile(const std::string& name, const std::string& value, const std::string& detail) {
  return fmt::format(R"(<div class="tile"><span>{}</span><b>{}</b><small>{}</small></div>)", name, value,
                     detail);
}

std::int64_t sum_of(const std::vector<std::int64_t>& counts) {
  std::int64_t sum = 0;
  for (const std::int64_t count : counts) {
    sum += count;
  }
  return sum;
}

double share(std::int64_t part, std::int64_t whole) {
  return whole > 0 ? static_cast<double>(part) / static_cast<double>(whole) : std::nan("");
}

class Page {
 public:
  Page(const Holter& holter, const HolterAbout& about)
      : holter_(holter),
        about_(about),
        clock_(about.start_time),
        classes_(holter.options().classes),
        totals_(holter.summary().totals()),
        total_(holter.total()) {}

  std::string html() const {
    std::string html = fmt::format(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n<meta name=\"viewport\" "
        "content=\"width=device-width, initial-scale=1\"/>\n<meta name=\"color-scheme\" content=\"light "
        "dark\"/>\n<title>{}</title>\n<style>\n{}</style>\n</head>\n<body class=\"holter\">\n",
        title(), style_of_reports());
    html += opening() + ecg_paper_definitions() + hours() + pauses() + runs() + beats() + rates() + doubts() +
            method();
    return html +
           fmt::format(
               "<footer>{}. A program wrote this page; nobody has read the recording. For research; not a medical "
               "device, and no basis for any decision about a patient.</footer>\n</body>\n</html>\n",
               escape(about_.program));
  }

 private:
  std::string title() const {
    return about_.name.empty() ? "Report of a long recording" : "Recording " + escape(about_.name);
  }
  std::int64_t classified() const { return sum_of(totals_); }
  std::int64_t all_beats() const { return classified() + total_.not_classifiable; }

  // The sum over hours of the time without signal, s.
  double lost() const {
    double sum = 0;
    for (std::size_t hour = 0; hour < holter_.hours().size(); ++hour) {
      sum += holter_.lost_seconds(hour);
    }
    return sum;
  }

  std::string opening() const {
    std::string meta = fmt::format("<span>{}</span>", duration_text(holter_.seconds()));
    auto out = std::back_inserter(meta);
    if (clock_.is_known()) {
      fmt::format_to(out, " <span>from {} to {}</span>", clock_.text(0), clock_.text(holter_.seconds()));
    } else {
      meta += " <span>time of day not known: times are counted from the start</span>";
    }
    if (!about_.start_date.empty()) {
      fmt::format_to(out, " <span>begun on {}</span>", escape(about_.start_date));
    }
    fmt::format_to(out, " <span>leads {}, {:g} Hz</span> <span>network: {}</span>",
                   escape(fmt::format("{}", fmt::join(holter_.options().lead_names, ", "))),
                   holter_.options().rate, escape(about_.model));
    std::string html =
        fmt::format("<header><p class=\"kind\">Holter report</p>\n<h1>{}</h1>\n<p class=\"meta\">{}</p>\n",
                    title(), meta);
    for (const std::string& warning : about_.warnings) {
      html += fmt::format("<div class=\"warning\">{}</div>\n", escape(warning));
    }
    html += "</header>\n<div class=\"tiles\">";
    html += tile("mean rate", rate_text(total_.mean_rate()), "per minute");
    html += tile("slowest, fastest", rate_text(total_.slowest) + " \u2013 " + rate_text(total_.fastest),
                 fmt::format("mean of {} intervals", holter_rate_beats));
    html += tile("beats", count_text(all_beats()),
                 total_.not_classifiable > 0 ? count_text(total_.not_classifiable) + " of no class"
                                             : "all classified");
    for (std::size_t c = 0; c < classes_.size(); ++c) {
      if (is_ectopic_class(classes_[c])) {
        html += tile(class_name(classes_[c]) + " (" + escape(classes_[c]) + ")", count_text(totals_[c]),
                     percent_text(share(totals_[c], all_beats()), 2) + " of all beats");
      }
    }
    html += tile("runs", count_text(std::ssize(holter_.summary().runs())), "three or more V or S");
    html +=
        tile("pauses", count_text(total_.pauses),
             total_.longest > 0 ? fmt::format("longest interval {:.2f} s", total_.longest) : "no interval");
    html += tile("mean NN", milliseconds(holter_.nn().mean()),
                 fmt::format("RMSSD {}, SDNN {}", milliseconds(holter_.nn().rmssd()),
                             milliseconds(holter_.nn().sdnn())));
    html += tile("no signal", lost() > 0 ? duration_text(lost()) : "none",
                 percent_text(lost() / holter_.seconds(), 1) + " of the time");
    return html +
           "</div>\n<nav><a href=\"#hours\">Hours</a> <a href=\"#pauses\">Pauses</a> <a href=\"#runs\">Runs</a> <a "
           "href=\"#beats\">Beats</a> <a href=\"#rates\">Rates</a> <a href=\"#doubts\">Not classified</a> <a "
           "href=\"#method\">Method</a></nav>\n";
  }

  static std::string milliseconds(double seconds) {
    return std::isfinite(seconds) ? fmt::format("{:.0f}\u00A0ms", 1000 * seconds) : "\u2013";
  }

  // The middle of an hour, on the axis of the charts.
  std::vector<double> chart_hours() const {
    std::vector<double> x;
    for (std::size_t hour = 0; hour < holter_.hours().size(); ++hour) {
      x.push_back(clock_.start() / 3600 + static_cast<double>(hour));
    }
    return x;
  }

  std::string charts() const {
    const std::vector<HolterHour>& hours = holter_.hours();
    if (hours.size() < 2) {
      return "";  // the table says it all
    }
    LineChart rate;
    rate.title = "Heart rate by hour, per minute";
    rate.x = chart_hours();
    rate.x_name = clock_.is_known() ? "hour from" : "hours from the start";
    rate.clock = clock_.is_known();
    LineChart burden = rate;
    burden.title = "Ectopic beats by hour, % of all beats";
    burden.from_zero = true;
    std::vector<double> slowest, mean, fastest;
    for (const HolterHour& hour : hours) {
      const bool has_rate = hour.fastest > 0;
      slowest.push_back(has_rate ? hour.slowest : std::nan(""));
      mean.push_back(hour.mean_rate());
      fastest.push_back(has_rate ? hour.fastest : std::nan(""));
    }
    rate.curves = {
        {"fastest", "c-class2", fastest}, {"mean", "c-validation", mean}, {"slowest", "c-train", slowest}};
    for (std::size_t c = 0; c < classes_.size(); ++c) {
      if (!is_ectopic_class(classes_[c])) {
        continue;
      }
      std::vector<double> shares;
      for (std::size_t hour = 0; hour < hours.size(); ++hour) {
        shares.push_back(100 * share(count(hour, c), beats_of(hour)));
      }
      burden.curves.push_back({classes_[c], style_of(c), shares});
    }
    return "<div class=\"charts\">\n" + draw(rate) + (burden.curves.empty() ? "" : draw(burden)) + "</div>\n";
  }

  std::string style_of(std::size_t c) const {
    const std::string known = "NSVFQ";
    const std::size_t at = known.find(classes_[c]);
    return fmt::format("c-class{}", at == std::string::npos ? 4 : at);
  }

  std::int64_t count(std::size_t hour, std::size_t c) const {
    const auto& hours = holter_.summary().hours();
    return hour < hours.size() ? hours[hour][c] : 0;
  }
  std::int64_t beats_of(std::size_t hour) const {
    const auto& hours = holter_.summary().hours();
    return (hour < hours.size() ? sum_of(hours[hour]) : 0) + holter_.hours()[hour].not_classifiable;
  }

  std::string row(const std::string& head, const std::vector<std::int64_t>& counts, std::int64_t beats,
                  const HolterHour& hour, double lost_seconds) const {
    std::string html = fmt::format("<tr><th scope=\"row\">{}</th><td>{}</td>", head, count_text(beats));
    auto out = std::back_inserter(html);
    for (std::size_t c = 0; c < counts.size(); ++c) {
      fmt::format_to(out, "<td>{}", count_text(counts[c]));
      if (is_ectopic_class(classes_[c])) {
        fmt::format_to(out, " <span class=\"of\">{}</span>", percent_text(share(counts[c], beats)));
      }
      html += "</td>";
    }
    fmt::format_to(
        out,
        "<td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>\n",
        rate_text(hour.slowest), rate_text(hour.mean_rate()), rate_text(hour.fastest),
        count_text(hour.pauses), hour.longest > 0 ? fmt::format("{:.2f}", hour.longest) : "\u2013",
        count_text(hour.uncertain), count_text(hour.not_classifiable),
        lost_seconds > 0 ? duration_text(lost_seconds) : "0");
    return html;
  }

  std::string hours() const {
    std::string html =
        "<section id=\"hours\"><h2>Hours</h2>\n" + charts() +
        "<div class=\"wide\" tabindex=\"0\"><table class=\"records\" id=\"by-hour\"><thead><tr><th "
        "scope=\"col\">from</th><th scope=\"col\">beats</th>";
    for (const std::string& name : classes_) {
      html += fmt::format("<th scope=\"col\">{}</th>", escape(name));
    }
    html +=
        "<th scope=\"col\">slowest</th><th scope=\"col\">mean</th><th scope=\"col\">fastest</th><th "
        "scope=\"col\">pauses</th><th scope=\"col\">longest</th><th scope=\"col\">uncertain</th><th scope=\"col\">no "
        "class</th><th scope=\"col\">no signal</th></tr></thead><tbody>\n";
    const auto& by_class = holter_.summary().hours();
    for (std::size_t hour = 0; hour < holter_.hours().size(); ++hour) {
      const std::vector<std::int64_t> counts =
          hour < by_class.size() ? by_class[hour] : std::vector<std::int64_t>(classes_.size());
      html += row(clock_.minutes(3600.0 * static_cast<double>(hour)), counts, beats_of(hour),
                  holter_.hours()[hour], holter_.lost_seconds(hour));
    }
    return html + row("all", totals_, all_beats(), total_, lost()) +
           "</tbody></table></div>\n<p class=\"soft\">Slowest, mean and fastest rate per minute. Of a class the beats and their "
           "share. Longest: of the intervals between beats, in s. Uncertain: beats whose class has a probability below " +
           fmt::format("{:g} %.</p>\n</section>\n", 100 * holter_uncertain);
  }

  std::string strips(const std::vector<KeptEvent>& events, const std::string& kind) const {
    std::string html = "<div class=\"beats\">\n";
    for (const KeptEvent& event : events) {
      EcgStrip strip = event.strip == nullptr ? EcgStrip{} : *event.strip;
      const std::string when = clock_.text(event.time);
      strip.label = fmt::format("{} at {}: {}", kind, when, event.text);
      html += fmt::format(
          "<figure class=\"beat\"><div class=\"paper\">{}</div><figcaption><b>{}</b> {} <span class=\"soft\">sample "
          "{}</span></figcaption></figure>\n",
          draw(strip), when, escape(event.text), std::llround(event.time * holter_.options().rate));
    }
    return html + "</div>\n";
  }

  std::string pauses() const {
    std::string html = "<section id=\"pauses\"><h2>Pauses</h2>\n";
    if (holter_.pauses().empty()) {
      return html +
             fmt::format("<p>No interval between two beats reached {:g} s.</p></section>\n", holter_pause);
    }
    html += fmt::format(
        "<p>{} of {:g} s or more between two beats. The arrow marks the beat before the pause.</p>\n",
        counted(total_.pauses, "pause"), holter_pause);
    html += strips(holter_.strips(Holter::Strips::pauses), "pause");
    html +=
        "<div class=\"scroll\" tabindex=\"0\"><table class=\"records\"><thead><tr><th scope=\"col\">from</th><th "
        "scope=\"col\">s</th><th scope=\"col\">between</th></tr></thead><tbody>\n";
    for (const RrInterval& pause : holter_.pauses()) {
      html += fmt::format("<tr><th scope=\"row\">{}</th><td>{:.2f}</td><td>{} and {}</td></tr>\n",
                          clock_.text(pause.time - pause.length), pause.length, symbol(pause.before),
                          symbol(pause.after));
    }
    html += "</tbody></table></div>\n";
    if (total_.pauses > std::ssize(holter_.pauses())) {
      html += fmt::format("<p class=\"soft\">The {} longest.</p>\n", holter_.pauses().size());
    }
    return html + "</section>\n";
  }

  std::string symbol(int label) const {
    return label < 0 ? "Q" : escape(classes_[static_cast<std::size_t>(label)]);
  }

  std::string runs() const {
    std::string html = "<section id=\"runs\"><h2>Runs</h2>\n";
    std::vector<BeatRun> runs = holter_.summary().runs();
    if (runs.empty()) {
      return html + "<p>No three successive beats are V or S.</p></section>\n";
    }
    html += fmt::format(
        "<p>{}: three or more successive V or S beats, each at most 3 s after the one before. The arrow marks the first "
        "beat.</p>\n",
        counted(std::ssize(runs), "run"));
    for (std::size_t c = 0; c < classes_.size(); ++c) {
      if (!holter_.runs(c).empty()) {
        html += fmt::format("<h3>The longest runs of {}</h3>\n", escape(classes_[c])) +
                strips(holter_.runs(c), "run of " + classes_[c]);
      }
    }
    std::ranges::stable_sort(runs, std::greater<>(), &BeatRun::beats);
    html +=
        "<div class=\"scroll\" tabindex=\"0\"><table class=\"records\"><thead><tr><th scope=\"col\">from</th><th "
        "scope=\"col\">class</th><th scope=\"col\">beats</th><th scope=\"col\">per minute</th><th "
        "scope=\"col\">s</th></tr></thead><tbody>\n";
    for (std::size_t i = 0; i < std::min(runs.size(), runs_listed); ++i) {
      html += fmt::format(
          "<tr><th scope=\"row\">{}</th><td>{}</td><td>{}</td><td>{:.0f}</td><td>{:.1f}</td></tr>\n",
          clock_.text(runs[i].begin), escape(runs[i].name), count_text(runs[i].beats), runs[i].rate(),
          runs[i].end - runs[i].begin);
    }
    html += "</tbody></table></div>\n";
    if (runs.size() > runs_listed) {
      html += fmt::format("<p class=\"soft\">The {} longest.</p>\n", runs_listed);
    }
    return html + "</section>\n";
  }

  std::string beats() const {
    std::string html =
        "<section id=\"beats\"><h2>Beats</h2>\n<p>With the network's probability of the class. Strips are at least a "
        "minute apart. Letters name the classes of neighbours. 25 mm/s, 10 mm/mV; a thick square is 0.2 s by 0.5 "
        "mV. The printed paper has its true size. The signal is drawn as recorded.</p>\n";
    for (std::size_t c = 0; c < classes_.size(); ++c) {
      if (classes_[c] == "N" || totals_[c] == 0) {
        continue;
      }
      const std::string name = class_name(classes_[c]) + " (" + escape(classes_[c]) + ")";
      html += fmt::format("<h3>{} <span class=\"soft\">{}, the most certain</span></h3>\n", name,
                          counted(totals_[c], "beat")) +
              strips(holter_.certain(c), classes_[c]);
      std::vector<KeptEvent> doubtful = holter_.doubtful(c);
      std::erase_if(doubtful,
                    [&](const KeptEvent& event) {  // of few beats the same are most and least certain
                      return std::ranges::find(holter_.certain(c), event.time, &KeptEvent::time) !=
                             holter_.certain(c).end();
                    });
      if (!doubtful.empty()) {
        html += fmt::format("<h3>{} <span class=\"soft\">the least certain</span></h3>\n", name) +
                strips(doubtful, classes_[c]);
      }
    }
    return html + "</section>\n";
  }

  std::string rates() const {
    const auto& slowest = holter_.strips(Holter::Strips::slowest);
    const auto& fastest = holter_.strips(Holter::Strips::fastest);
    if (slowest.empty()) {
      return fmt::format(
          "<section id=\"rates\"><h2>Slowest and fastest rate</h2>\n<p>There are no {} successive intervals.</p></section>\n",
          holter_rate_beats);
    }
    return fmt::format(
               "<section id=\"rates\"><h2>Slowest and fastest rate</h2>\n<p>Means of {} successive intervals. The arrow "
               "marks their first beat.</p>\n",
               holter_rate_beats) +
           strips(slowest, "slowest rate") + strips(fastest, "fastest rate") + "</section>\n";
  }

  std::string doubts() const {
    std::string html = fmt::format(
        "<section id=\"doubts\"><h2>What could not be classified</h2>\n<ul>\n<li>{} of no class: the network's answer was "
        "not a number. The annotation file calls them Q.</li>\n<li>{} with a probability below {:g} %.</li>\n<li>{} "
        "without signal: samples missing for 0.1 s, or no lead changing for 1 s. Intervals across such a gap count "
        "neither as pauses nor for rates.</li>\n",
        counted(total_.not_classifiable, "beat"), counted(total_.uncertain, "beat"), 100 * holter_uncertain,
        lost() > 0 ? duration_text(lost()) : "Nothing");
    for (const std::string& warning : about_.warnings) {
      html += fmt::format("<li>{}</li>\n", escape(warning));
    }
    html += "</ul>\n";
    if (!holter_.strips(Holter::Strips::no_class).empty()) {
      html += "<h3>Beats of no class</h3>\n" +
              strips(holter_.strips(Holter::Strips::no_class), "beat of no class");
    }
    for (std::size_t c = 0; c < classes_.size(); ++c) {
      if (classes_[c] == "N" && !holter_.doubtful(c).empty()) {
        html += "<h3>The least certain normal beats</h3>\n" + strips(holter_.doubtful(c), "N");
      }
    }
    return html + "</section>\n";
  }

  std::string method() const {
    return fmt::format(
        "<section id=\"method\"><h2>Method</h2>\n<p>Beats are {}. Classes are those of AAMI EC57: N normal and bundle "
        "branch block, S supraventricular, V ventricular, F fusion, Q unknown. Hours are counted from the recording\u2019s "
        "start. Slowest and fastest rates are means of {} successive intervals of all beats; the mean rate is that of all "
        "intervals. An NN interval lies between two N beats, with N beats on both sides; {} remain. SDNN is their "
        "standard deviation, RMSSD the root of the mean square of the differences between NN intervals that follow each "
        "other.</p></section>\n",
        about_.beats_given ? "those of an annotation file" : "found by a detector of QRS complexes",
        holter_rate_beats, counted(holter_.nn().count(), "interval"));
  }

  const Holter& holter_;
  const HolterAbout& about_;
  Clock clock_;
  const std::vector<std::string>& classes_;
  std::vector<std::int64_t> totals_;
  HolterHour total_;
};

}  // namespace

std::string holter_page(const Holter& holter, const HolterAbout& about) {
  return Page(holter, about).html();
}

}  // namespace sec::train

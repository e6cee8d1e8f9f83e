#include "train/report/page.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <map>
#include <utility>
#include <vector>

#include "train/report/ecg_paper.h"
#include "train/report/html.h"
#include "train/report/line_chart.h"
#include "train/report/style.h"
#include "train/report/tables.h"

namespace sec::train {
namespace {

std::string paragraph(const std::string& text) {
  return fmt::format("<p class=\"plain\">{}</p>\n", escape(text));
}

// What the page opens with: the first scoring of test records as the problem that was trained, or failing
// that the first there is.
const Evaluation* headline_of(const RunSummary& run) {
  for (const Evaluation& evaluation : run.evaluations) {
    if (evaluation.scores.confusion.classes() == run.classes) {
      return &evaluation;
    }
  }
  return run.evaluations.empty() ? nullptr : &run.evaluations.front();
}

std::string tile(const std::string& name, const std::string& value, const std::string& detail, double bar) {
  return fmt::format(
      R"(<div class="tile"><span>{}</span><b>{}</b><small>{}</small><i style="--p:{:.3f}"></i></div>)", name,
      value, detail, std::isfinite(bar) ? std::clamp(bar, 0.0, 1.0) : 0.0);
}

// Of the side that is reported first: the test, or where there is none the validation.
std::string recordings_headline(const RunSummary& run) {
  const MultiLabelScores& scores = run.recordings.front();
  return fmt::format("<p class=\"lead\">{}, {} recordings, {} classes of which each may have several</p>\n",
                     escape(scores.name), count_text(scores.recordings), scores.classes.size()) +
         "<div class=\"tiles\">" +
         tile("macro AUC", ratio_text(scores.auc.macro),
              fmt::format("95 %: {} to {}", ratio_text(scores.range.macro.low),
                          ratio_text(scores.range.macro.high)),
              scores.auc.macro) +
         tile("micro-F1", ratio_text(scores.micro_f1),
              "by batch at 0.5: " + ratio_text(scores.batch_micro_f1), scores.micro_f1) +
         tile("macro-F1", ratio_text(scores.macro_f1), "mean over classes", scores.macro_f1) + "</div>\n";
}

std::string headline(const RunSummary& run) {
  if (!run.recordings.empty()) {
    return recordings_headline(run);
  }
  const Evaluation* evaluation = headline_of(run);
  if (evaluation == nullptr) {
    return "<p class=\"lead\">This run has not been scored.</p>\n";
  }
  const Scores& scores = evaluation->scores;
  std::string html =
      fmt::format("<p class=\"lead\">{}, {} beats, scored as {} classes{}</p>\n<div class=\"tiles\">",
                  escape(evaluation->name), count_text(scores.confusion.total()), scores.confusion.size(),
                  run.synthetic ? " on <strong>generated</strong> signals" : "");
  html += tile("accuracy", percent_text(scores.accuracy), "all beats", scores.accuracy);
  html +=
      tile("macro-F1", ratio_text(scores.macro_f1), "micro " + ratio_text(scores.micro_f1), scores.macro_f1);
  for (const ClassScore& c : scores.classes) {
    html += tile("F1 of " + escape(c.name), ratio_text(c.f1),
                 fmt::format("Se {}, +P {}", percent_text(c.sensitivity), percent_text(c.precision)), c.f1);
  }
  return html + "</div>\n";
}

std::string opening(const RunSummary& run) {
  std::string html = fmt::format(
      "<header><p class=\"kind\">Report of a training run</p>\n<h1>{}</h1>\n<p "
      "class=\"meta\"><span>{}</span> "
      "<span>{}</span> <span>{}</span> <span>seed {}</span></p>\n</header>\n",
      escape(run.title), escape(run.created), escape(run.program), escape(run.device), run.seed);
  if (run.synthetic) {
    html +=
        "<div class=\"banner\" role=\"alert\"><strong>Synthetic data.</strong> The signals of this run were "
        "generated "
        "by a program. The figures show that the software works; they mean nothing clinically and must not "
        "be compared "
        "with results on real recordings.</div>\n";
  }
  if (!run.leaks.empty()) {
    html +=
        "<div class=\"leak\" role=\"alert\"><strong>Leakage.</strong> What was tested was not independent of "
        "what "
        "trained: the recipe allows it. These figures are too good, and say little about a patient never "
        "seen. "
        "<ul>\n";
    for (const std::string& leak : run.leaks) {
      html += fmt::format("<li>{}</li>\n", escape(leak));
    }
    html += "</ul></div>\n";
  }
  for (const std::string& warning : run.warnings) {
    html += fmt::format("<div class=\"warning\">{}</div>\n", escape(warning));
  }
  return html + headline(run);
}

template <typename Value>
std::vector<double> over_epochs(const RunSummary& run, Value value) {
  std::vector<double> values;
  values.reserve(run.history.size());
  for (const EpochRecord& epoch : run.history) {
    values.push_back(value(epoch));
  }
  return values;
}

std::string learning(const RunSummary& run) {
  std::string html = "<section id=\"learning\"><h2>Learning</h2>\n";
  if (run.history.empty()) {
    return html + "<p class=\"soft\">No epoch was completed.</p></section>\n";
  }
  const EpochRecord& last = run.history.back();
  if (run.best_epoch > 0) {
    html += fmt::format("<p>{} epochs, {} steps. The weights of epoch {} (\u2605) were scored.</p>\n",
                        run.history.size(), count_text(last.step), run.best_epoch);
  }
  LineChart loss{.title = "Loss",
                 .x = over_epochs(run, [](const EpochRecord& e) { return static_cast<double>(e.epoch); }),
                 .curves = {},
                 .from_zero = true,
                 .top = 0,
                 .mark = static_cast<double>(run.best_epoch),
                 .mark_name = "scored"};
  LineChart f1 = loss;
  LineChart rate = loss;

  loss.curves = {{"train", "c-train", over_epochs(run, [](const EpochRecord& e) { return e.train_loss; })},
                 {"validation", "c-validation",
                  over_epochs(run, [](const EpochRecord& e) { return e.validation_loss; })}};

  const bool whole = !run.recordings.empty();
  f1.title = whole ? "Validation" : "F1 on the validation records";
  f1.top = 1;
  if (whole) {
    f1.curves = {
        {"macro AUC", "c-class0", over_epochs(run, [](const EpochRecord& e) { return e.validation_auc; })},
        {"micro-F1 at 0.5", "c-class1",
         over_epochs(run, [](const EpochRecord& e) { return e.validation_micro_f1; })}};
  }
  for (std::size_t c = 0; c < (whole ? 0 : run.classes.size()); ++c) {
    f1.curves.push_back(
        {run.classes[c], fmt::format("c-class{}", c % 5), over_epochs(run, [&](const EpochRecord& e) {
           return c < e.validation_f1.size() ? e.validation_f1[c] : std::nan("");
         })});
  }
  f1.curves.push_back({whole ? "macro-F1 at 0.5" : "macro", "c-validation",
                       over_epochs(run, [](const EpochRecord& e) { return e.validation_macro_f1; })});

  rate.title = "Learning rate";
  rate.curves = {
      {"learning rate", "c-train", over_epochs(run, [](const EpochRecord& e) { return e.learning_rate; })}};

  html += "<div class=\"charts\">\n" + draw(loss) + draw(f1) + draw(rate) + "</div>\n";
  return html + epoch_table(run) + "</section>\n";
}

std::string aucs(const RunSummary& run) {
  if (run.aucs.empty()) {
    return "";
  }
  std::string html =
      "<h3>AUC, one class against the rest</h3>\n<p class=\"soft\">In parentheses the 95 % interval over "
      "1000 "
      "resamples of patients, drawn with replacement.</p>\n<div "
      "class=\"wide\"><table><thead><tr><td></td><th "
      "scope=\"col\">macro</th>";
  for (const std::string& name : run.classes) {
    html += fmt::format("<th scope=\"col\">{}</th>", escape(name));
  }
  html += "</tr></thead><tbody>\n";
  for (const NamedAuc& one : run.aucs) {
    html += fmt::format("<tr><th scope=\"row\">{}</th><td>{}</td>", escape(one.name),
                        with_range(one.auc.macro, one.range.macro));
    for (std::size_t c = 0; c < one.auc.classes.size(); ++c) {
      html += fmt::format("<td>{}</td>", with_range(one.auc.classes[c], c < one.range.classes.size()
                                                                            ? one.range.classes[c]
                                                                            : Range95{std::nan(""), 0}));
    }
    html += "</tr>\n";
  }
  return html + "</tbody></table></div>\n";
}

// A square plot of accuracy against stated probability; the size of a dot says how many beats it is.
std::string reliability_plot(const Calibration& calibration, const char* style) {
  std::int64_t most = 1;
  for (const ReliabilityBin& bin : calibration.bins) {
    most = std::max(most, bin.beats);
  }
  std::string svg;
  for (const ReliabilityBin& bin : calibration.bins) {
    if (bin.beats > 0) {
      const double size = 2 + 6 * std::sqrt(static_cast<double>(bin.beats) / static_cast<double>(most));
      svg += fmt::format(
          "<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"{:.1f}\"><title>{} beats, stated {}, right "
          "{}</title></circle>",
          40 + 220 * bin.confidence, 230 - 220 * bin.accuracy, size, count_text(bin.beats),
          percent_text(bin.confidence), percent_text(bin.accuracy));
    }
  }
  return fmt::format("<g class=\"{}\">{}</g>", style, svg);
}

std::string calibration(const RunSummary& run) {
  std::string html;
  for (const NamedCalibration& one : run.calibrations) {
    html += fmt::format(
        "<figure class=\"chart\"><figcaption>{} <span class=\"key c-train\"><svg width=\"18\" height=\"10\" "
        "viewBox=\"0 0 18 10\"><circle cx=\"9\" cy=\"5\" r=\"4\"/></svg> as stated, ECE {}</span>",
        escape(one.name), ratio_text(one.plain.ece));
    if (one.temperature) {
      html += fmt::format(
          " <span class=\"key c-class1\"><svg width=\"18\" height=\"10\" viewBox=\"0 0 18 10\"><circle "
          "cx=\"9\" "
          "cy=\"5\" r=\"4\"/></svg> at temperature {}, ECE {}</span>",
          ratio_text(*one.temperature), ratio_text(one.tempered.ece));
    }
    html +=
        "</figcaption><svg viewBox=\"0 0 280 262\" role=\"img\" "
        "style=\"max-width:380px\"><title>Reliability</title>"
        "<path class=\"rule\" fill=\"none\" d=\"M40 10V230H260\"/><path class=\"mark\" d=\"M40 230L260 10\"/>"
        "<text x=\"34\" y=\"14\" text-anchor=\"end\">1</text><text x=\"34\" y=\"234\" "
        "text-anchor=\"end\">0</text>"
        "<text x=\"260\" y=\"246\" text-anchor=\"end\">1</text><text x=\"150\" y=\"258\" "
        "text-anchor=\"middle\">stated probability</text><text x=\"14\" y=\"120\" text-anchor=\"middle\" "
        "transform=\"rotate(-90 14 120)\">share that was right</text>";
    html += reliability_plot(one.plain, "c-train");
    html += one.temperature ? reliability_plot(one.tempered, "c-class1") : "";
    html += "</svg></figure>\n";
  }
  return html.empty()
             ? ""
             : "<h3>Calibration</h3>\n<p class=\"soft\">Beats in ten bins by the probability stated for the "
               "class they were read as; on the dashed line it is true. ECE: the mean distance from it. The "
               "temperature was fitted on the validation records alone, and changes no decision: "
               "probabilities "
               "elsewhere in this report are as stated.</p>\n<div class=\"charts\">\n" +
                   html + "</div>\n";
}

std::string evaluations(const RunSummary& run) {
  std::string html =
      "<section id=\"scores\"><h2>Scores</h2>\n<p class=\"soft\">Rows are what the beat is, columns what it "
      "was read "
      "as; beneath each count its share of the row. Se (sensitivity): the share of a class\u2019s beats that "
      "were "
      "found. +P (positive predictive value): the share of beats called a class that are of it. F1: their "
      "harmonic "
      "mean. Macro-F1: the mean F1 over the classes that occur. In parentheses the 95 % interval over 1000 "
      "resamples of patients, drawn with replacement.</p>\n";
  if (run.evaluations.empty()) {
    return html + "<p class=\"soft\">Nothing was scored.</p></section>\n";
  }
  std::vector<std::string> names;  // in order of appearance: one row of cards each
  for (const Evaluation& evaluation : run.evaluations) {
    if (std::find(names.begin(), names.end(), evaluation.name) == names.end()) {
      names.push_back(evaluation.name);
    }
  }
  for (const std::string& name : names) {
    html += fmt::format("<h3>{}</h3>\n<div class=\"cards\">\n", escape(name));
    for (const Evaluation& evaluation : run.evaluations) {
      html += evaluation.name == name ? evaluation_card(evaluation) : "";
    }
    html += "</div>\n";
  }
  return html + aucs(run) + calibration(run) + "</section>\n";
}

std::string recordings(const RunSummary& run) {
  std::string html =
      "<section id=\"scores\"><h2>Scores</h2>\n<p class=\"soft\">Each class is a question of its own. Se "
      "(sensitivity): the share of a class\u2019s recordings that were stated to be of it. +P (positive "
      "predictive "
      "value): the share of statements that were right. F1: their harmonic mean. Micro-F1 is of the counts "
      "summed "
      "over classes, macro-F1 the mean over classes that occur. AUC does not depend on thresholds; its "
      "intervals are "
      "over 1000 resamples of patients, drawn with replacement.</p>\n";
  for (const MultiLabelScores& scores : run.recordings) {
    html += fmt::format(
        "<h3>{} <span class=\"soft\">{} recordings; macro AUC {}, micro-F1 {}, macro-F1 {}; micro-F1 by "
        "batch at "
        "0.5, as the released code counts, {}</span></h3>\n",
        escape(scores.name), count_text(scores.recordings), with_range(scores.auc.macro, scores.range.macro),
        ratio_text(scores.micro_f1), ratio_text(scores.macro_f1), ratio_text(scores.batch_micro_f1));
    html += label_table(scores);
  }
  return html + "</section>\n";
}

std::string misread_beat(const MisreadBeat& beat) {
  EcgStrip strip{.rate = beat.rate,
                 .start = beat.window_start,
                 .lead_names = beat.lead_names,
                 .leads = beat.leads,
                 .beats = beat.markers,
                 .marked = beat.time,
                 .label = fmt::format("Record {} at {}: {} read as {}", beat.record, time_text(beat.time),
                                      beat.truth, beat.predicted)};
  return fmt::format(
      "<figure class=\"beat\">{}<figcaption><b>{}</b> at {} <span class=\"soft\">sample {}</span><br/>{} "
      "\u2192 {} with "
      "{}<span class=\"soft\">, {} for {}</span></figcaption></figure>\n",
      draw(strip), escape(beat.record), time_text(beat.time), beat.sample, escape(beat.truth),
      escape(beat.predicted), percent_text(beat.probability), percent_text(beat.truth_probability),
      escape(beat.truth));
}

// How often the test set has this confusion, from the first scoring that knows both classes; 0 if none does.
std::int64_t confusions(const RunSummary& run, const std::string& truth, const std::string& predicted) {
  for (const Evaluation& evaluation : run.evaluations) {
    const std::vector<std::string>& classes = evaluation.scores.confusion.classes();
    const auto row = std::find(classes.begin(), classes.end(), truth);
    const auto column = std::find(classes.begin(), classes.end(), predicted);
    if (row != classes.end() && column != classes.end()) {
      return evaluation.scores.confusion.at(static_cast<int>(row - classes.begin()),
                                            static_cast<int>(column - classes.begin()));
    }
  }
  return 0;
}

std::string misread(const RunSummary& run) {
  std::string html = "<section id=\"misread\"><h2>Misread beats</h2>\n";
  if (run.misread.empty()) {
    return html +
           (run.misread_total > 0
                ? fmt::format("<p>{} beats were misread; none is shown.</p>", count_text(run.misread_total))
                : std::string("<p>No beat was misread.</p>")) +
           "</section>\n";
  }
  html += fmt::format(
      "<p>{} of {} misread beats, the most confident of each kind first. 25 mm/s, 10 mm/mV; a thick square "
      "is 0.2 s by "
      "0.5 mV. Printed, the paper has its true size. Baseline wander is removed. The arrow marks the beat; "
      "letters name "
      "the annotated classes of its neighbours.</p>\n",
      count_text(static_cast<std::int64_t>(run.misread.size())), count_text(run.misread_total));
  html += ecg_paper_definitions();

  using Kind = std::pair<std::string, std::string>;
  std::map<Kind, std::vector<const MisreadBeat*>> kinds;
  for (const MisreadBeat& beat : run.misread) {
    kinds[{beat.truth, beat.predicted}].push_back(&beat);
  }
  std::vector<std::pair<std::int64_t, Kind>> order;  // the most frequent confusion first
  for (const auto& [kind, beats] : kinds) {
    const auto shown = static_cast<std::int64_t>(beats.size());
    order.emplace_back(std::max(shown, confusions(run, kind.first, kind.second)), kind);
  }
  std::stable_sort(order.begin(), order.end(),
                   [](const auto& a, const auto& b) { return a.first > b.first; });
  for (const auto& [total, kind] : order) {
    const std::vector<const MisreadBeat*>& beats = kinds[kind];
    html += fmt::format(
        "<h3>{} read as {} <span class=\"soft\">{} beats, {} shown</span></h3>\n<div class=\"beats\">\n",
        escape(kind.first), escape(kind.second), count_text(total), beats.size());
    for (const MisreadBeat* beat : beats) {
      html += misread_beat(*beat);
    }
    html += "</div>\n";
  }
  return html + "</section>\n";
}

std::string method(const RunSummary& run) {
  std::string html = "<section id=\"method\"><h2>Method</h2>\n<div class=\"columns\"><div><h3>Data</h3>\n" +
                     paragraph(run.data) + "</div><div><h3>Protocol</h3>\n" + paragraph(run.protocol) +
                     "</div></div>\n";
  html += fmt::format(
      "<h3>How to repeat it</h3>\n<p>Save the recipe below as <code>recipe.toml</code> (the run folder holds "
      "it by "
      "that name) and train with it on the same data. The same recipe, seed, kind of device and build give "
      "the same "
      "bits.</p>\n<pre>build/bin/sectrain --config recipe.toml --data DATA --seed {} --out "
      "runs/again</pre>\n",
      run.seed);
  html += fmt::format("<h3>Recipe</h3>\n<div class=\"scroll\" tabindex=\"0\"><pre>{}</pre></div>\n",
                      escape(run.recipe_text));
  html += fmt::format("<h3>Network</h3>\n<div class=\"scroll\" tabindex=\"0\"><pre>{}</pre></div>\n",
                      escape(run.network));
  if (!run.timing.empty()) {
    html += "<h3>Time</h3>\n<table class=\"timing\"><tbody>";
    for (const NamedSeconds& part : run.timing) {
      html += fmt::format("<tr><th scope=\"row\">{}</th><td>{}</td></tr>", escape(part.name),
                          duration_text(part.seconds));
    }
    html += "</tbody></table>\n";
  }
  return html + "</section>\n";
}

std::string footer(const RunSummary& run) {
  return fmt::format(
      "<footer>{} \u00B7 {}. For research; not a medical device, and no basis for any decision about a "
      "patient.</footer>\n</body>\n</html>\n",
      escape(run.program), escape(run.created));
}

}  // namespace

std::string report_html(const RunSummary& run) {
  std::string html = fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta "
      "charset=\"utf-8\"/>\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n<meta "
      "name=\"color-scheme\" "
      "content=\"light dark\"/>\n<title>{}{}</title>\n<style>\n{}</style>\n</head>\n<body>\n",
      run.synthetic ? "Synthetic data: " : "", escape(run.title), report_style);
  html += opening(run);
  if (!run.recordings.empty()) {
    html +=
        "<nav><a href=\"#scores\">Scores</a> <a href=\"#learning\">Learning</a> <a "
        "href=\"#method\">Method</a></nav>\n";
    html += recordings(run) + learning(run) + method(run) + footer(run);
    return html;
  }
  html +=
      "<nav><a href=\"#scores\">Scores</a> <a href=\"#records\">Records</a> <a href=\"#misread\">Misread "
      "beats</a> <a "
      "href=\"#learning\">Learning</a> <a href=\"#method\">Method</a></nav>\n";
  html += evaluations(run);
  html += "<section id=\"records\"><h2>Records</h2>\n" + record_table(run.records) +
          patient_table(run.patients) + "</section>\n";
  html += misread(run) + learning(run) + method(run);
  return html + footer(run);
}

}  // namespace sec::train

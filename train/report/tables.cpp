#include "train/report/tables.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <iterator>

#include "train/report/html.h"

namespace sec::train {
namespace {

// The darkness of a table cell: the square root of its share, so that a few percent are visible.
double shade(double share) {
  return std::sqrt(std::clamp(share, 0.0, 1.0));
}

std::string confusion_cell(std::int64_t count, std::int64_t row, const char* kind) {
  const double share = row > 0 ? static_cast<double>(count) / static_cast<double>(row) : std::nan("");
  return fmt::format(R"(<td class="{}" style="--p:{:.3f}">{}<small>{}</small></td>)", kind,
                     std::isfinite(share) ? shade(share) : 0.0, count_text(count), percent_text(share));
}

std::string confusion_table(const Scores& scores) {
  const Confusion& confusion = scores.confusion;
  const int classes = confusion.size();
  std::int64_t others = 0;  // beats read as a class that is not scored
  for (int truth = 0; truth < classes; ++truth) {
    others += read_as_other(scores, truth);
  }
  std::string html = fmt::format(
      "<table class=\"confusion\"><thead><tr><td class=\"corner\">true</td><th colspan=\"{}\" "
      "scope=\"colgroup\">read as</th><td></td></tr>\n<tr><td></td>",
      classes + (others > 0 ? 1 : 0));
  auto out = std::back_inserter(html);
  for (const std::string& name : confusion.classes()) {
    fmt::format_to(out, "<th scope=\"col\">{}</th>", escape(name));
  }
  fmt::format_to(out, "{}<th scope=\"col\" class=\"sum\">beats</th></tr></thead>\n<tbody>",
                 others > 0 ? "<th scope=\"col\">other</th>" : "");
  for (int truth = 0; truth < classes; ++truth) {
    const std::int64_t other = read_as_other(scores, truth);
    const std::int64_t row = confusion.true_count(truth) + other;  // all beats of the class
    fmt::format_to(out, "<tr><th scope=\"row\">{}</th>",
                   escape(confusion.classes()[static_cast<std::size_t>(truth)]));
    for (int read = 0; read < classes; ++read) {
      html += confusion_cell(confusion.at(truth, read), row, truth == read ? "hit" : "miss");
    }
    if (others > 0) {
      html += confusion_cell(other, row, "miss");
    }
    fmt::format_to(out, "<td class=\"sum\">{}</td></tr>\n", count_text(row));
  }
  return html + "</tbody></table>\n";
}

std::string class_table(const Evaluation& evaluation) {
  const Scores& scores = evaluation.scores;
  std::string html =
      "<table class=\"figures\"><thead><tr><th scope=\"col\">class</th><th scope=\"col\">Se</th><th "
      "scope=\"col\">+P</th><th scope=\"col\">F1</th><td></td></tr></thead>\n<tbody>";
  for (std::size_t i = 0; i < scores.classes.size(); ++i) {
    const ClassScore& c = scores.classes[i];
    const bool known = i < evaluation.range.classes.size();
    fmt::format_to(std::back_inserter(html),
                   "<tr><th scope=\"row\">{}</th><td>{}</td><td>{}</td><td>{}</td><td class=\"bar\"><i "
                   "style=\"--p:{:.3f}\"></i></td></tr>\n",
                   escape(c.name), percent_text(c.sensitivity), percent_text(c.precision),
                   known ? with_range(c.f1, evaluation.range.classes[i]) : ratio_text(c.f1),
                   std::isfinite(c.f1) ? std::clamp(c.f1, 0.0, 1.0) : 0.0);
  }
  return html + "</tbody></table>\n";
}

std::string rate_text(double rate) {
  return std::isfinite(rate) ? fmt::format("{:.3g}", rate) : "\u2013";
}

// The most frequent confusion of a record, such as "S → N, 120"; empty if no beat was misread.
std::string worst_confusion(const Confusion& confusion) {
  std::int64_t most = 0;
  std::string text;
  for (int truth = 0; truth < confusion.size(); ++truth) {
    for (int read = 0; read < confusion.size(); ++read) {
      if (truth != read && confusion.at(truth, read) > most) {
        most = confusion.at(truth, read);
        text = fmt::format("{} \u2192 {}, {}", escape(confusion.classes()[static_cast<std::size_t>(truth)]),
                           escape(confusion.classes()[static_cast<std::size_t>(read)]), count_text(most));
      }
    }
  }
  return text;
}

std::int64_t errors_of(const Confusion& confusion) {
  std::int64_t right = 0;
  for (int c = 0; c < confusion.size(); ++c) {
    right += confusion.at(c, c);
  }
  return confusion.total() - right;
}

}  // namespace

std::string with_range(double value, const Range95& range) {
  return std::isfinite(range.low)
             ? fmt::format("{} <span class=\"soft range\">({} to {})</span>", ratio_text(value),
                           ratio_text(range.low), ratio_text(range.high))
             : ratio_text(value);
}

std::string alone_text(const std::string& only) {
  return only.empty() ? "" : fmt::format(" of class {} alone", escape(only));
}

std::string evaluation_card(const Evaluation& evaluation) {
  const Scores& scores = evaluation.scores;
  const int columns = std::min(scores.confusion.size(), 4) + 3;  // classes, and names, beats and others
  std::string html = fmt::format(
      "<article class=\"card\" style=\"--columns:{}\"><h4>{} <span class=\"soft\">as {} "
      "classes</span></h4>\n<p class=\"sums\">accuracy <b>{}</b>, macro-F1 <b>{}</b>{}</p>\n",
      columns, escape(evaluation.name), scores.confusion.size(), percent_text(scores.accuracy, 2),
      evaluation.range.classes.empty() ? ratio_text(scores.macro_f1)
                                       : with_range(scores.macro_f1, evaluation.range.macro),
      alone_text(only_class(scores)));
  html += confusion_table(scores) + class_table(evaluation);
  if (!evaluation.note.empty()) {
    html += fmt::format("<p class=\"note\">{}</p>\n", escape(evaluation.note));
  }
  return html + "</article>\n";
}

// A table with one row per record or per patient; `kind` is "record" or "patient".
std::string row_table(const std::vector<RecordScore>& records, const std::string& kind) {
  if (records.empty()) {
    return "<p class=\"soft\">No records were scored.</p>\n";
  }
  std::int64_t all_errors = 0;
  std::int64_t most_errors = 1;
  for (const RecordScore& record : records) {
    all_errors += errors_of(record.scores.confusion);
    most_errors = std::max(most_errors, errors_of(record.scores.confusion));
  }
  const std::vector<std::string>& classes = records.front().scores.confusion.classes();
  std::string html = "<div class=\"wide\"><table class=\"records\"><thead><tr><th scope=\"col\">" + kind +
                     "</th><th scope=\"col\">beats</th><th scope=\"col\">accuracy</th>";
  auto out = std::back_inserter(html);
  for (const std::string& name : classes) {
    fmt::format_to(out, "<th scope=\"col\">{} found</th>", escape(name));
  }
  html +=
      "<th scope=\"col\">misread</th><td></td><th scope=\"col\" class=\"text\">most often</th></tr></thead>\n"
      "<tbody>";
  for (const RecordScore& record : records) {
    const Confusion& confusion = record.scores.confusion;
    const std::int64_t errors = errors_of(confusion);
    fmt::format_to(out, "<tr><th scope=\"row\">{}</th><td>{}</td><td>{}</td>", escape(record.record),
                   count_text(confusion.total()), percent_text(record.scores.accuracy));
    for (int c = 0; c < static_cast<int>(classes.size()); ++c) {
      const std::int64_t beats = c < confusion.size() ? confusion.true_count(c) : 0;
      if (beats == 0) {
        html += "<td class=\"none\">\u00B7</td>";
      } else {
        fmt::format_to(out, "<td>{}<span class=\"of\">/{}</span></td>", count_text(confusion.at(c, c)),
                       count_text(beats));
      }
    }
    fmt::format_to(
        out,
        "<td>{}</td><td class=\"bar bad\"><i style=\"--p:{:.3f}\"></i></td><td class=\"text\">{}</td></tr>\n",
        count_text(errors), static_cast<double>(errors) / static_cast<double>(most_errors),
        worst_confusion(confusion));
  }
  html += "</tbody></table></div>\n";

  // Errors cluster in few patients: name the fewest that hold half of all errors.
  std::vector<const RecordScore*> order;
  for (const RecordScore& record : records) {
    order.push_back(&record);
  }
  std::stable_sort(order.begin(), order.end(), [](const RecordScore* a, const RecordScore* b) {
    return errors_of(a->scores.confusion) > errors_of(b->scores.confusion);
  });
  std::string names;
  std::int64_t held = 0;
  std::size_t named = 0;
  while (named < order.size() && held * 2 < all_errors) {
    held += errors_of(order[named]->scores.confusion);
    names += (named == 0 ? "" : ", ") + escape(order[named]->record);
    ++named;
  }
  if (named == 0) {
    return html + "<p>No beat was misread.</p>\n";
  }
  return html + fmt::format("<p>{} of {} hold{} {} of all {}: {}.</p>\n", named,
                            counted(std::ssize(records), kind), named == 1 ? "s" : "",
                            percent_text(static_cast<double>(held) / static_cast<double>(all_errors), 0),
                            counted(all_errors, "misread beat"), names);
}

std::string record_table(const std::vector<RecordScore>& records) {
  return row_table(records, "record");
}

std::string patient_table(const std::vector<PatientScore>& patients) {
  if (patients.empty()) {
    return "";
  }
  std::vector<RecordScore> rows;
  bool alike = true;  // whether the table would equal that of the records
  for (const PatientScore& patient : patients) {
    alike = alike && patient.records.size() == 1;
    std::string name = patient.patient;
    if (patient.records.size() > 1) {
      name = fmt::format("{} ({})", patient.patient, fmt::join(patient.records, ", "));
    }
    rows.push_back({name, patient.scores});
  }
  return alike ? "<p>Each record is of another patient.</p>\n"
               : "<h3>Patients</h3>\n" + row_table(rows, "patient");
}

std::string label_table(const MultiLabelScores& scores) {
  std::string html =
      "<div class=\"wide\"><table class=\"records\"><thead><tr><td></td><th scope=\"col\">recordings</th><th "
      "scope=\"col\">stated</th><th scope=\"col\">TP</th><th scope=\"col\">FN</th><th scope=\"col\">FP</th><th "
      "scope=\"col\">TN</th><th scope=\"col\">threshold</th><th scope=\"col\">Se</th><th "
      "scope=\"col\">+P</th><th scope=\"col\">F1</th><th scope=\"col\">AUC</th><th scope=\"col\">95 % "
      "interval</th></tr></thead><tbody>\n";
  for (std::size_t c = 0; c < scores.classes.size(); ++c) {
    const LabelScore& one = scores.classes[c];
    html += fmt::format(
        "<tr><th "
        "scope=\"row\">{}</th><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</"
        "td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>\n",
        escape(one.name), count_text(one.positives), count_text(one.predicted), count_text(one.hits),
        count_text(one.positives - one.hits), count_text(one.predicted - one.hits),
        count_text(scores.recordings - one.positives - one.predicted + one.hits), ratio_text(one.threshold),
        percent_text(one.sensitivity), percent_text(one.precision), ratio_text(one.f1),
        ratio_text(scores.auc.classes[c]),
        std::isfinite(scores.range.classes[c].low)
            ? ratio_text(scores.range.classes[c].low) + " to " + ratio_text(scores.range.classes[c].high)
            : ratio_text(std::nan("")));
  }
  return html + "</tbody></table></div>\n";
}

std::string epoch_table(const RunSummary& run) {
  const bool whole = !run.recordings.empty();
  std::string html =
      "<div class=\"scroll\" tabindex=\"0\"><table "
      "class=\"epochs\"><thead><tr><th>epoch</th><th>step</th><th>learning rate</th><th>train "
      "loss</th><th>validation loss</th><th>validation " +
      std::string(whole ? "macro AUC" : "accuracy") +
      "</th><th>validation macro-F1</th><th>samples/s</th><th>time</th></tr></thead>\n<tbody>";
  for (const EpochRecord& e : run.history) {
    fmt::format_to(
        std::back_inserter(html),
        "<tr{}><th "
        "scope=\"row\">{}{}</th><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>\n",
        e.epoch == run.best_epoch ? " class=\"best\"" : "", e.epoch,
        e.epoch == run.best_epoch ? " \u2605" : "", count_text(e.step), rate_text(e.learning_rate),
        ratio_text(e.train_loss, 4), ratio_text(e.validation_loss, 4),
        whole ? ratio_text(e.validation_auc) : percent_text(e.validation_accuracy, 2),
        ratio_text(e.validation_macro_f1), ratio_text(e.samples_per_second, 0), duration_text(e.seconds));
  }
  return html + "</tbody></table></div>\n";
}

}  // namespace sec::train

#include "train/report/recordings.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <map>

#include "train/report/ecg_paper.h"
#include "train/report/html.h"

namespace sec::train {
namespace {

constexpr std::size_t patients_shown = 50;

bool has(const std::vector<std::string>& list, const std::string& item) {
  return std::ranges::find(list, item) != list.end();
}

// The split that is scored first: the test split, or without one the validation split.
std::string scored_split(const RunSummary& run) {
  return run.recordings.empty() ? "test" : run.recordings.front().name;
}

std::string labels_text(const std::vector<std::string>& labels) {
  return labels.empty() ? std::string("none") : fmt::format("{}", fmt::join(labels, ", "));
}

}  // namespace

std::vector<RecordingsOfPatient> recordings_by_patient(const RunSummary& run) {
  std::vector<RecordingsOfPatient> result;
  std::map<std::pair<std::string, std::string>, std::size_t> places;
  for (const ExamplePrediction& one : run.predictions) {
    if (one.split == "train") {
      continue;
    }
    const std::string& name = one.patient.empty() ? one.recording : one.patient;
    const auto [place, fresh] = places.try_emplace({one.split, name}, result.size());
    if (fresh) {
      result.push_back({.patient = name, .split = one.split, .recordings = {}});
    }
    RecordingsOfPatient& patient = result[place->second];
    patient.recordings.push_back(one.recording);
    patient.right += one.right() ? 1 : 0;
    patient.labels += std::ssize(run.classes);
    for (const std::string& name_of_class : run.classes) {
      patient.labels_right += has(one.truth, name_of_class) == has(one.decision, name_of_class) ? 1 : 0;
    }
  }
  return result;
}

std::string recordings_section(const RunSummary& run) {
  std::string html = "<section id=\"records\"><h2>Recordings</h2>\n";
  std::vector<RecordingsOfPatient> wrong;
  std::int64_t patients = 0;
  std::int64_t recordings = 0;
  std::int64_t right = 0;
  for (RecordingsOfPatient& one : recordings_by_patient(run)) {
    if (one.split == scored_split(run)) {
      ++patients;
      recordings += std::ssize(one.recordings);
      right += one.right;
      if (one.labels_right < one.labels) {
        wrong.push_back(std::move(one));
      }
    }
  }
  html += fmt::format(
      "<p>{}: every label is right in {} of {}, of {}. <code>predictions.csv</code> in the run "
      "folder lists every recording of every split with its truth, probabilities and decision.</p>\n",
      escape(scored_split(run)), count_text(right), counted(recordings, "recording"),
      counted(patients, "patient"));
  if (wrong.empty()) {
    return html + "</section>\n";
  }
  std::ranges::stable_sort(wrong, std::greater<>(),
                           [](const RecordingsOfPatient& one) { return one.labels - one.labels_right; });
  html +=
      "<div class=\"scroll\" tabindex=\"0\"><table class=\"records\"><thead><tr><th scope=\"col\" "
      "class=\"text\">patient</th><th scope=\"col\">recordings</th><th scope=\"col\">right</th><th "
      "scope=\"col\">wrong labels</th><th scope=\"col\" class=\"text\">recordings' names</th></tr></thead><tbody>\n";
  for (std::size_t i = 0; i < std::min(wrong.size(), patients_shown); ++i) {
    const RecordingsOfPatient& one = wrong[i];
    html += fmt::format(
        "<tr><th scope=\"row\">{}</th><td>{}</td><td>{}</td><td>{}</td><td class=\"text\">{}</td></tr>\n",
        escape(one.patient), one.recordings.size(), one.right, one.labels - one.labels_right,
        escape(fmt::format("{}", fmt::join(one.recordings, ", "))));
  }
  html += "</tbody></table></div>\n";
  if (wrong.size() > patients_shown) {
    html += fmt::format("<p class=\"soft\">The {} patients with most wrong labels, of {} with any.</p>\n",
                        patients_shown, wrong.size());
  }
  return html + "</section>\n";
}

std::string misread_recordings_section(const RunSummary& run) {
  std::string html = "<section id=\"misread\"><h2>Misread recordings</h2>\n";
  if (run.misread_recordings.empty()) {
    return html + "<p>No recording was misread.</p></section>\n";
  }
  html += fmt::format(
      "<p>{} of {} with a wrong label, the most confident errors first: those whose logit is farthest "
      "from its threshold. 25 mm/s, 10 mm/mV; a thick square is 0.2 s by 0.5 mV. Signals are drawn as resampled for "
      "the network, at most 10 s.</p>\n",
      run.misread_recordings.size(), counted(run.misread_recordings_total, "recording"));
  html += ecg_paper_definitions() + "<div class=\"beats\">\n";
  for (const MisreadRecording& one : run.misread_recordings) {
    const EcgStrip strip{.rate = one.rate,
                         .start = 0,
                         .lead_names = one.lead_names,
                         .leads = one.leads,
                         .beats = {},
                         .marked = -1,
                         .label = fmt::format("Recording {}", one.recording)};
    html += fmt::format(
        "<figure class=\"beat\">{}<figcaption><b>{}</b>{} missed: {}; stated wrongly: {}</figcaption></figure>\n",
        draw(strip), escape(one.recording),
        one.patient.empty() ? std::string(",") : fmt::format(" of patient {},", escape(one.patient)),
        escape(labels_text(one.missed)), escape(labels_text(one.stated)));
  }
  return html + "</div>\n</section>\n";
}

}  // namespace sec::train

#include "train/report/page.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "io/scoring/aami.h"
#include "tests/train/report/sample_run.h"
#include "tests/train/report/well_formed.h"
#include "train/report/ecg_paper.h"
#include "train/report/html.h"
#include "train/report/results.h"

namespace sec::train {
namespace {

bool contains(const std::string& page, const std::string& text) {
  return page.find(text) != std::string::npos;
}

TEST(Report, IsWellFormedAndShowsWhatTheRunHolds) {
  const std::string page = report_html(sample_run());
  EXPECT_EQ(ill_formed(page), "");
  for (const char* text : {"SE-ECGNet on a made-up database",
                           "2024-02-29T12:34:56",
                           "sectrain 0.1.0",
                           "seed 17",
                           "cpu, 2 threads, avx2",
                           "Train on 101 and 106",
                           "12 samples are invalid",
                           "42,110",
                           "Test records without 202",
                           "epochs = 12",
                           "225, 2, 32",
                           "12 min 38 s",
                           "\u2605",
                           "0:01:01.3",
                           "S read as N",
                           "(0.840 to 0.950)",
                           "(0.310 to 0.620)",
                           "(0.550 to 0.720)",
                           "A (100, 103)",
                           "at temperature 1.830, ECE 0.025",
                           "stated probability",
                           "801 beats, 4 shown",
                           "97.0\u00A0%",
                           "MLII",
                           "V1"}) {
    EXPECT_TRUE(contains(page, text)) << text;
  }
  std::ofstream("report_sample.html") << page;  // for visual inspection
}

TEST(Report, ChecksThatTheCheckerChecks) {
  EXPECT_EQ(ill_formed("<html><p>a &amp; b</p></html>"), "");
  for (const char* bad :
       {"<html><p></html>", "<html><p>a & b;</p></html>", "<html a=b></html>", "<html><br></html>",
        "<html>1 < 2</html>", "<html a=\"1\" a=\"2\"></html>", "<html><p a=\"<\"/></html>"}) {
    EXPECT_NE(ill_formed(bad), "") << bad;
  }
}

TEST(Report, LoadsNothing) {
  const std::string page = report_html(sample_run());
  for (const char* loader :
       {"http", "src=", "@import", "<link", "<script", "<iframe", "<object", "<img", "file:", "//"}) {
    EXPECT_FALSE(contains(page, loader)) << loader;
  }
  // All links point to anchors in the page.
  for (std::size_t at = page.find("href="); at != std::string::npos; at = page.find("href=", at + 1)) {
    EXPECT_EQ(page.substr(at, 7), "href=\"#");
  }
  for (std::size_t at = page.find("url("); at != std::string::npos; at = page.find("url(", at + 1)) {
    EXPECT_EQ(page.substr(at, 5), "url(#");
  }
}

TEST(Report, BannerOnSyntheticDataOnly) {
  RunSummary run = sample_run();
  EXPECT_TRUE(contains(report_html(run), "Synthetic data."));
  run.synthetic = false;
  EXPECT_FALSE(contains(report_html(run), "Synthetic data"));
  EXPECT_FALSE(contains(report_html(run), "generated"));
}

TEST(Report, LeakageIsShownInRed) {
  RunSummary run = sample_run();
  EXPECT_FALSE(contains(report_html(run), "Leakage."));
  run.leaks = {"record <100> is in more than one split"};
  const std::string page = report_html(run);
  EXPECT_EQ(ill_formed(page), "");
  EXPECT_TRUE(contains(page, "Leakage.") && contains(page, "record &lt;100&gt; is in"));
  EXPECT_TRUE(contains(
      page, ".leak { margin: 18px 0; padding: 14px 18px; border-radius: 8px; border: 2px solid #d0241a"));
}

TEST(Results, TextHasIntervalsCalibrationAndPatients) {
  const std::string text = results_text(sample_run());
  for (const char* line :
       {"Test records, 5 classes: accuracy 92.79 %, macro-F1 0.5071 (0.5500 to 0.7200)\n",
        "  45.03 (31.00 to 62.00)\n",
        "Test records, AUC one against the rest: macro 0.9125 (0.8400 to 0.9500), N 0.9500 (0.9000 to "
        "0.9700)",
        "Test records, calibration: ECE 0.1040; at temperature 1.830, fitted on validation records, 0.0250\n",
        "\nA (100 103)             2273       97.40    2200/2239        13/33          1/1            -      "
        "      -\n"}) {
    EXPECT_TRUE(contains(text, line)) << line << text;
  }
}

// A macro-F1 of 1.0000 that rests on one class says so in the text, in JSON and on the page.
TEST(Results, AMacroF1OfOneClassSaysSo) {
  RunSummary run = sample_run();
  Confusion beats({"N", "S", "V"});
  beats.add(0, 0, 20);
  run.evaluations = {{"DS2", score(beats), "a note"}};
  run.classes = {"N", "S", "V"};
  EXPECT_TRUE(contains(results_text(run),
                       "DS2, 3 classes: accuracy 100.00 %, macro-F1 1.0000 (of class N alone)\n  (a note)"));
  EXPECT_TRUE(contains(report_html(run), "macro-F1 <b>1.000</b> of class N alone</p>"));
  EXPECT_TRUE(contains(report_html(run), "of one class alone; micro 1.000"));
  auto json = nlohmann::json::parse(metrics_json(run, {}, "fnv1a64:0"));
  EXPECT_EQ(json["evaluations"][0]["macro_f1_classes"], 1);

  const std::vector<float> logits = {1, -1, 1, -1}, targets = {1, 0, 1, 0};
  run.recordings = {score_labels({"A&B", "C"}, logits, targets, std::vector<float>{0, 0})};
  run.recordings[0].name = "test";
  run.recordings[0].auc = {{std::nan(""), std::nan("")}, std::nan("")};
  run.recordings[0].range = {{{std::nan(""), 0}, {std::nan(""), 0}}, {std::nan(""), 0}};
  EXPECT_TRUE(contains(results_text(run), "macro-F1 1.0000 (of class A&B alone)\n"));
  const std::string page = report_html(run);
  EXPECT_EQ(ill_formed(page), "");
  EXPECT_TRUE(contains(page, "macro-F1 1.000 of class A&amp;B alone;"));
  EXPECT_TRUE(contains(page, "<small>of one class alone</small>"));
  json = nlohmann::json::parse(metrics_json(run, {}, "fnv1a64:0"));
  EXPECT_EQ(json["multi_label"][0]["macro_f1_classes"], 1);
  EXPECT_EQ(nlohmann::json::parse(metrics_json(sample_run(), {}, ""))["evaluations"][0]["macro_f1_classes"],
            5);
}

TEST(Results, JsonHasIntervalsAndPatients) {
  const auto json = nlohmann::json::parse(metrics_json(sample_run(), {}, "fnv1a64:0"));
  EXPECT_EQ(json["instruction_set"], "avx2");
  EXPECT_EQ(json["by_patient"]["A"]["records"], (std::vector<std::string>{"100", "103"}));
  EXPECT_EQ(json["by_patient"]["A"]["classes"]["S"]["beats"], 33);
  const auto& range = json["evaluations"][0]["f1_interval_95"];
  EXPECT_EQ(range["macro"], (std::vector<double>{0.55, 0.72}));
  EXPECT_EQ(range["classes"]["S"], (std::vector<double>{0.31, 0.62}));
  EXPECT_TRUE(range["classes"]["Q"][0].is_null());
  EXPECT_FALSE(json["evaluations"][1].contains("f1_interval_95"));
}

TEST(Report, HostileTextStaysText) {
  const std::string hostile = "<script>alert(1)</script>\"' onload=x &\x01 \xff\xfe \xed\xa0\x80 ]]>";
  RunSummary run = sample_run();
  run.title = run.created = run.program = run.recipe_text = run.data = run.device = run.protocol =
      run.network = hostile;
  run.warnings = {hostile};
  run.classes = {hostile, "S"};
  run.evaluations.push_back({hostile, score(Confusion({hostile, "S"})), hostile});
  run.records.push_back({hostile, score(Confusion({hostile, "S"}))});
  run.patients = {{hostile, {hostile, "a"}, score(Confusion({hostile, "S"}))}};
  run.misread[0].record = run.misread[0].truth = run.misread[0].predicted = hostile;
  run.misread[0].lead_names = {hostile};
  run.misread[0].markers = {{run.misread[0].time - 0.5, hostile}};
  run.timing = {{hostile, 1}};
  const std::string page = report_html(run);
  EXPECT_EQ(ill_formed(page), "");
  EXPECT_FALSE(contains(page, "<script"));
  EXPECT_TRUE(
      contains(page, "&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39; onload=x &amp;\uFFFD \uFFFD\uFFFD"));
  EXPECT_FALSE(contains(page, "\xff"));
  EXPECT_FALSE(contains(page, "\xed\xa0"));
}

// A run on whole recordings, whose names, patients and labels are hostile.
RunSummary run_of_recordings(const std::string& label) {
  RunSummary run;
  run.classes = {label, "B"};
  const std::vector<float> logits = {2, -1, -3, 1, 1, 2, -1, -2};
  const std::vector<float> targets = {1, 0, 1, 1, 0, 1, 0, 0};
  MultiLabelScores scores = score_labels(run.classes, logits, targets, std::vector<float>{0, 0});
  scores.name = "test";
  scores.auc = {{0.5, 1}, 0.75};
  scores.range = {{{0.1, 0.9}, {std::nan(""), std::nan("")}}, {0.2, 0.8}};
  run.recordings = {scores};
  run.curves = {threshold_curves("test", run.classes, logits,
                                 [&](std::size_t i, std::size_t c) { return targets[i * 2 + c] > 0; })};
  const auto labels = [&](std::size_t i, const std::vector<float>& of) {
    std::vector<std::string> list;
    for (std::size_t c = 0; c < 2; ++c) {
      if (of[i * 2 + c] > 0) {
        list.push_back(run.classes[c]);
      }
    }
    return list;
  };
  for (std::size_t i = 0; i < 4; ++i) {
    run.predictions.push_back({.split = "test",
                               .recording = label + std::to_string(i),
                               .patient = i < 2 ? label : "",
                               .truth = labels(i, targets),
                               .decision = labels(i, logits),
                               .probabilities = {0.5F, 0.5F}});
  }
  run.misread_recordings = {{.recording = label + "1",
                             .patient = label,
                             .missed = {label + " 0.05"},
                             .stated = {},
                             .confidence = 3,
                             .rate = 100,
                             .lead_names = {label},
                             .leads = {{0, 0.1F, std::nanf(""), -0.2F, 0.3F}}}};
  run.misread_recordings_total = 2;
  return run;
}

TEST(Report, ShowsRecordingsPatientsCurvesAndMisreadRecordings) {
  const std::string page = report_html(run_of_recordings("A"));
  EXPECT_EQ(ill_formed(page), "");
  for (const char* text :
       {"test: every label is right in 2 of 4 recordings, of 3 patients", "<th scope=\"col\">TP</th>",
        "test, ROC", "test, precision and recall", "1 of 2 recordings with a wrong label", "missed: A 0.05",
        "stated wrongly: none", "<svg class=\"strip\"", "predictions.csv"}) {
    EXPECT_TRUE(contains(page, text)) << text;
  }
  const std::string hostile = "<script>alert(1)</script>\"' onload=x &\x01 ]]>";
  const std::string attacked = report_html(run_of_recordings(hostile));
  EXPECT_EQ(ill_formed(attacked), "");
  EXPECT_FALSE(contains(attacked, "<script"));
}

TEST(Results, JsonAndTextOfRecordingsAndPatients) {
  const RunSummary run = run_of_recordings("A");
  const auto json = nlohmann::json::parse(metrics_json(run, {}, "fnv1a64:0"));
  EXPECT_EQ(json["by_record"]["A1"]["truth"], (nlohmann::json{"A", "B"}));
  EXPECT_EQ(json["by_record"]["A1"]["decision"], nlohmann::json::array({"B"}));
  EXPECT_EQ(json["by_record"]["A1"]["right"], false);
  EXPECT_EQ(json["by_record"]["A2"]["patient"], nullptr);
  EXPECT_EQ(json["by_patient"]["A"]["records"], (nlohmann::json{"A0", "A1"}));
  EXPECT_EQ(json["by_patient"]["A"]["right"], 1);
  EXPECT_EQ(json["by_patient"]["A"]["labels"], 4);
  EXPECT_EQ(json["by_patient"]["A"]["labels_right"], 3);
  EXPECT_EQ(json["by_patient"].size(), 3U);
  const auto& confusion = json["multi_label"][0]["classes"]["A"]["confusion"];
  EXPECT_EQ(confusion, (nlohmann::json{{"TP", 1}, {"FN", 1}, {"FP", 1}, {"TN", 1}}));
  EXPECT_TRUE(json["average_precision"]["test"]["A"].is_number());
  EXPECT_TRUE(
      contains(results_text(run),
               "test: every label right in 2 of 4 recordings, and of 1 of 3 patients in all of theirs"))
      << results_text(run);
}

TEST(Report, NothingToShow) {
  RunSummary run;
  const std::string page = report_html(run);
  EXPECT_EQ(ill_formed(page), "");
  for (const char* text : {"has not been scored", "Nothing was scored", "No records were scored",
                           "No beat was misread", "No epoch was completed"}) {
    EXPECT_TRUE(contains(page, text)) << text;
  }
}

TEST(Report, ValuesThatAreNotFinite) {
  RunSummary run = sample_run();
  const double nan = std::nan("");
  const double infinity = std::numeric_limits<double>::infinity();
  for (EpochRecord& epoch : run.history) {
    epoch.train_loss = nan;
    epoch.validation_loss = epoch.epoch == 3 ? infinity : nan;
    epoch.validation_macro_f1 = epoch.validation_accuracy = epoch.learning_rate = nan;
    epoch.validation_f1 = {nan};
    epoch.samples_per_second = epoch.seconds = infinity;
  }
  run.evaluations = {{"empty", score(Confusion(io::beat_class_names)), ""}};
  run.records = {{"100", score(Confusion(io::beat_class_names))}};
  MisreadBeat& beat = run.misread[0];
  beat.leads[0].assign(beat.leads[0].size(), std::nanf(""));
  beat.probability = beat.truth_probability = nan;
  run.misread[1].leads.clear();
  run.misread[2].rate = nan;
  run.misread[3].time = run.misread[3].window_start = nan;
  run.misread[4].leads[0].assign(10, std::numeric_limits<float>::max());
  run.timing = {{"total", nan}};
  const std::string page = report_html(run);
  EXPECT_EQ(ill_formed(page), "");
  EXPECT_FALSE(contains(page, "nan"));
  EXPECT_FALSE(contains(page, "inf\"") || contains(page, ">inf") || contains(page, " inf")) << "an infinity";
  EXPECT_TRUE(contains(page, "No finite values."));
  EXPECT_TRUE(contains(page, "No signal."));
}

TEST(Report, OneEpoch) {
  RunSummary run = sample_run();
  run.history.resize(1);
  run.best_epoch = 1;
  const std::string page = report_html(run);
  EXPECT_EQ(ill_formed(page), "");
  EXPECT_TRUE(contains(page, "<p>1 epoch, "));
  EXPECT_FALSE(contains(page, "<figcaption>Loss")) << "a chart of one point";
  EXPECT_TRUE(contains(page, "class=\"epochs\""));
  EXPECT_TRUE(contains(report_html(sample_run()), "<figcaption>Loss"));
}

// Where the signal is at the top of its band, the lead's name stands at the bottom; where it is at both, the band grows.
TEST(EcgPaper, LeadNamesAreBesideTheSignal) {
  const auto label_y = [](const std::vector<float>& lead) {
    EcgStrip strip;
    strip.rate = 100;
    strip.lead_names = {"MLII"};
    strip.leads = {lead};
    strip.marked = -1;
    const std::string svg = draw(strip);
    const std::size_t at = svg.find("class=\"lead\"");
    const std::size_t box = svg.find("viewBox=\"");
    double left, top, width, height;
    EXPECT_EQ(std::sscanf(svg.c_str() + box, "viewBox=\"%lf %lf %lf %lf", &left, &top, &width, &height), 4);
    return std::pair(std::stod(svg.substr(svg.find(" y=\"", at) + 4)), height);
  };
  std::vector<float> lead(300, 0.0F);
  const auto [usual, height] = label_y(lead);
  EXPECT_LT(usual, 5 + 5);  // mm: the head is 5 mm high
  lead[10] = 1.9F;          // 2.5 mm from the left edge, up to the top
  EXPECT_GT(label_y(lead).first, usual + 10);
  std::vector<float> both(300, 0.0F);
  both[10] = 0.94F;
  both[12] = -0.94F;
  EXPECT_NEAR(label_y(both).second, height + 5, 1e-6);  // 0.5 mV more
  EXPECT_NEAR(label_y(both).first, usual, 1e-6);
  both[10] = both[12] = 0;
  both[150] = 0.94F;  // in the middle: the name is in no one's way
  both[152] = -0.94F;
  EXPECT_NEAR(label_y(both).second, height, 1e-6);
}

// The letter above a beat at the paper's edge is moved inside.
TEST(EcgPaper, LettersAtTheEdgeAreNotCut) {
  EcgStrip strip;
  strip.rate = 100;
  strip.lead_names = {"II"};
  strip.leads = {std::vector<float>(300, 0.0F)};
  strip.beats = {{0.0, "V"}, {2.99, "N"}};
  strip.marked = -1;
  const std::string svg = draw(strip);
  for (std::size_t at = svg.find("class=\"beat\" x=\""); at != std::string::npos;
       at = svg.find("class=\"beat\" x=\"", at + 1)) {
    const double x = std::stod(svg.substr(at + 16));
    EXPECT_GT(x, 1);
    EXPECT_LT(x, 75 - 1);
  }
}

TEST(Html, FormatsNumbersForReaders) {
  EXPECT_EQ(counted(1, "epoch"), "1 epoch");
  EXPECT_EQ(counted(0, "epoch"), "0 epochs");
  EXPECT_EQ(counted(1200, "beat"), "1,200 beats");
  EXPECT_EQ(count_text(0), "0");
  EXPECT_EQ(count_text(999), "999");
  EXPECT_EQ(count_text(45866), "45,866");
  EXPECT_EQ(count_text(-1234567), "-1,234,567");
  EXPECT_EQ(percent_text(0.93214), "93.2\u00A0%");
  EXPECT_EQ(percent_text(std::nan("")), "\u2013");
  EXPECT_EQ(time_text(3723.46), "1:02:03.5");
  EXPECT_EQ(time_text(59.96), "0:01:00.0");
  EXPECT_EQ(duration_text(0.123), "0.12 s");
  EXPECT_EQ(duration_text(59.7), "1 min 00 s");
  EXPECT_EQ(duration_text(7262), "2 h 01 min");
}

TEST(Html, EscapesAndRepairs) {
  EXPECT_EQ(escape("a<b>&\"'"), "a&lt;b&gt;&amp;&quot;&#39;");
  EXPECT_EQ(escape("\u00e9\u2192\U0001F600\n\t"), "\u00e9\u2192\U0001F600\n\t");
  EXPECT_EQ(escape("\xe9t\xe9"), "\uFFFDt\uFFFD");  // Latin-1
  EXPECT_EQ(escape("\xc0\xaf"), "\uFFFD\uFFFD");    // overlong
  EXPECT_EQ(escape("\xe2\x86"), "\uFFFD\uFFFD");    // cut short
  EXPECT_EQ(escape(std::string_view("a\0b\x1b", 4)), "a\uFFFDb\uFFFD");
}

}  // namespace
}  // namespace sec::train

#include "tests/train/report/sample_run.h"
#include "io/scoring/aami.h"

#include <cmath>

namespace sec::train {
namespace {

// A beat in mV as a sum of bumps for P, Q, R, S and T waves; ventricular beats are wide and have no P wave.
double beat_shape(double t, bool ventricular, double scale) {
  struct Bump {
    double at, width, height;
  };
  static constexpr Bump normal[] = {{-0.18, 0.025, 0.12},
                                    {-0.03, 0.010, -0.12},
                                    {0, 0.011, 1.15},
                                    {0.03, 0.012, -0.28},
                                    {0.26, 0.055, 0.27}};
  static constexpr Bump wide[] = {
      {-0.05, 0.03, -0.3}, {0, 0.045, 1.7}, {0.09, 0.05, -0.7}, {0.30, 0.07, -0.45}, {0, 1, 0}};
  double sum = 0;
  for (const Bump& bump : ventricular ? wide : normal) {
    sum += bump.height * std::exp(-0.5 * std::pow((t - bump.at) / bump.width, 2));
  }
  return scale * sum;
}

MisreadBeat misread_beat(const char* record, double time, const char* truth, const char* predicted,
                         double probability, bool ventricular) {
  MisreadBeat beat;
  beat.record = record;
  beat.time = time;
  beat.sample = std::llround(time * 360);
  beat.truth = truth;
  beat.predicted = predicted;
  beat.probability = probability;
  beat.truth_probability = (1 - probability) * 0.8;
  beat.rate = 180;
  beat.window_start = time - 1.6;
  beat.lead_names = {"MLII", "V1"};
  beat.markers = {{time - 0.82, "N"}, {time, truth}, {time + 0.95, "N"}};
  beat.leads.resize(2);
  for (int i = 0; i < 540; ++i) {
    const double t = beat.window_start + i / beat.rate;
    double first = 0.015 * std::sin(i * 1.7) + 0.02 * std::sin(i * 0.61);
    double second = 0.02 * std::sin(i * 2.3);
    for (const auto& [at, name] : beat.markers) {
      const bool wide = ventricular && at == time;
      first += beat_shape(t - at, wide, 1);
      second += beat_shape(t - at, wide, -0.45);
    }
    beat.leads[0].push_back(static_cast<float>(first));
    beat.leads[1].push_back(static_cast<float>(second));
  }
  return beat;
}

Confusion confusion(const std::vector<std::vector<std::int64_t>>& counts) {
  Confusion result(io::beat_class_names);
  for (int truth = 0; truth < 5; ++truth) {
    for (int read = 0; read < 5; ++read) {
      result.add(truth, read, counts[static_cast<std::size_t>(truth)][static_cast<std::size_t>(read)]);
    }
  }
  return result;
}

}  // namespace

RunSummary sample_run() {
  RunSummary run;
  run.title = "SE-ECGNet on a made-up database";
  run.created = "2024-02-29T12:34:56";
  run.program = "sectrain 0.1.0";
  run.recipe_text = "[data]\nrate = 180  # Hz\n\n[train]\nepochs = 12\n";
  run.data = "made-up/db: 4 records, 12,345 beats\ntrain: N 5000, S 120, V 400, F 20, Q 2";
  run.synthetic = true;
  run.seed = 17;
  run.device = "cpu, 2 threads";
  run.instruction_set = "avx2";
  run.protocol = "Train on 101 and 106, choose on 114, test on 100 and 103.";
  run.warnings = {"record 102: 12 samples are invalid and were read as missing"};
  run.classes = {"N", "S", "V", "F"};
  for (int epoch = 1; epoch <= 12; ++epoch) {
    const double progress = 1 - std::exp(-epoch / 3.0);
    EpochRecord record;
    record.epoch = epoch;
    record.step = epoch * 431;
    record.learning_rate = 1e-3 * 0.5 * (1 + std::cos(3.14159 * (epoch - 1) / 12));
    record.train_loss = 0.9 - 0.75 * progress;
    record.validation_loss = 0.95 - 0.6 * progress + 0.006 * epoch + 0.02 * std::sin(epoch * 2.0);
    record.validation_accuracy = 0.7 + 0.25 * progress;
    record.validation_f1 = {0.8 + 0.17 * progress, 0.55 * progress + 0.03 * std::sin(epoch * 1.3),
                            0.9 * progress, epoch < 3 ? std::nan("") : 0.3 * progress};
    record.validation_macro_f1 = 0.35 + 0.4 * progress + 0.02 * std::sin(epoch * 2.0);
    record.samples_per_second = 812.4;
    record.seconds = 63.2;
    record.best = epoch == 9;
    run.history.push_back(record);
  }
  run.best_epoch = 9;

  const Confusion all = confusion({{42110, 1204, 602, 340, 3},
                                   {801, 902, 130, 4, 0},
                                   {121, 60, 2990, 50, 0},
                                   {160, 3, 101, 124, 0},
                                   {4, 0, 3, 0, 0}});
  const Confusion without = confusion({{40120, 1150, 590, 335, 3},
                                       {790, 870, 118, 4, 0},
                                       {119, 58, 2974, 50, 0},
                                       {160, 3, 101, 123, 0},
                                       {3, 0, 3, 0, 0}});
  for (const auto& [name, counts] :
       {std::pair{"Test records", all}, std::pair{"Test records without 202", without}}) {
    for (const int classes : {5, 4, 3}) {
      run.evaluations.push_back({name, score_first_classes(counts, classes),
                                 classes == 5 ? "" : "Beats of the other classes are left out."});
    }
  }
  run.aucs = {{"Test records",
               {{0.95, 0.81, 0.99, 0.9}, 0.9125},
               {{{0.9, 0.97}, {0.6, 0.93}, {0.97, 0.995}, {0.7, 0.96}}, {0.84, 0.95}}}};
  NamedCalibration calibrated{"Test records", {}, 1.83, {}};
  for (int i = 0; i < 10; ++i) {
    const double confidence = 0.05 + 0.1 * i;
    const std::int64_t beats = i < 3 ? 0 : 40 << i;
    calibrated.plain.bins.push_back({beats, confidence, confidence - 0.012 * i});
    calibrated.tempered.bins.push_back({beats, confidence, confidence - 0.003 * i});
  }
  calibrated.plain.ece = 0.104;
  calibrated.tempered.ece = 0.025;
  run.calibrations = {calibrated};
  run.records = {
      {"100",
       score(confusion(
           {{2200, 30, 9, 0, 0}, {20, 13, 0, 0, 0}, {0, 0, 1, 0, 0}, {0, 0, 0, 0, 0}, {0, 0, 0, 0, 0}}))},
      {"103",
       score(confusion(
           {{2070, 10, 2, 0, 0}, {2, 0, 0, 0, 0}, {0, 0, 0, 0, 0}, {0, 0, 0, 0, 0}, {0, 0, 0, 0, 0}}))},
      {"213", score(confusion({{2300, 100, 90, 151, 0},
                               {10, 17, 1, 0, 0},
                               {20, 2, 190, 8, 0},
                               {150, 2, 90, 120, 0},
                               {0, 0, 0, 0, 0}}))},
      {"232",
       score(confusion(
           {{380, 15, 2, 0, 0}, {601, 770, 11, 0, 0}, {0, 0, 0, 0, 0}, {0, 0, 0, 0, 0}, {0, 0, 0, 0, 0}}))}};
  run.patients = {{"A", {"100", "103"}, run.records[0].scores}, {"B", {"213"}, run.records[2].scores}};
  run.evaluations[0].range = {
      {{0.97, 0.99}, {0.31, 0.62}, {0.85, 0.94}, {0.1, 0.45}, {std::nan(""), std::nan("")}}, {0.55, 0.72}};
  for (int i = 0; i < 4; ++i) {
    run.misread.push_back(misread_beat("232", 61.25 + 311.4 * i, "S", "N", 0.97 - 0.02 * i, false));
  }
  run.misread.push_back(misread_beat("213", 801.01, "V", "F", 0.81, true));
  run.misread.push_back(misread_beat("213", 1204.77, "F", "N", 0.64, false));
  run.misread.back().leads[0][100] = std::nanf("");
  run.misread_total = 3586;
  run.network =
      "layer   output        parameters  MACs\nstem    (225, 2, 32)       1,600  720,000\nhead    (4)        "
      "          772      768\n";
  run.timing = {{"read data", 3.21}, {"train", 758.4}, {"test", 12.9}, {"total", 774.5}};
  return run;
}

}  // namespace sec::train

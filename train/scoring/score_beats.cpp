#include "train/scoring/score_beats.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "train/scoring/evaluate.h"

namespace sec::train {
namespace {

constexpr std::size_t misread_shown = 60;

// The scores of each database, if the records are of several.
std::vector<Evaluation> evaluations_by_database(const std::string& name, const Recipe& recipe,
                                                const std::vector<RecordScore>& records) {
  std::vector<Evaluation> all;
  const std::vector<DatabaseScore> databases = by_database(records);
  if (databases.size() < 2) {
    return all;
  }
  for (const DatabaseScore& database : databases) {
    std::vector<RecordScore> some;
    std::ranges::copy_if(records, std::back_inserter(some),
                         [&](const RecordScore& record) { return record.database == database.database; });
    const auto more = evaluations(fmt::format("{} ({})", name, database.database), some, recipe.seed);
    all.insert(all.end(), more.begin(), more.end());
  }
  return all;
}

std::string test_name(const Recipe& recipe) {
  if (recipe.data.protocol == "beats") {
    return "test (intra-patient)";
  }
  if (recipe.data.protocol == "folds") {
    return fmt::format("test (fold {} of {})", recipe.data.fold, recipe.data.folds);
  }
  if (recipe.data.protocol == "file") {
    return "test";
  }
  return recipe.data.test == std::vector<std::string>{"DS2"} ? "DS2" : "test";
}

}  // namespace

void score_beats(RunSummary& run, Classifier& classifier, const BeatSplits& data) {
  const Recipe& recipe = classifier.recipe;
  const auto add_predictions = [&](const char* split, std::vector<ExamplePrediction> predictions) {
    for (ExamplePrediction& one : predictions) {
      one.split = split;
      run.predictions.push_back(std::move(one));
    }
  };
  const auto add_curves = [&](const std::string& name, NamedCurves curves) {
    curves.name = name;
    run.curves.push_back(std::move(curves));
  };
  add_predictions("train", predicted_beats(classifier, data.train, data.splits));
  const auto add = [&](const std::vector<Evaluation>& more) {
    run.evaluations.insert(run.evaluations.end(), more.begin(), more.end());
  };
  const std::size_t classes = recipe.classes.size();
  std::optional<TestResult> validation;
  std::optional<double> temperature;
  if (!data.splits.validation.empty()) {
    validation = evaluate(classifier, data.validation, 0, data.splits);
    add_predictions("validation", std::move(validation->predictions));
    if (recipe.loss.kind == "cross_entropy") {  // the other losses use sigmoids, not a softmax
      temperature = fit_temperature(validation->logits, validation->labels, classes);
    }
  }
  if (!data.splits.test.empty()) {
    const TestResult test = evaluate(classifier, data.test, misread_shown, data.splits);
    add_predictions("test", test.predictions);
    add_curves(test_name(recipe), test.curves);
    add(evaluations(test_name(recipe), test.records, recipe.seed));
    const std::vector<std::string> seen = test_records_seen(data.splits);
    if (!seen.empty() && seen.size() < test.records.size()) {
      add(evaluations(test_name(recipe), test.records, recipe.seed, seen));
    }
    add(evaluations_by_database(test_name(recipe), recipe, test.records));
    run.aucs.push_back({test_name(recipe), test.auc, test.auc_range});
    run.calibrations.push_back(calibrate(test_name(recipe), test, classes, temperature));
    run.records = test.records;
    run.patients = by_patient(test.records);
    run.databases = by_database(test.records);
    run.misread = test.misread;
    run.misread_total = test.misread_total;
  }
  if (validation) {
    add(evaluations("validation", validation->records, recipe.seed));
    add(evaluations_by_database("validation", recipe, validation->records));
    add_curves("validation", validation->curves);
    run.aucs.push_back({"validation", validation->auc, validation->auc_range});
    run.calibrations.push_back(calibrate("validation", *validation, classes, temperature));
  }
}

}  // namespace sec::train

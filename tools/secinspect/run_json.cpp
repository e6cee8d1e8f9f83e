#include "tools/secinspect/run_json.h"

#include <algorithm>
#include <map>

namespace sec::tools {
namespace {

using io::Json;

constexpr std::size_t most_steps = 1500;
constexpr std::size_t most_states = 100;

// At most `most` elements, evenly, with the last one.
Json some_of(const std::vector<Json>& all, std::size_t most) {
  const std::size_t count = std::min(all.size(), most);
  Json some = Json::array();
  for (std::size_t i = 1; i <= count; ++i) {
    some.push_back(all[i * all.size() / count - 1]);
  }
  return some;
}

// The members of metrics.json that pages show.
Json shown_metrics(const Json& metrics) {
  if (metrics.is_null()) {
    return {};
  }
  Json shown = Json::object();
  for (const char* key : {"created", "program", "device", "data", "data_fingerprint", "synthetic", "warnings",
                          "leaks", "best_epoch", "evaluations", "auc_one_vs_rest", "calibration",
                          "by_patient", "multi_label", "seconds"}) {
    if (metrics.contains(key)) {
      shown[key] = metrics.at(key);
    }
  }
  return shown;
}

}  // namespace

Json run_json(const RunFiles& run, const RunLog& log) {
  return {{"name", run.folder.string()},
          {"title", run.recipe.title},
          {"task", run.recipe.data.task},
          {"classes", run.recipe.classes},
          {"choose_by", run.recipe.train.choose_by},
          {"planned_epochs", run.recipe.train.epochs},
          {"epochs", log.epochs()},
          {"steps", some_of(log.steps(), most_steps)},
          {"states", some_of(log.states(), most_states)},
          {"metrics", shown_metrics(run.metrics)}};
}

Json recipe_differences(const std::vector<RunFiles>& runs) {
  std::vector<std::string>
      names;  // in the order of recipes; keys of databases that only later runs have at the end
  std::vector<std::map<std::string, std::string>> values;
  for (const RunFiles& run : runs) {
    train::Recipe recipe = run.recipe;
    auto& own = values.emplace_back();
    for (const train::RecipeKey& key : train::recipe_keys(recipe)) {
      own[key.name] = train::value_text(key);
      if (std::ranges::find(names, key.name) == names.end()) {
        names.push_back(key.name);
      }
    }
  }
  Json differences = Json::array();
  for (const std::string& name : names) {
    std::vector<std::string> texts;
    for (const auto& own : values) {
      const auto found = own.find(name);
      texts.push_back(found == own.end() ? "unset" : found->second);
    }
    if (std::ranges::any_of(texts, [&](const std::string& text) { return text != texts.front(); })) {
      differences.push_back({{"key", name}, {"values", texts}});
    }
  }
  return differences;
}

}  // namespace sec::tools

#include "tools/secinspect/compare.h"

#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <map>
#include <span>

#include "engine/failure.h"
#include "engine/utf8.h"
#include "io/files/atomic_file.h"
#include "io/files/standard_streams.h"
#include "tools/page/page.h"
#include "tools/secinspect/run_files.h"
#include "tools/secinspect/run_json.h"
#include "tools/secinspect/runs_page.h"
#include "tools/usage_error.h"
#include "train/loop/checkpoint.h"
#include "train/report/html.h"
#include "train/report/json.h"
#include "train/scoring/paired_bootstrap.h"

namespace sec::tools {
namespace {

using io::Json;
using train::ComparedExamples;
using train::ComparedPredictions;

// "A" for the first run, "B" for the second, "AA" after "Z".
std::string letter_of(std::size_t run) {
  const std::string last(1, static_cast<char>('A' + run % 26));
  return run < 26 ? last : letter_of(run / 26 - 1) + last;
}

// "A, C" for the runs 0 and 2.
std::string letters_of(const Json& runs) {
  std::string text;
  for (const Json& run : runs) {
    text += (text.empty() ? "" : ", ") + letter_of(run.get<std::size_t>());
  }
  return text;
}

std::size_t index_of(const std::vector<std::string>& names, const std::string& name) {
  return static_cast<std::size_t>(std::ranges::find(names, name) - names.begin());
}

// The classes of the first run that all runs have.
std::vector<std::string> common_classes(const std::vector<RunPredictions>& runs) {
  std::vector<std::string> common = runs.front().classes;
  for (const RunPredictions& run : runs) {
    std::erase_if(common,
                  [&](const std::string& name) { return index_of(run.classes, name) == run.classes.size(); });
  }
  return common;
}

std::vector<std::uint8_t> flags_of(const std::vector<std::string>& names,
                                   const std::vector<std::string>& classes) {
  std::vector<std::uint8_t> flags;
  for (const std::string& name : classes) {
    flags.push_back(std::ranges::find(names, name) != names.end() ? 1 : 0);
  }
  return flags;
}

// What the runs have in common, and of each run what it predicts there.
struct Compared {
  ComparedExamples examples;
  std::vector<ComparedPredictions> runs;
  std::size_t patients = 0;
  std::size_t left_out = 0;  // examples that some runs lack, or of classes that some runs lack
};

Compared align(const CompareOptions& options, const std::vector<RunPredictions>& runs, bool beats) {
  Compared result;
  std::vector<std::string>& classes = result.examples.classes;
  classes = common_classes(runs);
  require(!classes.empty(), "{} and {}: have no class in common ({}; {})", options.runs[0].string(),
          options.runs[1].string(), fmt::join(runs[0].classes, ", "), fmt::join(runs[1].classes, ", "));
  std::vector<std::map<std::string, const PredictedExample*>> by_key(runs.size());
  for (std::size_t r = 0; r < runs.size(); ++r) {
    for (const PredictedExample& one : runs[r].examples) {
      by_key[r][one.key] = &one;
    }
  }
  result.runs.resize(runs.size());
  std::map<std::string, std::int32_t> patients;
  std::size_t most = 0;
  for (const RunPredictions& run : runs) {
    most = std::max(most, run.examples.size());
  }
  for (const PredictedExample& first : runs.front().examples) {
    const std::vector<std::uint8_t> truth = flags_of(first.truth, classes);
    const bool in_all = std::ranges::all_of(by_key, [&](const auto& own) { return own.contains(first.key); });
    if (!in_all || (beats && std::ranges::count(truth, 1) == 0)) {
      continue;
    }
    const auto patient =
        patients.try_emplace(first.patient, static_cast<std::int32_t>(patients.size())).first;
    result.examples.patients.push_back(patient->second);
    result.examples.truth.insert(result.examples.truth.end(), truth.begin(), truth.end());
    for (std::size_t r = 0; r < runs.size(); ++r) {
      const PredictedExample& one = *by_key[r].at(first.key);
      require(flags_of(one.truth, classes) == truth,
              "{} and {}: {} is {} and {}: the runs read different labels", options.runs[0].string(),
              options.runs[r].string(), first.place, fmt::join(first.truth, "|"), fmt::join(one.truth, "|"));
      const std::vector<std::uint8_t> decision = flags_of(one.decision, classes);
      result.runs[r].decision.insert(result.runs[r].decision.end(), decision.begin(), decision.end());
      for (const std::string& name : classes) {
        result.runs[r].probability.push_back(one.probability[index_of(runs[r].classes, name)]);
      }
    }
  }
  const std::size_t count = result.examples.patients.size();
  require(count > 0, "{} and {}: have no {} example in common", options.runs[0].string(),
          options.runs[1].string(), options.split);
  result.patients = patients.size();
  result.left_out = most - count;
  return result;
}

// Runs that differ in no key but their seed, title and what changes no result: one recipe.
using Group = std::vector<std::size_t>;

std::vector<Group> groups_of(const std::vector<RunFiles>& runs) {
  std::vector<Group> groups;
  std::vector<std::string> texts;
  for (std::size_t r = 0; r < runs.size(); ++r) {
    train::Recipe recipe = runs[r].recipe;
    recipe.seed = 0;
    const std::string text = train::to_toml(train::without_free_keys(recipe));
    const auto found = std::ranges::find(texts, text);
    if (found == texts.end()) {
      texts.push_back(text);
      groups.push_back({r});
    } else {
      groups[static_cast<std::size_t>(found - texts.begin())].push_back(r);
    }
  }
  return groups;
}

// The sides to compare. Recipes are compared with that of the first run; runs of a single recipe with the first run.
std::vector<std::pair<train::ComparedSide, train::ComparedSide>> pairs_of(const std::vector<Group>& groups) {
  std::vector<std::pair<train::ComparedSide, train::ComparedSide>> pairs;
  const Group& first = groups.front();
  for (std::size_t g = 1; g < groups.size(); ++g) {
    pairs.push_back({{first, first}, {groups[g], groups[g]}});
  }
  for (std::size_t r = 1; r < first.size() && groups.size() == 1; ++r) {
    pairs.push_back({{{first[0]}, first}, {{first[r]}, first}});
  }
  return pairs;
}

Json score_json(const train::PairedScore& score) {
  return {{"score", score.name},
          {"first", train::number(score.first)},
          {"second", train::number(score.second)},
          {"difference", train::number(score.second - score.first)},
          {"interval_95",
           Json::array({train::number(score.difference.low), train::number(score.difference.high)})},
          {"p", score.p},
          {"within_chance", score.within_chance()}};
}

std::string figure(const Json& value, bool sign = false) {
  return value.is_null() ? "-"
         : sign          ? fmt::format("{:+.4f}", value.get<double>())
                         : fmt::format("{:.4f}", value.get<double>());
}

std::string interval_text(const Json& score) {
  const Json& interval = score.at("interval_95");
  return interval.element(0).is_null()
             ? "unknown"
             : figure(interval.element(0), true) + " to " + figure(interval.element(1), true);
}

std::string verdict_of(const Json& score) {
  return score.at("interval_95").element(0).is_null() ? "unknown"
         : score.at("within_chance").get<bool>()      ? "within chance"
                                                      : "beyond chance";
}

std::string recipe_text(const Json& comparison) {
  const Json& keys = comparison.at("recipe");
  if (keys.size() == 0) {
    return "The recipes are the same.\n\n";
  }
  std::size_t widest = 0;
  for (const Json& key : keys) {
    widest = std::max(widest, key.at("key").get<std::string>().size());
  }
  std::string text = "Recipes differ in\n";
  for (const Json& key : keys) {
    text += fmt::format("  {:<{}}", key.at("key").get<std::string>(), widest);
    std::size_t run = 0;
    for (const Json& value : key.at("values")) {
      text += fmt::format("  {} {}", letter_of(run++), value.get<std::string>());
    }
    text += "\n";
  }
  return text + "\n";
}

void declare(CLI::App& app, CompareOptions& o) {
  app.description(
      "Compares trainings: what differs between their recipes, their curves, and whether their scores differ by more\n"
      "than chance, by a paired bootstrap over patients. The first run is what the others are compared with. Runs that differ\n"
      "only in their seed are one recipe, whose runs are drawn, too.");
  app.footer(
      "Examples:\n"
      "  secinspect compare runs/a runs/b                       a table\n"
      "  secinspect compare runs/a runs/b --out compare.html    a page with curves, too\n"
      "Exit status: 0 done, 1 failed, 2 wrong usage.");
  app.add_option("RUN", o.runs, "Run folders of finished trainings, two or more")
      ->required()
      ->expected(2, 20);
  app.add_option("--out", o.out, "The page to write: one HTML file that needs nothing else")
      ->type_name("FILE");
  app.add_option("--split", o.split, "The examples to score")
      ->check(CLI::IsMember({"test", "validation", "train"}))
      ->capture_default_str();
  app.add_option("--resamples", o.resamples, "Draws of patients")
      ->check(CLI::Range(100, 1'000'000))
      ->capture_default_str();
  app.add_option("--seed", o.seed, "Seed of the draws")->capture_default_str();
  app.add_flag("--json", o.json, "Print one JSON object");
}

void run(const CompareOptions& options) {
  std::optional<io::AtomicFile> out;
  if (!options.out.empty()) {
    out.emplace(options.out);
  }
  const Json comparison = compare_runs(options);
  if (out) {
    Json page = comparison;
    page["format"] = 1;
    page["kind"] = "compare";
    const std::string html = page_of(runs_page_shell, train::escape("Trainings compared"), page.dump());
    out->write(html);
    out->commit();
    io::tell("{}: {:.1f} MB\n", options.out.string(), static_cast<double>(html.size()) / 1e6);
  }
  if (options.json) {
    Json printed = Json::object();
    for (const char* key : {"recipe", "comparison"}) {
      printed[key] = comparison.at(key);
    }
    io::print_json_text(printed.dump(2) + "\n");
  } else {
    io::print(compare_text(comparison));
  }
  io::flush_stdout();
}

}  // namespace

Json compare_runs(const CompareOptions& options) {
  std::vector<RunFiles> runs;
  Json shown = Json::array();
  for (const std::filesystem::path& folder : options.runs) {
    runs.push_back(read_run(folder));
    require(!runs.back().metrics.is_null(), "{}: no such file: the run has not finished",
            (folder / "metrics.json").string());
    require(runs.back().recipe.data.task == runs.front().recipe.data.task, "{}: classifies {}, {} {}",
            folder.string(), runs.back().recipe.data.task, options.runs.front().string(),
            runs.front().recipe.data.task);
    RunLog log(folder / "log.jsonl");
    log.read();
    shown.push_back(run_json(runs.back(), log));
  }
  std::vector<RunPredictions> predictions;
  for (const std::filesystem::path& folder : options.runs) {
    predictions.push_back(read_predictions(folder / "predictions.csv", options.split));
  }
  const bool beats = !runs.front().recipe.whole_recordings();
  const Compared compared = align(options, predictions, beats);
  Json pairs = Json::array();
  const std::vector<Group> groups = groups_of(runs);
  for (const auto& [first, second] : pairs_of(groups)) {
    Json scores = Json::array();
    for (const train::PairedScore& score : train::compare_predictions(
             compared.examples, compared.runs, first, second, options.resamples, options.seed)) {
      scores.push_back(score_json(score));
    }
    pairs.push_back({{"first", first.runs},
                     {"second", second.runs},
                     {"same_recipe", groups.size() == 1},
                     {"scores", std::move(scores)}});
  }
  return {{"runs", std::move(shown)},
          {"recipe", recipe_differences(runs)},
          {"comparison",
           {{"split", options.split},
            {"examples", compared.examples.patients.size()},
            {"unit", beats ? "beats" : "recordings"},
            {"left_out", compared.left_out},
            {"patients", compared.patients},
            {"classes", compared.examples.classes},
            {"resamples", options.resamples},
            {"seed", options.seed},
            {"pairs", std::move(pairs)}}}};
}

std::string compare_text(const Json& comparison) {
  std::string text;
  std::size_t count = 0;
  for (const Json& one : comparison.at("runs")) {
    text += fmt::format("{}  {}  {}\n", letter_of(count++), one.at("name").get<std::string>(),
                        one.at("title").get<std::string>());
  }
  text += "\n" + recipe_text(comparison);
  const Json& scored = comparison.at("comparison");
  text += fmt::format("Scores on {} {} {} of {} patients ({}){}\n", scored.at("examples").get<std::size_t>(),
                      scored.at("split").get<std::string>(), scored.at("unit").get<std::string>(),
                      scored.at("patients").get<std::size_t>(),
                      fmt::join(scored.at("classes").get<std::vector<std::string>>(), ", "),
                      scored.at("left_out") == Json(0)
                          ? std::string()
                          : fmt::format("; {} others are not in all runs, or of classes that a run lacks",
                                        scored.at("left_out").get<std::size_t>()));
  for (const Json& pair : scored.at("pairs")) {
    const std::string first = letters_of(pair.at("first"));
    const std::string second = letters_of(pair.at("second"));
    std::size_t widest = 8;
    for (const Json& score : pair.at("scores")) {
      widest = std::max(widest, score.at("score").get<std::string>().size());
    }
    text += fmt::format("  {:<{}}  {:>7}  {:>7}  {:>10}  {:>19}  {:>6}\n", "", widest, first, second,
                        "difference", "95 % interval", "p");
    for (const Json& score : pair.at("scores")) {
      text += fmt::format("  {:<{}}  {:>7}  {:>7}  {:>10}  {:>19}  {:>6.3f}  {}\n",
                          score.at("score").get<std::string>(), widest, figure(score.at("first")),
                          figure(score.at("second")), figure(score.at("difference"), true),
                          interval_text(score), score.at("p").get<double>(), verdict_of(score));
    }
    const Json& headline = pair.at("scores").element(0);
    text += fmt::format(
        "{}The macro F1 of {} differs from that of {} by {} ({}): {}.\n",
        pair.at("same_recipe").get<bool>() ? "These are runs of one recipe with other seeds. " : "", second,
        first, figure(headline.at("difference"), true), interval_text(headline), verdict_of(headline));
  }
  return text;
}

std::optional<int> start_compare(int argc, char** argv) {
  if (argc < 2 || std::string_view(argv[1]) != "compare") {
    return std::nullopt;
  }
  CompareOptions options;
  CLI::App app;
  declare(app, options);
  try {
    app.parse(argc - 1, argv + 1);
  } catch (const CLI::ParseError& error) {
    return usage_error(app, error, "secinspect compare");
  }
  try {
    with_memory_for(options.runs.front().string(), [&] { run(options); });
    return 0;
  } catch (const std::exception& error) {
    io::tell_error("secinspect", error);
    return 1;
  }
}

}  // namespace sec::tools

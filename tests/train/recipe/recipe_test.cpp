#include "train/recipe/recipe.h"

#include "tests/train/tiny_run.h"

namespace sec::train {
namespace {

using io::error_of;

std::string parse_error(const std::string& text, const std::vector<std::string>& overrides = {}) {
  return error_of([&] { parse_recipe(text, "a.toml", overrides); });
}

const std::string valid = "[data]\nvalidation = [\"205\"]\n";
const std::string recordings =
    "[data]\ntask = 'recordings'\nprotocol = 'strat_folds'\nleads = ['I']\n[loss]\nkind = 'bce'\n";

TEST(Recipe, ReadsEveryKindOfValue) {
  const Recipe r = parse_recipe(
      "classes = ['N', 'V']\n[data]\nvalidation = ['205']\nrate = 360\n[network]\ntied = true\nwidth = 8\n"
      "[train]\nrate = 1e-4\nstep_epochs = [1, 2.5]\noptimizer = 'sgd'\n",
      "a.toml");
  EXPECT_EQ(r.classes, (std::vector<std::string>{"N", "V"}));
  EXPECT_EQ(r.data.rate, 360);
  EXPECT_TRUE(r.network.tied);
  EXPECT_EQ(r.network.width, 8);
  EXPECT_EQ(r.train.rate, 1e-4);
  EXPECT_EQ(r.train.step_epochs, (std::vector<double>{1, 2.5}));
  EXPECT_EQ(r.train.optimizer, "sgd");
}

TEST(Recipe, OverridesWinAndLaterOnesOverEarlier) {
  const Recipe r = parse_recipe(
      valid + "[train]\nepochs = 3\n", "a.toml",
      {"train.epochs=4", "train.epochs=5", "train.optimizer=sgd", "title=a b", "data.test=[\"100\"]"});
  EXPECT_EQ(r.train.epochs, 5);
  EXPECT_EQ(r.train.optimizer, "sgd");
  EXPECT_EQ(r.title, "a b");
  EXPECT_EQ(r.data.test, (std::vector<std::string>{"100"}));
}

// Gives every key another value than its default. The texts would differ if to_toml or the reader lost a key.
void expect_round_trip(Recipe r) {
  for (const RecipeKey& key : recipe_keys(r)) {
    const std::string name = key.name;
    if (name == "classes" || name.starts_with("loss.") || name == "train.choose" ||
        name == "train.patience" || name == "data.task" || !has_use_for(r, name)) {
      continue;  // these keys depend on each other
    }
    std::visit(
        [&](auto* value) {
          using T = std::remove_pointer_t<decltype(value)>;
          if constexpr (std::is_same_v<T, bool>) {
            *value = !*value;
          } else if constexpr (std::is_same_v<T, std::string>) {
            *value = key.choices.empty() ? "quote \" and \\ and é" : key.choices.back();
          } else if constexpr (std::is_same_v<T, std::vector<std::string>>) {
            *value = {"205", "x\"y"};
          } else if constexpr (std::is_same_v<T, std::vector<double>>) {
            *value = {0.1, 1.0 / 3};
          } else if constexpr (std::is_same_v<T, double>) {
            *value = std::min(key.max, *value + 0.1);
          } else {
            *value = std::min(static_cast<T>(key.max), *value + 1);
          }
        },
        key.value);
  }
  r.data.protocol = "file";  // the protocol that data.split_file needs
  if (r.whole_recordings()) {
    r.data.source = "tianchi";  // the source that data.class_file needs
    r.data.label_set = "superclass";
    r.input.covariates = {"sex", "age"};
    r.network.model = "ecgnet";
  } else {
    r.input.beats = 5;  // an odd number, as bircnn, the last model, needs
    r.input.covariates[0] = "intervals";
  }
  const std::string text = to_toml(r);
  EXPECT_NE(text, to_toml(Recipe()));
  EXPECT_EQ(to_toml(parse_recipe(text, "b.toml")), text);
}

TEST(Recipe, TextReadsBackEqualWithEveryKeyChanged) {
  expect_round_trip(parse_recipe(valid, "a.toml"));
  expect_round_trip(parse_recipe(recordings, "a.toml"));
}

TEST(Recipe, BaseGivesTheValuesThatARecipeDoesNotSet) {
  const io::TemporaryFolder folder;
  folder.write("first.toml", valid + "leads = ['I', 'II']\n[train]\nepochs = 3\nbatch = 5\nrate = 0.5\n");
  folder.write("second.toml",
               "base = 'first.toml'\n[data]\nleads = ['V1']\n[train]\nepochs = 4\nbatch = 6\n");
  std::filesystem::create_directory(folder / "inner");
  const auto file = folder.write("inner/third.toml", "base = '../second.toml'\n[train]\nepochs = 7\n");
  const Recipe r = read_recipe(file.string(), {"train.clip_norm=2"});
  EXPECT_EQ(r.data.validation, (std::vector<std::string>{"205"}));
  EXPECT_EQ(r.data.leads, (std::vector<std::string>{"V1"}));
  EXPECT_EQ(r.train.rate, 0.5);
  EXPECT_EQ(r.train.batch, 6);
  EXPECT_EQ(r.train.epochs, 7);
  EXPECT_EQ(r.train.clip_norm, 2);
  EXPECT_EQ(to_toml(r).find("base ="), std::string::npos);
  EXPECT_EQ(to_toml(parse_recipe(to_toml(r), "b.toml")), to_toml(r));
}

TEST(Recipe, BadBaseIsOneLineThatNamesFileAndLine) {
  const io::TemporaryFolder folder;
  const auto read_error = [&](const std::string& text) {
    const std::string file = folder.write("a.toml", text).string();
    const std::string error = error_of([&] { read_recipe(file); });
    EXPECT_EQ(error.find('\n'), std::string::npos) << error;
    return error;
  };
  const std::string at = (folder / "a.toml").string();
  EXPECT_EQ(read_error("base = 'no.toml'\n"),
            at + ":1: base: " + (folder / "no.toml").string() + ": cannot open: No such file or directory");
  EXPECT_EQ(read_error("title = 'x'\nbase = 3\n"), at + ":2: base: expected the path of a recipe file");
  EXPECT_EQ(read_error("base = ''\n"), at + ":1: base: expected the path of a recipe file");
  EXPECT_EQ(read_error("[base]\nx = 3\n"), at + ":1: base: expected the path of a recipe file");
  EXPECT_NE(read_error("base = '.'\n").find("expected a regular file"), std::string::npos);
  EXPECT_EQ(read_error("base = 'a.toml'\n"), at + ":1: base: " + at + " builds on itself");
  const std::string b = folder.write("b.toml", "title = 'b'\nbase = 'a.toml'\n").string();
  EXPECT_EQ(read_error("base = 'b.toml'\n"), b + ":2: base: " + at + " builds on itself");
  folder.write("b.toml", "[train]\nepochs = 'x'\n");
  EXPECT_EQ(read_error("base = 'b.toml'\n"), b + ":2: train.epochs: expected a whole number");
  EXPECT_EQ(parse_error("base = 'b.toml'\n"), "a.toml:1: base: only a recipe file can name its base");
  EXPECT_EQ(parse_error(valid, {"base=b.toml"}), "--set base: only a recipe file can name its base");
  EXPECT_EQ(parse_error("[train]\nbase = 'b.toml'\n").find("a.toml:2: unknown recipe key train.base"), 0U);
}

TEST(Recipe, QuickstartIsMitdbInterWithHalfTheEpochs) {
  const std::string folder = SEC_RECIPES;
  const Recipe quickstart = read_recipe(folder + "/quickstart.toml");
  const Recipe whole =
      read_recipe(folder + "/mitdb-inter.toml",
                  {"title=" + quickstart.title, "train.epochs=3", "train.warmup_epochs=0.3"});
  EXPECT_EQ(to_toml(quickstart), to_toml(whole));
}

TEST(Recipe, ErrorsNameFileLineAndNearestKey) {
  EXPECT_EQ(parse_error(valid + "[train]\nepoch = 3\n"),
            "a.toml:4: unknown recipe key train.epoch; the nearest is train.epochs");
  EXPECT_EQ(parse_error(valid, {"train.widht=3"}),
            "--set: unknown recipe key train.widht; the nearest is network.width");
  EXPECT_EQ(parse_error(valid, {"epochs=3"}),
            "--set: unknown recipe key epochs; the nearest is train.epochs");
  EXPECT_EQ(parse_error(valid + "[train]\nepochs = 'x'\n"),
            "a.toml:4: train.epochs: expected a whole number");
  EXPECT_EQ(parse_error(valid + "[train]\nepochs = 0\n"),
            "a.toml:4: train.epochs: expected a number from 1 to 1e+06, got 0");
  EXPECT_EQ(parse_error(valid + "[train]\nrate = nan\n").substr(0, 20), "a.toml:4: train.rate");
  EXPECT_EQ(parse_error(valid + "[train]\noptimizer = 'adm'\n"),
            "a.toml:4: train.optimizer: expected one of adam, adamw, sgd, got \"adm\"");
  EXPECT_EQ(parse_error(valid + "[train\n").substr(0, 19), "a.toml:3: not TOML:");
  EXPECT_EQ(parse_error(valid, {"train.epochs"}), "--set train.epochs: expected key=value");
}

TEST(Recipe, RefusesContradictions) {
  EXPECT_NE(parse_error("").find("data.validation is empty"), std::string::npos);
  EXPECT_NE(parse_error(valid + "", {"classes=['N','X']"}).find("expected AAMI classes"), std::string::npos);
  EXPECT_NE(parse_error(valid, {"classes=['N','N']"}).find("twice"), std::string::npos);
  EXPECT_NE(parse_error(valid, {"loss.weights=[1,2]"}).find("2 weights for 4 classes"), std::string::npos);
  EXPECT_NE(parse_error(valid, {"loss.kind=focal", "loss.class_weights=inverse"}).find("focal"),
            std::string::npos);
}

TEST(Recipe, OfRecordingsRefusesContradictions) {
  EXPECT_TRUE(parse_recipe(recordings, "a.toml").classes.empty());  // the default classes are for beats only
  EXPECT_EQ(parse_recipe(recordings, "a.toml", {"classes=['N','S','V','F']"}).classes.size(), 4U);
  const std::pair<std::vector<std::string>, std::string> wrong[] = {
      {{"data.rate=100"}, "data.rate has no meaning with data.task = \"recordings\""},
      {{"sampler.kind=weighted"}, "sampler.kind has no meaning"},
      {{"loss.class_weights=inverse"}, "loss.class_weights has no meaning"},
      {{"data.protocol=records"}, "data.protocol = \"records\" has no meaning"},
      {{"data.protocol=file"}, "need each other"},
      {{"data.source=cinc"}, "data.source = \"cinc\" has no folds"},
      {{"data.source=table"}, "needs data.label_file"},
      {{"data.source=table", "data.label_file=x", "data.label_set=statements"},
       "data.label_set has no meaning"},
      {{"data.label_file=x"}, "data.label_file has no meaning"},
      {{"data.class_file=x"}, "data.class_file has no meaning"},
      {{"data.source=tianchi", "data.label_file=x", "data.protocol=hash", "data.class_file=x",
        "classes=['A']"},
       "contradict each other"},
      {{"data.source=tianchi", "data.label_file=x", "data.protocol=tianchi-paper"},
       "data.allow_leakage = true"},
      {{"data.signal_folder=x"}, "expected records500 or records100"},
      {{"data.leads=[\"MLII\", \"other\"]"}, "name the leads"},
      {{"data.leads=[\"I\", \"I\"]"}, "I is listed twice"},
      {{"classes=['A','A']"}, "A is listed twice"},
      {{"input.covariates=['ratios']"}, "expected age and sex"},
      {{"data.validation_fold=10"}, "are the same"},
      {{"data.protocol=hash", "data.validation_share=0"}, "need a validation split"},
      {{"data.protocol=hash", "data.validation_share=0.5", "data.test_share=0.5"}, "nothing to train on"},
      {{"loss.kind=cross_entropy"}, "recordings have several labels"},
      {{"data.crop=11"}, "data.crop = 11 s is longer than data.seconds = 10"},
      {{"data.crop=0.0001"}, "has no sample"},
      {{"data.crop_step=1"}, "data.crop_step needs data.crop"},
      {{"data.crop=2", "data.crop_step=2.5"},
       "data.crop_step = 2.5 s, expected at least one sample and at most"},
      {{"data.crop=2", "data.crop_step=1e-6"}, "expected at least one sample"},
      {{"decision.crops=max"}, "decision.crops needs data.crop"},
  };
  for (const auto& [overrides, says] : wrong) {
    const std::string error = error_of([&, &o = overrides] { parse_recipe(recordings, "a.toml", o); });
    EXPECT_NE(error.find(says), std::string::npos) << error;
  }
  for (const char* key : {"data.source=cinc", "data.length=100", "train.choose_by=macro_auc",
                          "decision.thresholds=validation", "data.protocol=hash", "data.crop=1"}) {
    EXPECT_NE(parse_error(valid, {key}).find("has no meaning"), std::string::npos) << key;
  }
}

TEST(Recipe, ShippedRecipesAreValid) {
  for (const char* name : {"ptbxl-super.toml", "tianchi.toml", "tianchi-paper.toml"}) {
    EXPECT_TRUE(read_recipe(std::string(SEC_RECIPES) + "/" + name).whole_recordings()) << name;
  }
  for (const char* name : {"mitdb-inter.toml", "quickstart.toml"}) {
    const Recipe r = read_recipe(std::string(SEC_RECIPES) + "/" + name);
    EXPECT_EQ(r.window_length(), 144) << name;
    EXPECT_EQ(r.window_before(), 66) << name;
  }
}

}  // namespace
}  // namespace sec::train

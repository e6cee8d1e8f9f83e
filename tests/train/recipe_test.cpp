#include "train/recipe.h"

#include "tests/train/tiny_run.h"

namespace sec::train {
namespace {

using io::error_of;

std::string parse_error(const std::string& text, const std::vector<std::string>& overrides = {}) {
  return error_of([&] { parse_recipe(text, "a.toml", overrides); });
}

const std::string valid = "[data]\nvalidation = [\"205\"]\n";

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

// Each key is given a value that is not its default: if to_toml or the reader lost one, the texts would
// differ.
TEST(Recipe, TextReadsBackEqualWithEveryKeyChanged) {
  Recipe r = parse_recipe(valid, "a.toml");
  for (const RecipeKey& key : recipe_keys(r)) {
    const std::string name = key.name;
    if (name == "classes" || name.starts_with("loss.") || name == "train.choose" ||
        name == "train.patience") {
      continue;  // not free of each other
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
  r.data.protocol = "file";  // the one that goes with data.split_file
  const std::string text = to_toml(r);
  EXPECT_NE(text, to_toml(Recipe()));
  EXPECT_EQ(to_toml(parse_recipe(text, "b.toml")), text);
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

TEST(Recipe, ShippedRecipesAreValid) {
  for (const char* name : {"mitdb-inter.toml", "quickstart.toml"}) {
    const Recipe r = read_recipe(std::string(SEC_RECIPES) + "/" + name);
    EXPECT_EQ(r.window_length(), 144) << name;
    EXPECT_EQ(r.window_before(), 66) << name;
  }
}

}  // namespace
}  // namespace sec::train

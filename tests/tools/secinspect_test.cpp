// Runs secinspect as a user does, on small models of random weights and generated recordings.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "io/databases/mitdb.h"
#include "io/models/safetensors.h"
#include "io/wfdb/signal.h"
#include "model/networks.h"
#include "tests/run_program.h"
#include "tests/train/model_file.h"
#include "tests/train/recording_folders.h"
#include "tests/train/tiny_run.h"
#include "train/loop/checkpoint.h"
#include "train/loop/kept_epochs.h"

namespace sec::train {
namespace {

using io::content_of;
using nlohmann::json;

class Secinspect : public testing::Test {
 protected:
  void SetUp() override {
    recipe_ = tiny_recipe();
    write_model(folder_ / "best.safetensors", recipe_, {0.3F, -0.3F});
  }

  std::string path(const std::string& name) const { return (folder_ / name).string(); }
  static std::string record(const std::string& name) { return (tiny_database() / name).string(); }

  Outcome secinspect(const std::string& arguments) const {
    return run_program(SECINSPECT + (" --threads 1 " + arguments), folder_.path());
  }

  // Runs secinspect on the model and a record, and returns the page's data.
  json page(const std::string& arguments, const std::string& model = "") const {
    const Outcome run = secinspect((model.empty() ? folder_.path().string() : model) + " " + arguments +
                                   " --out " + path("page.html"));
    EXPECT_EQ(run.status, 0) << run.error;
    return data_of(content_of(folder_ / "page.html"));
  }

  static json data_of(const std::string& html) {
    const std::string begin = "<script type=\"application/json\" id=\"data\">";
    const std::size_t from = html.find(begin);
    const std::size_t to = html.find("</script>", from);
    EXPECT_NE(to, std::string::npos);
    return to == std::string::npos ? json()
                                   : json::parse(html.substr(from + begin.size(), to - from - begin.size()));
  }

  void expect_failure(const std::string& arguments, int status, const std::string& part) const {
    const Outcome run = secinspect(arguments);
    EXPECT_EQ(run.status, status) << run.error;
    EXPECT_NE(run.error.find(part), std::string::npos) << "got: " << run.error << "expected: " << part;
    EXPECT_EQ(std::count(run.error.begin(), run.error.end(), '\n'), 1) << run.error;
  }

  // Checks what every page has.
  static void expect_whole(const json& data) {
    const json& logits = data["result"]["logits"];
    for (std::size_t c = 0; c < logits.size(); ++c) {
      double sum = 0;
      for (const json& scale : data["scales"]) {
        sum += scale["logit"][c].get<double>();
      }
      EXPECT_NEAR(sum, logits[c].get<double>(), 1e-4 * (1 + std::abs(sum)));
    }
    EXPECT_EQ(data["nodes"].back()["op"], "linear");
    for (std::size_t i = 0; i < data["nodes"].size(); ++i) {
      const json& node = data["nodes"][i];
      EXPECT_EQ(node["id"], i);
      EXPECT_TRUE(node.contains("strip"));
      const bool moves = node["op"] != "input" && node["op"] != "covariates" && node["op"] != "view";
      EXPECT_EQ(node["kernels"].empty(), !moves) << node["name"] << " " << node["op"];
      for (const json& kernel : node["kernels"]) {
        EXPECT_NE(kernel["source"].get<std::string>().find(":"), std::string::npos);
      }
    }
    std::set<std::string> methods;
    for (const json& picture : data["attribution"]) {
      methods.insert(picture["method"]);
      if (picture["method"] == "integrated gradients") {
        EXPECT_LT(picture["completeness_error"].get<double>(), 0.05) << picture["baseline"];
        EXPECT_EQ(picture["deletion"]["fraction"].size(), picture["deletion"]["logit"].size());
      }
    }
    EXPECT_EQ(methods,
              (std::set<std::string>{"integrated gradients", "occlusion", "grad-cam", "randomised weights"}));
  }

  io::TemporaryFolder folder_;
  Recipe recipe_;
};

TEST_F(Secinspect, APageAboutABeat) {
  const json data = page(record("106") + " --at 0:20.5");
  expect_whole(data);
  EXPECT_EQ(data["model"]["name"], "SE-ECGNet");
  EXPECT_EQ(data["model"]["classes"], (json{"N", "V"}));
  EXPECT_EQ(data["input"]["channels"], (json{"lead1", "lead2-difference", "rhythm"}));
  EXPECT_EQ(data["input"]["covariates"].size(), recipe_.input.rhythm.size() + 5);
  EXPECT_NEAR(data["record"]["beat"].get<double>(), 20.5, 1.0);
  EXPECT_EQ(data["record"]["leads"].size(), 2);
  EXPECT_EQ(data["record"]["rate"], 360);
  const double length = data["model"]["length"].get<double>() / data["model"]["rate"].get<double>();
  EXPECT_NEAR(data["record"]["window"][1].get<double>() - data["record"]["window"][0].get<double>(), length,
              1e-9);
  EXPECT_FALSE(data["record"]["beats"].empty());
  EXPECT_EQ(data["what_if"]["check"]["logits"]["shape"], (json{16, 2}));
  EXPECT_EQ(data["what_if"]["weights"].size(), [&] {
    const auto network = model::describe_network(network_options(recipe_));
    return network->parameters().parameters().size() + network->parameters().state().size();
  }());
  EXPECT_EQ(data["neighbours"].size(), 8);
  EXPECT_EQ(data["neighbours_from"], "recording");
  EXPECT_LT(std::filesystem::file_size(folder_ / "page.html"), 8'000'000);
}

// The same beat classified by secinfer, which uses another path from the file to the logits.
TEST_F(Secinspect, TheLogitsAreThoseOfSecinfer) {
  const json data = page(record("106") + " --at 30");
  const Outcome run =
      run_program(std::string(SECINFER) + " --threads 1 --json --quiet --annotations atr --model " +
                      folder_.path().string() + " " + record("106"),
                  folder_.path());
  ASSERT_EQ(run.status, 0) << run.error;
  std::istringstream lines(run.out);
  int found = 0;
  for (std::string line; std::getline(lines, line);) {
    const json beat = json::parse(line);
    if (std::abs(beat["time_s"].get<double>() - data["record"]["beat"].get<double>()) < 0.002) {
      ++found;
      for (std::size_t c = 0; c < 2; ++c) {
        EXPECT_NEAR(beat["logits"][c].get<double>(), data["result"]["logits"][c].get<double>(), 1e-4);
      }
      EXPECT_EQ(beat["label"], data["model"]["classes"][data["result"]["chosen"].get<std::size_t>()]);
    }
  }
  EXPECT_EQ(found, 1);
}

// What the page says of a kept epoch is what a page about that epoch's weights says.
TEST_F(Secinspect, TheKeptEpochsAreThoseOfTheRun) {
  EXPECT_FALSE(page(record("106") + " --at 30").contains("epochs"));
  Stream stream;
  const auto write = [&](const std::string& name, std::uint64_t seed, const std::string& run, int epoch) {
    const auto network = model::make_network(network_options(recipe_), stream, seed);
    save_weights(folder_ / name, *network, {to_toml(recipe_), "fnv1a64:0", {0.3F, -0.3F}, run},
                 {epoch, 10 * epoch, 0.1 * epoch}, stream);
  };
  for (const int epoch : {1, 2, 10}) {
    write(kept_epoch_name(epoch), static_cast<std::uint64_t>(epoch), "a run", epoch);
  }
  write("best.safetensors", 2, "a run", 2);
  const json data = page(record("106") + " --at 30");
  EXPECT_LT(std::filesystem::file_size(folder_ / "page.html"), 8'000'000);
  const json& epochs = data["epochs"];
  EXPECT_EQ(epochs["kept"], 3);
  EXPECT_EQ(epochs["chosen"], 2);
  EXPECT_EQ(epochs["class"], data["result"]["chosen"]);
  ASSERT_EQ(epochs["list"].size(), 3U);
  for (std::size_t i = 0; i < 3; ++i) {
    const json& one = epochs["list"][i];
    const int epoch = std::vector<int>{1, 2, 10}[i];
    EXPECT_EQ(one["epoch"], epoch);
    EXPECT_DOUBLE_EQ(one["score"].get<double>(), 0.1 * epoch);
    if (epoch == 2) {
      continue;  // two pages are enough
    }
    const json alone = page(record("106") + " --at 30", path(kept_epoch_name(epoch)));
    for (std::size_t c = 0; c < 2; ++c) {  // the observed pass and the plain one add in another order
      EXPECT_NEAR(one["logits"][c].get<double>(), alone["result"]["logits"][c].get<double>(), 1e-4);
      EXPECT_NEAR(one["probabilities"][c].get<double>(), alone["result"]["probabilities"][c].get<double>(),
                  1e-4);
    }
    EXPECT_EQ(one["chosen"], alone["result"]["chosen"]);
    EXPECT_EQ(one["stem"], alone["stem"]);
    ASSERT_EQ(one["gates"].size(), alone["gates"].size());
    EXPECT_GT(one["gates"].size(), 10U);
    for (std::size_t g = 0; g < one["gates"].size(); ++g) {
      EXPECT_EQ(one["gates"][g]["name"], alone["gates"][g]["name"]);
      EXPECT_EQ(one["gates"][g]["values"], alone["gates"][g]["values"]);
    }
    for (const json& picture : alone["attribution"]) {
      if (picture["method"] == "integrated gradients" && picture["baseline"] == epochs["baseline"] &&
          picture["class"] == epochs["class"]) {
        const double whole = std::abs(picture["logit_difference"].get<double>());
        EXPECT_NEAR(one["attribution"]["sum"].get<double>(), picture["sum"].get<double>(),
                    0.03 * whole + 0.01);
        for (std::size_t h = 0; h < picture["channels"].size();
             ++h) {  // points on the path may differ in number
          EXPECT_NEAR(one["attribution"]["channels"][h].get<double>(), picture["channels"][h].get<double>(),
                      0.05 * whole + 0.01);
        }
      }
    }
  }
  EXPECT_NE(epochs["list"][0]["stem"]["filters"], epochs["list"][1]["stem"]["filters"]);

  const std::string command =
      folder_.path().string() + " " + record("106") + " --at 30 --out " + path("x.html");
  write(kept_epoch_name(1), 1, "another run", 1);
  expect_failure(command, 1, "epoch_0001.safetensors: holds the weights of another run (another run,");
  write(kept_epoch_name(1), 1, "a run", 3);
  expect_failure(command, 1, "epoch_0001.safetensors: holds the weights of epoch 3");
  folder_.write(kept_epoch_name(1), "cut");
  expect_failure(command, 1, "epoch_0001.safetensors: ");
  EXPECT_FALSE(std::filesystem::exists(folder_ / "x.html"));
}

TEST_F(Secinspect, ManyKeptEpochsAreThinnedOut) {
  for (int epoch = 1; epoch <= 100; ++epoch) {
    Stream stream;
    static const auto network = model::make_network(network_options(recipe_), stream, 7);
    save_weights(folder_ / kept_epoch_name(epoch), *network, {to_toml(recipe_), "fnv1a64:0", {0.3F, -0.3F}},
                 {epoch, epoch, 0.5}, stream);
  }
  const json data = page(record("106") + " --at 30");
  EXPECT_EQ(data["epochs"]["kept"], 100);
  EXPECT_EQ(data["epochs"]["list"].size(), 24U);
  EXPECT_EQ(data["epochs"]["list"].back()["epoch"], 100);
  EXPECT_LT(std::filesystem::file_size(folder_ / "page.html"), 8'000'000);
}

// bench/results/forecast.tsv has the times; the page repeats them, for the kernels of its own operations.
TEST_F(Secinspect, TheForecastIsTheCommittedOne) {
  const json forecast = page(record("106") + " --at 30")["forecast"];
  EXPECT_EQ(forecast["shape"], (json{64, 8, 5000}));
  std::istringstream table(content_of(SEC_FORECAST));
  std::map<std::string, std::vector<std::string>> rows;
  for (std::string line; std::getline(table, line);) {
    std::istringstream cells(line);
    std::vector<std::string> row;
    for (std::string cell; std::getline(cells, cell, '\t');) {
      row.push_back(cell);
    }
    if (row.size() > 7 && row[0] == "H200" && row[1] == "tf32") {
      rows[row[2]] = row;
    }
  }
  for (const char* operation : {"conv", "linear", "excite", "gate", "add", "concat", "global_average_pool"}) {
    ASSERT_TRUE(forecast["operations"].contains(operation)) << operation;
    for (const json& kernel : forecast["operations"][operation]) {
      const std::vector<std::string>& row = rows.at(kernel["name"]);
      EXPECT_EQ(kernel["launches"], std::stoi(row[3]));
      EXPECT_EQ(kernel["ms"], std::stod(row[7]));
      const std::array<double, 3> limits = {std::stod(row[4]), std::stod(row[5]), std::stod(row[6])};
      const auto most = std::max_element(limits.begin(), limits.end()) - limits.begin();
      EXPECT_EQ(kernel["bound"], (std::array{"issue", "memory", "tensor"})[static_cast<std::size_t>(most)]);
    }
  }
  EXPECT_FALSE(forecast["operations"].contains("lstm"));  // no such node here
}

TEST_F(Secinspect, BeatsAreFoundWhereNoneAreAnnotated) {
  const json annotated = page(record("106") + " --at 30");
  const json found = page(record("106") + " --at 30 --find-beats");
  EXPECT_FALSE(annotated["result"]["reference"].is_null());
  EXPECT_TRUE(found["result"]["reference"].is_null());
  EXPECT_NEAR(found["record"]["beat"].get<double>(), annotated["record"]["beat"].get<double>(), 0.1);
}

// kernel_lab's own tests look at the page.
TEST_F(Secinspect, APageAboutAKernel) {
  const std::string file = (folder_ / "kernel.html").string();
  const auto run = [&](const std::string& arguments) {
    return run_program(std::string(SECINSPECT) + " --kernel " + arguments, folder_.path());
  };
  const Outcome done = run("conv --version direct --shape 1x20x1x4x8 --device simt --out " + file);
  ASSERT_EQ(done.status, 0) << done.error;
  EXPECT_NE(content_of(file).find("conv_direct"), std::string::npos);
  for (const auto& [arguments, line] :
       {std::pair{"pool --out x", "secinspect: --kernel pool: expected conv\n"},
        std::pair{"conv --device cuda --out x",
                  "secinspect: --kernel conv --device cuda: expected simt, whose threads can be watched\n"},
        std::pair{"conv --version direct",
                  "secinspect: --kernel conv: nothing to write; give --out for a page\n"}}) {
    const Outcome refused = run(arguments);
    EXPECT_EQ(refused.status, 2);
    EXPECT_EQ(refused.error, line);
  }
}

TEST_F(Secinspect, APageNamesNoOneUnlessAsked) {
  const io::TemporaryFolder private_folder;
  io::DigitalRecord digital;
  digital.header.name = "smithsonian1970";
  digital.header.rate = 360;
  digital.header.comments = {"<age>: 54", "Name: Janeczka Smith"};
  const io::SyntheticRecord source =
      io::synthesize(io::mitdb_record("106"), {.minutes = 0.5, .records = {}, .rate = {}, .mix = {}});
  digital.header.signals = source.digital.header.signals;
  digital.signals = source.digital.signals;
  io::write_digital(private_folder.path(), digital);
  const std::string file = (private_folder / "smithsonian1970").string();
  page(file);
  for (const char* word : {"smithsonian", "Janeczka"}) {
    EXPECT_EQ(content_of(folder_ / "page.html").find(word), std::string::npos) << word;
  }
  EXPECT_EQ(data_of(content_of(folder_ / "page.html"))["record"]["title"], "A recording");
  EXPECT_NE(page(file + " --identify")["record"]["title"].get<std::string>().find("smithsonian1970"),
            std::string::npos);
}

TEST_F(Secinspect, EveryNetworkOfBeats) {
  for (const std::string& name : model::network_models()) {
    const io::TemporaryFolder other;
    std::vector<std::string> changes = {"network.model=\"" + name + "\""};
    if (name == "se-ecgnet") {
      continue;
    }
    changes.push_back("network.baseline_width=4");
    if (name == "bircnn") {
      changes.insert(changes.end(), {"input.beats=3", "input.covariates=[\"intervals\", \"rhythm\"]"});
    }
    const Recipe recipe = tiny_recipe(changes);
    write_model(other / "best.safetensors", recipe, {0, 0});
    const json data = page(record("106") + " --at 30", other.path().string());
    expect_whole(data);
    EXPECT_FALSE(data["what_if"]["computed"].empty()) << name;
    EXPECT_FALSE(data["what_if"].contains("weights"));
    EXPECT_EQ(data["input"]["values"]["shape"][0], data["model"]["length"]);
  }
}

TEST_F(Secinspect, AWholeRecordingAndAStateDict) {
  const io::TemporaryFolder data_folder;
  write_tianchi_folder(data_folder, 1);
  const std::string signal = (data_folder / "train/1.txt").string();
  const std::string golden = std::string(SEC_GOLDEN) + "/leads8_length2048_tied.safetensors";
  // The state dict inside the golden file, in PyTorch's names.
  const io::SafetensorsFile file = io::read_safetensors(golden);
  io::SafetensorsFile dict;
  for (const auto& [name, tensor] : file.tensors) {
    if (name.starts_with("initial/")) {
      dict.tensors[name.substr(8)] = tensor;
    }
  }
  io::write_safetensors(folder_ / "dict.safetensors", dict);
  const json data = page(signal + " --length 512", path("dict.safetensors"));
  expect_whole(data);
  EXPECT_EQ(data["model"]["task"], "recordings");
  EXPECT_EQ(data["model"]["decision"], "sigmoid");
  EXPECT_EQ(data["record"]["leads"].size(), 8);
  EXPECT_EQ(data["record"]["window"], (json{0.0, 10.0}));
  EXPECT_FALSE(data["what_if"]["computed"].empty());
  EXPECT_EQ(data["input"]["covariates"][0]["name"], "age");

  expect_failure(path("dict.safetensors") + " " + signal + " --out " + path("x.html"), 1, "give --length");
  expect_failure(path("dict.safetensors") + " " + signal + " --length 512 --at 3 --out " + path("x.html"), 1,
                 "classifies whole recordings, not beats");
}

TEST_F(Secinspect, TheNetworkAlone) {
  const Outcome table = secinspect(folder_.path().string());
  EXPECT_EQ(table.status, 0) << table.error;
  EXPECT_NE(table.out.find("block2_list.1.0.conv2"), std::string::npos);
  const std::string summary = model::describe_network(network_options(recipe_))->summary();
  EXPECT_NE(table.out.find(" parameters, "), std::string::npos);
  const json data = page("");
  EXPECT_FALSE(data.contains("record"));
  EXPECT_FALSE(data.contains("result"));
  EXPECT_GT(data["nodes"].size(), 400);
}

TEST_F(Secinspect, DumpedArraysAreTheActivations) {
  const json data = page(record("106") + " --at 30 --dump " + path("arrays"));
  const json nodes = json::parse(content_of(folder_ / "arrays/nodes.json"));
  ASSERT_EQ(nodes.size(), data["nodes"].size());
  for (const json& node : nodes) {
    const std::string file =
        content_of(folder_ / "arrays/activations" / (node["name"].get<std::string>() + ".npy"));
    ASSERT_GT(file.size(), 128U) << node["name"];
    std::string shape = "(";
    std::size_t count = 1;
    for (const json& extent : node["shape"]) {
      shape += (count == 1 && shape == "(" ? "" : ", ") + extent.dump();
      count *= extent.get<std::size_t>();
    }
    EXPECT_NE(file.find("'shape': " + shape + ")"), std::string::npos) << node["name"] << " " << shape;
    EXPECT_EQ((file.size() - 4 * count) % 64, 0U);
    EXPECT_EQ(
        std::filesystem::exists(folder_ / "arrays/gradients" / (node["name"].get<std::string>() + ".npy")),
        node["has_gradient"].get<bool>());
  }
  // The last array is the logits.
  const std::string logits = content_of(folder_ / "arrays/activations/fc.npy");
  float values[2];
  std::memcpy(values, logits.data() + logits.size() - sizeof values, sizeof values);
  EXPECT_FLOAT_EQ(values[0], data["result"]["logits"][0].get<float>());
  EXPECT_FLOAT_EQ(values[1], data["result"]["logits"][1].get<float>());
  EXPECT_TRUE(std::filesystem::exists(folder_ / "arrays/parameters/fc.weight.npy"));
}

TEST_F(Secinspect, BadInputIsOneLine) {
  const std::string model = folder_.path().string() + " ";
  const std::string out = " --out " + path("x.html");
  expect_failure(model + record("106") + " --at 3600" + out, 1, "outside the recording");
  expect_failure(model + record("106") + " --at 1:75" + out, 1, "expected a time");
  expect_failure(model + record("106") + " --at -3" + out, 1, "--at -3");
  expect_failure(model + record("106"), 2, "nothing to write");
  expect_failure(model + "--at 3", 2, "RECORD");
  expect_failure(model + path("missing") + out, 1, "missing");
  expect_failure(path("nowhere") + " " + record("106") + out, 1, "nowhere");
  expect_failure(model + record("106") + " --leads MLII" + out, 1, "names 1 lead, the model reads 2");
  expect_failure(model + record("106") + " --out " + path("no/such/folder/x.html"), 1, "no/such/folder");
  expect_failure(model + record("106") + " --out " + record("106") + ".dat", 1, "106.dat");
  folder_.write("not.safetensors", "no model");
  expect_failure(path("not.safetensors") + " " + record("106") + out, 1, "not.safetensors");
  EXPECT_FALSE(std::filesystem::exists(folder_ / "x.html"));
}

}  // namespace
}  // namespace sec::train

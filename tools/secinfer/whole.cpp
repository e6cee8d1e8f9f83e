#include "tools/secinfer/whole.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "engine/utf8.h"
#include "io/databases/cinc.h"
#include "io/files/json.h"
#include "io/files/standard_streams.h"
#include "tools/secinfer/output.h"
#include "train/data/recording_signal.h"

namespace sec::tools {
namespace {

std::string without_header(std::string record) {
  if (record.ends_with(".hea")) {
    record.resize(record.size() - 4);
  }
  return record;
}

}  // namespace

void classify_whole(const Options& options, train::Model& model, const std::string& record) {
  train::Recipe recipe = model.recipe();
  recipe.data.verify = options.verify;
  recipe.data.leads = options.leads.empty() ? recipe.data.leads : options.leads;
  const std::string path = without_header(record);
  const train::RecordingSignal signal = train::read_signal(recipe, path);
  for (const std::string& warning : signal.warnings) {
    io::tell("warning: {}\n", one_line(warning));
  }
  io::LabelledRecording about;
  if (!recipe.input.covariates.empty()) {
    io::read_age_and_sex(signal.comments, record, about);
  }
  train::Classifier classifier = model.classifier();
  const std::vector<float> covariates = train::recording_covariates(recipe, about);
  const train::WholeRecording whole = {signal.x, covariates};
  const std::vector<float> logits = train::logits_of(classifier, {&whole, 1});
  std::vector<double> probabilities;
  std::vector<std::string> stated;
  std::string text = record + ":";
  const bool finite = std::ranges::all_of(logits, [](float logit) { return std::isfinite(logit); });
  for (std::size_t c = 0; c < logits.size(); ++c) {
    probabilities.push_back(1 / (1 + std::exp(-static_cast<double>(logits[c]))));
    const bool is = finite && logits[c] + classifier.offsets[c] > 0;
    if (is) {
      stated.push_back(recipe.classes[c]);
    }
    text += fmt::format(" {} {:.3f}{}", recipe.classes[c], probabilities.back(), is ? "*" : "");
  }
  if (!finite) {
    text = record + ": could not be classified: the network's logits are not finite";
  }
  if (options.json) {
    const io::Json line = {{"record", record},
                           {"labels", stated},
                           {"classes", recipe.classes},
                           {"logits", finite ? io::Json(logits) : io::Json()},
                           {"probabilities", finite ? io::Json(probabilities) : io::Json()}};
    io::print_json_text(line.dump() + "\n");
  } else {
    io::print(text + "\n");
  }
  io::flush_stdout();
}

}  // namespace sec::tools

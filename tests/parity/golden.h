// Reads a golden file: PyTorch's results for one configuration, in PyTorch's names and layouts.
// tools/parity/golden.py wrote the files.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>

#include "layers/loss.h"
#include "model/state_dict.h"

namespace sec::model {

class Golden {
 public:
  explicit Golden(const std::filesystem::path& path) : path_(path), file_(io::read_safetensors(path)) {
    const auto network = nlohmann::json::parse(file_.metadata.at("network"));
    options_.model = network.value("model", "se-ecgnet");
    options_.beats = network.value("beats", 1);
    options_.leads = network.at("leads");
    options_.length = network.at("length");
    options_.classes = network.at("classes");
    options_.covariates = network.at("covariates");
    options_.width = network.at("width");
    options_.tied = network.value("tied", false);
    options_.dropout = 0;
  }

  const NetworkOptions& options() const { return options_; }
  std::string text(const std::string& key) const { return file_.metadata.at(key); }
  bool has(const std::string& name) const { return file_.tensors.contains(name); }
  std::vector<float> values(const std::string& name) const {
    const auto span = file_.at(name).as<float>(name);
    return {span.begin(), span.end()};
  }

  // The tensors initial/NAME as a state dict.
  io::SafetensorsFile initial() const {
    io::SafetensorsFile dict;
    for (const auto& [name, tensor] : file_.tensors) {
      if (name.starts_with(prefix_)) {
        dict.tensors[name.substr(prefix_.size())] = tensor;
      }
    }
    return dict;
  }

  // The tensor GROUP/NAME in our layout.
  std::vector<float> ours(const std::string& group, const std::string& name, const Shape& shape) const {
    const std::vector<float> theirs = values(group + "/" + name);
    const TorchLayout layout = torch_layout(options_, name, shape);
    std::vector<float> result;
    for (const std::int64_t from : layout.from) {
      result.push_back(theirs.at(static_cast<std::size_t>(from)));
    }
    return result;
  }

  std::int64_t batch() const { return file_.at("x").shape[0]; }

  // (N, L, H, 1), from (N, H, L).
  Tensor x(Stream& stream) const {
    const std::int64_t h = options_.leads;
    const std::int64_t l = options_.length;
    const auto theirs = file_.at("x").as<bf16>("x");
    std::vector<float> result(theirs.size());
    for (std::int64_t i = 0; i < static_cast<std::int64_t>(result.size()); ++i) {
      result[static_cast<std::size_t>((i / (h * l) * l + i % l) * h + i / l % h)] =
          static_cast<float>(theirs[static_cast<std::size_t>(i)]);
    }
    return Tensor::from(stream, {batch(), l, h, 1}, result);
  }

  Tensor covariates(Stream& stream) const {  // (N, K), or undefined
    return options_.covariates == 0
               ? Tensor()
               : Tensor::from(stream, {batch(), options_.covariates}, values("covariates"));
  }

  // The loss of `logits` by the configuration's loss function.
  Var loss(layers::Pass& pass, const Var& logits) const {
    const std::vector<float> rows = values("targets");
    const Tensor targets = Tensor::from(pass.stream, {batch(), options_.classes}, rows);
    const std::string kind = text("loss");
    if (kind == "bce") {
      return layers::bce_with_logits(pass, logits, targets, {});
    }
    if (kind == "focal") {
      return layers::focal_loss(pass, 0.25F, 2, logits, targets);
    }
    require(kind == "cross_entropy", "{}: loss {}", path_.string(), kind);
    std::vector<std::int32_t> labels;
    for (std::int64_t n = 0; n < batch(); ++n) {
      const auto row = rows.begin() + n * options_.classes;
      labels.push_back(static_cast<std::int32_t>(std::max_element(row, row + options_.classes) - row));
    }
    return layers::softmax_cross_entropy(pass, 0.1F, logits, Tensor::from(pass.stream, {batch()}, labels),
                                         {});
  }

 private:
  static inline const std::string prefix_ = "initial/";
  std::filesystem::path path_;
  io::SafetensorsFile file_;
  NetworkOptions options_;
};

}  // namespace sec::model

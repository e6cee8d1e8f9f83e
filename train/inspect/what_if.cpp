#include "train/inspect/what_if.h"

#include <algorithm>
#include <cmath>

#include "kernels/augmentation.h"
#include "train/data/beat_dataset.h"
#include "train/data/patient.h"
#include "train/inspect/arrays.h"

namespace sec::train {
namespace {

using io::Json;

Json rhythm_json(const BeatRhythm& b) {
  return {{"interval", b.interval},
          {"rr", b.rr},
          {"next", b.next},
          {"previous", b.previous},
          {"mean10", b.mean10},
          {"mean32", b.mean32},
          {"mean", b.mean},
          {"spread32", b.spread32},
          {"change16", b.change16},
          {"change32", b.change32},
          {"change128", b.change128},
          {"deviation32", b.deviation32},
          {"deviation256", b.deviation256}};
}

const char* kind_text(Channel::Kind kind) {
  switch (kind) {
    case Channel::Kind::signal:
      return "signal";
    case Channel::Kind::difference:
      return "difference";
    case Channel::Kind::rhythm:
      return "rhythm";
  }
  return "";
}

}  // namespace

bool runs_in_page(model::Network& network, const Recipe& recipe) {
  return !recipe.whole_recordings() && recipe.input.beats == 1 && network.options().model == "se-ecgnet" &&
         network.parameters().count() <= most_parameters_in_page;
}

Json beat_json(const BeatRecord& record, std::size_t index, const Recipe& recipe) {
  const std::int64_t length = recipe.window_length();
  const auto leads = std::ssize(record.signals);
  const auto samples = static_cast<std::size_t>(length);
  std::vector<float> windows(static_cast<std::size_t>(leads) * samples);
  for (std::int64_t lead = 0; lead < leads; ++lead) {
    const auto l = static_cast<std::size_t>(lead);
    cut_window(record.signals[l], record.beats[index].centre - recipe.window_before(),
               std::span(windows).subspan(l * samples, samples));
  }
  const std::size_t cell = index * static_cast<std::size_t>(leads);
  Json channels = Json::array();
  for (const Channel& channel : parse_channels(recipe)) {
    channels.push_back({{"kind", kind_text(channel.kind)}, {"lead", channel.lead}});
  }
  std::vector<float> amplitudes(record.amplitudes.begin() + static_cast<std::ptrdiff_t>(cell),
                                record.amplitudes.begin() + static_cast<std::ptrdiff_t>(cell) + leads);
  return {{"lead_names", record.lead_names},
          {"windows", f32_array(windows, {leads, length})},
          {"templates",
           f32_array(std::span(record.templates).subspan(cell * samples, windows.size()), {leads, length})},
          {"amplitudes", amplitudes},
          {"rhythm", rhythm_json(record.rhythm[index])},
          {"channels", channels},
          {"covariates", recipe.input.covariates},
          {"measures", recipe.input.rhythm},
          {"normalise", recipe.input.normalise},
          {"clip", recipe.input.clip}};
}

Json weights_json(model::Network& network, Stream& stream) {
  Json weights = Json::object();
  const auto add = [&](const std::string& name, const Shape& shape, const Tensor& value) {
    std::vector<std::int64_t> extents;
    for (int axis = 0; axis < shape.rank(); ++axis) {
      extents.push_back(shape[axis]);
    }
    // Batch norm's vectors and biases are few; a small running variance would lose its digits as f16.
    weights[name] = shape.rank() > 1 ? f16_array(value.to_vector(stream), extents)
                                     : f32_array(value.to_vector(stream), extents);
  };
  for (const layers::Parameter& parameter : network.parameters().parameters()) {
    add(parameter.name, parameter.shape, parameter.value);
  }
  for (const layers::State& state : network.parameters().state()) {
    add(state.name, state.shape, state.value);
  }
  return weights;
}

Json network_json(const model::NetworkOptions& o) {
  return {{"model", o.model}, {"leads", o.leads},           {"length", o.length}, {"classes", o.classes},
          {"width", o.width}, {"covariates", o.covariates}, {"tied", o.tied}};
}

Json check_json(model::Network& network, Stream& stream, const NetworkInput& inputs) {
  const model::NetworkOptions& o = network.options();
  const std::vector<float> logits = logits_of(network, stream, inputs);
  Json json = {{"inputs", f32_array(inputs.x, {inputs.n, o.length, o.leads})},
               {"logits", f32_array(logits, {inputs.n, o.classes})}};
  if (o.covariates > 0) {
    json["covariates"] = f32_array(inputs.covariates, {inputs.n, o.covariates});
  }
  return json;
}

std::vector<Change> changes_of(const InspectedInput& inspected) {
  std::vector<Change> changes;
  const std::size_t leads = inspected.channels.size();
  const NetworkInput& input = inspected.input;
  const auto change = [&](const std::string& name, std::size_t lead, const auto& value) {
    NetworkInput changed = input;
    for (std::size_t i = lead; i < changed.x.size(); i += leads) {
      changed.x[i] = value(changed.x[i], i);
    }
    changes.push_back({name, std::move(changed)});
  };
  for (std::size_t h = 0; h < leads; ++h) {
    const std::string& name = inspected.channels[h].name;
    change(name + " removed", h, [](float, std::size_t) { return 0.0F; });
    if (!inspected.channels[h].is_rhythm()) {
      change(name + " halved", h, [](float v, std::size_t) { return v / 2; });
      change(name + " doubled", h, [](float v, std::size_t) { return v * 2; });
    }
  }
  // Noise with a tenth of the input's deviation.
  double squares = 0;
  for (const float value : input.x) {
    squares += static_cast<double>(value) * value;
  }
  const auto deviation = static_cast<float>(0.1 * std::sqrt(squares / static_cast<double>(input.x.size())));
  NetworkInput noisy = input;
  for (std::size_t i = 0; i < noisy.x.size(); ++i) {
    noisy.x[i] += inspected.channels[i % leads].is_rhythm() ? 0.0F : deviation * normal({1, 0, 0}, i);
  }
  changes.push_back({"noise of a tenth of the signal", std::move(noisy)});
  for (std::size_t k = 0; k < input.covariates.size(); ++k) {
    NetworkInput changed = input;
    changed.covariates[k] = 0;
    changes.push_back({inspected.covariates.at(k) + " at 0", std::move(changed)});
  }
  return changes;
}

Json computed_json(model::Network& network, Stream& stream, std::span<const Change> changes) {
  NetworkInput all{0, {}, {}};
  for (const Change& change : changes) {
    all.x.insert(all.x.end(), change.input.x.begin(), change.input.x.end());
    all.covariates.insert(all.covariates.end(), change.input.covariates.begin(),
                          change.input.covariates.end());
    ++all.n;
  }
  const std::vector<float> logits = logits_of(network, stream, all);
  const auto classes = static_cast<std::ptrdiff_t>(network.options().classes);
  Json computed = Json::array();
  auto row = logits.begin();
  for (const Change& change : changes) {
    computed.push_back({{"change", change.name}, {"logits", std::vector<float>(row, row + classes)}});
    row += classes;
  }
  return computed;
}

}  // namespace sec::train

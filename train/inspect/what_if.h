// What a page needs to ask "what if": of beats, the data from which the page makes the input anew and the weights of
// the network, so that the page runs it; of other networks, changes whose results are computed here.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "io/files/json.h"
#include "train/inspect/window.h"

namespace sec::train {

// Networks of beats up to this size run in the page.
constexpr std::int64_t most_parameters_in_page = 3'000'000;
bool runs_in_page(model::Network& network, const Recipe& recipe);

// The beat before it becomes an input: windows and usual beat in mV, amplitudes, and its rhythm.
io::Json beat_json(const BeatRecord& record, std::size_t index, const Recipe& recipe);

// All parameters and running statistics as f16, and the options that the page's forward pass needs.
io::Json weights_json(model::Network& network, Stream& stream);
io::Json network_json(const model::NetworkOptions& options);

// Inputs with their logits, with which the page compares its own.
io::Json check_json(model::Network& network, Stream& stream, const NetworkInput& inputs);

// One change of the input, as a person would name it.
struct Change {
  std::string name;  // "lead II removed"
  NetworkInput input;
};
// Each lead removed, halved and doubled, noise in all leads, and each covariate at 0.
std::vector<Change> changes_of(const InspectedInput& inspected);
io::Json computed_json(model::Network& network, Stream& stream, std::span<const Change> changes);

}  // namespace sec::train

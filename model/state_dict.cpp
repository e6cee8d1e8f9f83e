#include "model/state_dict.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <set>

namespace sec::model {
namespace {

constexpr std::int64_t branches = 3;
constexpr const char* count_suffix = "num_batches_tracked";

std::string count_name(const std::string& running_mean) {
  return running_mean.substr(0, running_mean.rfind('.') + 1) + count_suffix;
}

std::string text(const io::StoredTensor& tensor) {
  return fmt::format("{} ({})", io::name_of(tensor.type), fmt::join(tensor.shape, ", "));
}

// The number of blocks in a stage. A tied downsample is listed under each block of its stage.
std::size_t blocks_of_stage(const std::string& name) {
  return name.starts_with("block1.") ? 3 : 4;
}

bool is_se_ecgnet(const NetworkOptions& options) {
  return options.model == "se-ecgnet";
}

// Maps input `i` of `extent` inputs to PyTorch's order.
// Our layers flatten an input in the order (L, C), PyTorch's layers in the order (C, L).
std::int64_t flattened_input(const NetworkOptions& options, const std::string& name, std::int64_t i,
                             std::int64_t extent) {
  std::int64_t channels = 1;
  std::int64_t flattened = 0;
  if (options.model == "ecgnet" && name == "fc.weight") {
    channels = 4 * options.width;
    flattened = (extent - options.covariates) / channels * channels;  // without the 5/2 W states of the LSTM
  } else if (options.model == "bircnn" && name.find(".lstm.weight_ih_l0") != std::string::npos) {
    channels = options.width;
    flattened = extent;
  }
  return i < flattened ? i % channels * (flattened / channels) + i / channels : i;
}

constexpr std::size_t shown = 6;

// Joins the first few problems for an error message, with the number of the others.
std::string listed(std::vector<std::string> problems) {
  const std::size_t more = problems.size() - std::min(problems.size(), shown);
  problems.resize(problems.size() - more);
  return fmt::format("{}{}", fmt::join(problems, "; "), more > 0 ? fmt::format("; and {} more", more) : "");
}

// A tensor of the network with its layout and names in the state dict.
struct Entry {
  std::string name;
  Tensor value;
  TorchLayout layout;
  std::vector<std::string> our_names;  // by torch_names()
  std::vector<std::string> names;      // names in the state dict
  bool counted = false;                // the state dict also has its num_batches_tracked
};

std::vector<Entry> entries_of(Network& network, TensorNames naming) {
  const NetworkOptions& options = network.options();
  std::vector<Entry> entries;
  const auto add = [&](const std::string& name, const Shape& shape, const Tensor& value) {
    const std::vector<std::string> ours = torch_names(options, name);
    std::vector<std::string> names = ours;
    if (naming == TensorNames::released) {
      std::ranges::transform(names, names.begin(), released_name);
    }
    entries.push_back({name, value, torch_layout(options, name, shape), ours, std::move(names),
                       name.ends_with(".running_mean")});
  };
  for (const layers::Parameter& p : network.parameters().parameters()) {
    add(p.name, p.shape, p.value);
  }
  for (const layers::State& s : network.parameters().state()) {
    add(s.name, s.shape, s.value);
  }
  return entries;
}

}  // namespace

TorchLayout torch_layout(const NetworkOptions& options, const std::string& name, const Shape& ours) {
  const bool se_ecgnet = is_se_ecgnet(options);
  const std::int64_t c1 = options.width * options.leads;  // channels of the 1-D part
  const bool one_d = name.starts_with("block3_list");
  // Our 1-D channel h * C + c is PyTorch's c * H + h.
  const auto theirs = [&](std::int64_t channel) {
    return channel % options.width * options.leads + channel / options.width;
  };
  const auto map = [&](std::int64_t i, std::int64_t extent) {
    return se_ecgnet && one_d && extent == c1 ? theirs(i) : i;
  };
  const auto input = [&](std::int64_t i, std::int64_t extent) {
    if (!se_ecgnet) {
      return flattened_input(options, name, i, extent);
    }
    if (name != "fc.weight") {
      return map(i, extent);
    }
    // The inputs of the head are the features of branch 0, 1 and 2, then the covariates.
    return i < branches * c1 ? i / c1 * c1 + theirs(i % c1) : i;
  };
  TorchLayout layout;
  layout.from.reserve(static_cast<std::size_t>(ours.count()));
  if (ours.rank() == 1) {
    layout.shape = {ours[0]};
    for (std::int64_t i = 0; i < ours[0]; ++i) {
      layout.from.push_back(map(i, ours[0]));
    }
    return layout;
  }
  const bool convolution = ours.rank() == 3;
  const std::int64_t taps = convolution ? ours[0] : 1;
  const std::int64_t in = ours[-2];
  const std::int64_t out = ours[-1];
  layout.shape = {out, in};
  if (convolution && se_ecgnet && !one_d) {
    layout.shape.push_back(1);
  }
  if (convolution) {
    layout.shape.push_back(taps);
  }
  for (std::int64_t k = 0; k < taps; ++k) {
    for (std::int64_t i = 0; i < in; ++i) {
      for (std::int64_t o = 0; o < out; ++o) {
        layout.from.push_back((map(o, out) * in + input(i, in)) * taps + k);
      }
    }
  }
  return layout;
}

std::vector<std::string> torch_names(const NetworkOptions& options, const std::string& name) {
  const std::string first = ".0.downsample.";
  const std::size_t at = name.find(first);
  if (!is_se_ecgnet(options) || !options.tied || at == std::string::npos) {
    return {name};
  }
  std::vector<std::string> names;
  for (std::size_t block = 0; block < blocks_of_stage(name); ++block) {
    names.push_back(
        fmt::format("{}.{}.downsample.{}", name.substr(0, at), block, name.substr(at + first.size())));
  }
  return names;
}

std::string released_name(std::string name) {
  const auto replace = [&](const char* from, const char* to) {
    if (const std::size_t at = name.find(from); at != std::string::npos) {
      name.replace(at, std::strlen(from), to);
      return true;
    }
    return false;
  };
  if (name.starts_with("conv1.") || name.starts_with("bn1.")) {  // the stem
    replace("1.", ".");
    return name;
  }
  for (const char* layer : {"se", "se1", "se2"}) {
    std::string upper = layer;
    upper.replace(0, 2, "SE");
    replace(fmt::format(".{}.fc1.", layer).c_str(), fmt::format(".{}.excitation.0.", upper).c_str());
    replace(fmt::format(".{}.fc2.", layer).c_str(), fmt::format(".{}.excitation.2.", upper).c_str());
  }
  replace(".downsample.bn.", ".downsample.0.");
  replace(".downsample.conv.", ".downsample.2.");
  if (name.starts_with("block3_list.")) {  // 1-D blocks go on counting where those of the 2-D part end
    for (const char* layer : {"bn", "conv"}) {
      for (const int number : {4, 3, 2}) {
        if (replace(fmt::format(".{}{}.", layer, number).c_str(),
                    fmt::format(".{}{}.", layer, number + 2).c_str())) {
          break;
        }
      }
    }
  }
  return name;
}

TensorNames names_in(const io::SafetensorsFile& dict) {
  return dict.tensors.contains("conv.weight") ? TensorNames::released : TensorNames::ours;
}

SeEcgNetOptions options_of(const io::SafetensorsFile& dict, const std::string& file, std::int64_t length) {
  const bool released = names_in(dict) == TensorNames::released;
  const auto shape = [&](const std::string& ours, std::size_t rank) -> const std::vector<std::int64_t>& {
    const std::string name = released ? released_name(ours) : ours;
    const auto found = dict.tensors.find(name);
    require(found != dict.tensors.end(), "{}: not a state dict of SE-ECGNet: missing {}", file, name);
    const std::vector<std::int64_t>& extents = found->second.shape;
    require(extents.size() == rank && std::ranges::count(extents, 0) == 0,
            "{}: not a state dict of SE-ECGNet: {} is {}, expected {} axes", file, name, text(found->second),
            rank);
    return extents;
  };
  SeEcgNetOptions options;
  options.length = length;
  options.width = shape("conv1.weight", 4)[0];
  const std::int64_t c1 = shape("block3_list.0.0.bn1.weight", 1)[0];
  const std::vector<std::int64_t>& head = shape("fc.weight", 2);
  require(c1 % options.width == 0,
          "{}: not a state dict of SE-ECGNet: block3_list has {} channels, expected a multiple of the {} of "
          "conv1",
          file, c1, options.width);
  options.leads = c1 / options.width;
  options.classes = head[0];
  options.covariates = head[1] - branches * c1;
  require(options.covariates >= 0,
          "{}: not a state dict of SE-ECGNet: fc.weight is {}, expected at least {} inputs", file,
          text(dict.at("fc.weight")), branches * c1);
  // The downsamples are tied if no copy differs from the first of its stage. In the released code they always are.
  options.tied = released || std::ranges::all_of(dict.tensors, [&](const auto& entry) {
                   SeEcgNetOptions tied;
                   const std::vector<std::string> names = torch_names(tied, entry.first);
                   return std::ranges::all_of(names, [&](const std::string& name) {
                     const auto copy = dict.tensors.find(name);
                     return copy == dict.tensors.end() || copy->second.bytes == entry.second.bytes;
                   });
                 });
  return options;
}

void require_usable(const std::string& file, const std::string& name, std::span<const float> values) {
  const auto bad = std::ranges::find_if_not(values, [](float value) { return std::isfinite(value); });
  require(bad == values.end(), "{}: {}[{}] is {}, expected finite weights", file, name, bad - values.begin(),
          bad == values.end() ? 0.0F : *bad);
  if (name.ends_with("running_var")) {
    const auto negative = std::ranges::find_if(values, [](float value) { return value < 0; });
    require(negative == values.end(), "{}: {}[{}] is {}, expected a variance of 0 or more", file, name,
            negative - values.begin(), negative == values.end() ? 0.0F : *negative);
  }
}

BatchCounts load_state_dict(const io::SafetensorsFile& dict, const std::string& file, Network& network,
                            Stream& stream) {
  const TensorNames naming = names_in(dict);
  const std::vector<Entry> entries = entries_of(network, naming);
  std::vector<std::string> problems;
  std::set<std::string> known;
  // Returns the tensor if it exists with this type and shape; otherwise notes a problem.
  const auto find = [&](const std::string& name, io::StoredType type,
                        const std::vector<std::int64_t>& shape) -> const io::StoredTensor* {
    known.insert(name);
    const auto found = dict.tensors.find(name);
    if (found == dict.tensors.end()) {
      problems.push_back("missing " + name);
      return nullptr;
    }
    const bool fits =
        found->second.type == type || (type == io::StoredType::f32 && found->second.has_floats());
    if (!fits || found->second.shape != shape) {
      problems.push_back(fmt::format("{} is {}, expected {} ({})", name, text(found->second),
                                     io::name_of(type), fmt::join(shape, ", ")));
      return nullptr;
    }
    return &found->second;
  };
  BatchCounts counts;
  for (const Entry& entry : entries) {
    const io::StoredTensor* first = nullptr;
    for (const std::string& name : entry.names) {
      const io::StoredTensor* tensor = find(name, io::StoredType::f32, entry.layout.shape);
      first = first == nullptr ? tensor : first;
      if (tensor != nullptr && tensor->bytes != first->bytes) {
        problems.push_back(
            fmt::format("{} differs from {}, expected copies of one tied tensor", name, entry.names.front()));
      }
      if (entry.counted) {
        const io::StoredTensor* count = find(count_name(name), io::StoredType::i64, {});
        if (count != nullptr) {
          counts[count_name(entry.our_names[&name - entry.names.data()])] = count->as<std::int64_t>(name)[0];
        }
      }
    }
  }
  for (const auto& [name, tensor] : dict.tensors) {
    if (!known.contains(name)) {
      problems.push_back("unknown " + name);
    }
  }
  require(problems.empty(), "{}: does not fit this network: {}", file, listed(problems));
  for (const Entry& entry : entries) {
    const std::string& name = entry.names.front();
    require_usable(file, name, dict.at(name).floats(name));
  }
  for (const Entry& entry : entries) {
    const std::vector<float> theirs = dict.at(entry.names.front()).floats(entry.name);
    std::vector<float> ours(theirs.size());
    for (std::size_t i = 0; i < ours.size(); ++i) {
      ours[i] = theirs[entry.layout.from[i]];
    }
    Tensor value = entry.value;
    value.assign(stream, std::span<const float>(ours));
  }
  return counts;
}

io::SafetensorsFile to_state_dict(Network& network, const BatchCounts& counts, Stream& stream,
                                  TensorNames names) {
  if (names == TensorNames::released) {
    require(is_se_ecgnet(network.options()), "released names: only SE-ECGNet has them");
    require(
        network.options().tied,
        "released names: the blocks of a stage have separate downsamples here (network.tied = false), but share "
        "one in the released code, which would load the last of them into all");
  }
  io::SafetensorsFile dict;
  dict.metadata["format"] = "pt";  // PyTorch's loaders expect this entry
  for (const Entry& entry : entries_of(network, names)) {
    const std::vector<float> ours = entry.value.to_vector(stream);
    std::vector<float> theirs(ours.size());
    for (std::size_t i = 0; i < ours.size(); ++i) {
      theirs[entry.layout.from[i]] = ours[i];
    }
    for (std::size_t i = 0; i < entry.names.size(); ++i) {
      const std::string& name = entry.names[i];
      dict.tensors[name] = io::StoredTensor::of<float>(entry.layout.shape, std::span<const float>(theirs));
      if (entry.counted) {
        const auto found = counts.find(count_name(entry.our_names[i]));
        const std::vector<std::int64_t> count = {found == counts.end() ? 0 : found->second};
        dict.tensors[count_name(name)] = io::StoredTensor::of<std::int64_t>({}, std::span(count));
      }
    }
  }
  return dict;
}

}  // namespace sec::model

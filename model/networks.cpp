#include "model/networks.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "model/baselines.h"

namespace sec::model {
namespace {

template <typename T>
std::unique_ptr<Network> make(const NetworkOptions& options, Stream& stream, std::uint64_t seed) {
  return std::make_unique<T>(options, stream, seed);
}

template <typename T>
std::unique_ptr<Network> describe(const NetworkOptions& options) {
  return std::make_unique<T>(options);
}

struct Known {
  const char* model;
  const char* title;
  std::int64_t width;  // channels in the released model
  double dropout;
  std::unique_ptr<Network> (*make)(const NetworkOptions&, Stream&, std::uint64_t);
  std::unique_ptr<Network> (*describe)(const NetworkOptions&);
};
constexpr std::array<Known, 4> known = {
    {{"se-ecgnet", "SE-ECGNet", 32, 0.2, make<SeEcgNet>, describe<SeEcgNet>},
     {"resnet34", "ResNet34-1d", 64, 0.2, make<ResNet34>, describe<ResNet34>},
     {"ecgnet", "ECGNet", 16, 0.1, make<EcgNet>, describe<EcgNet>},
     {"bircnn", "BiRCNN", 128, 0.5, make<BiRcnn>, describe<BiRcnn>}}};

const Known& find(const std::string& model) {
  const auto* const found = std::ranges::find(known, model, &Known::model);
  require(found != known.end(), "unknown network \"{}\"; known are {}", model,
          fmt::join(network_models(), ", "));
  return *found;
}

}  // namespace

std::vector<std::string> network_models() {
  std::vector<std::string> names;
  std::ranges::transform(known, std::back_inserter(names), &Known::model);
  return names;
}

std::string network_title(const std::string& model) {
  return find(model).title;
}

NetworkOptions released_options(const std::string& model) {
  const Known& network = find(model);
  NetworkOptions options;
  options.model = network.model;
  options.width = network.width;
  options.dropout = network.dropout;
  return options;
}

std::string network_titled(const std::string& title, const std::string& what) {
  const auto* const found =
      std::ranges::find(known, title, [](const Known& k) { return std::string(k.title); });
  require(found != known.end(), "{}: holds a network \"{}\" that is not known here", what, title);
  return found->model;
}

std::unique_ptr<Network> make_network(const NetworkOptions& options, Stream& stream, std::uint64_t seed) {
  return find(options.model).make(options, stream, seed);
}

std::unique_ptr<Network> describe_network(const NetworkOptions& options) {
  return find(options.model).describe(options);
}

}  // namespace sec::model

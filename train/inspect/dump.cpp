#include "train/inspect/dump.h"

#include <algorithm>
#include <bit>
#include <system_error>

#include "engine/error.h"
#include "io/files/atomic_file.h"
#include "io/files/json.h"
#include "io/tables/npy_header.h"

namespace sec::train {
namespace {

namespace fs = std::filesystem;

std::vector<std::int64_t> extents_of(const Shape& shape) {
  std::vector<std::int64_t> extents;
  for (int axis = 0; axis < shape.rank(); ++axis) {
    extents.push_back(shape[axis]);
  }
  return extents;
}

void make_folder(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  require(!error, "{}: cannot make the folder: {}", folder.string(), error.message());
}

void write_array(const fs::path& path, const Shape& shape, const std::vector<float>& values) {
  static_assert(std::endian::native == std::endian::little);
  const std::string header = io::npy_header_text(io::NpyType::f32, extents_of(shape));
  const std::string_view bytes(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float));
  const std::string_view pieces[] = {header, bytes};
  io::write_atomically(path, pieces);
}

}  // namespace

void dump(const Observation& observation, layers::ParameterSet& parameters, Stream& stream,
          const fs::path& folder) {
  for (const char* part : {"activations", "gradients", "parameters"}) {
    make_folder(folder / part);
  }
  io::Json nodes = io::Json::array();
  for (const ObservedNode& node : observation.nodes) {
    write_array(folder / "activations" / (node.name + ".npy"), node.shape, node.values);
    if (!node.gradient.empty()) {
      write_array(folder / "gradients" / (node.name + ".npy"), node.shape, node.gradient);
    }
    std::vector<std::string> inputs;
    std::ranges::transform(node.inputs, std::back_inserter(inputs),
                           [&](int i) { return observation.nodes[static_cast<std::size_t>(i)].name; });
    nodes.push_back({{"name", node.name},
                     {"operation", node.operation},
                     {"inputs", inputs},
                     {"shape", extents_of(node.shape)},
                     {"has_gradient", !node.gradient.empty()}});
  }
  for (const layers::Parameter& parameter : parameters.parameters()) {
    write_array(folder / "parameters" / (parameter.name + ".npy"), parameter.shape,
                parameter.gradient.to_vector(stream));
  }
  io::write_atomically(folder / "nodes.json", nodes.dump(1) + "\n");
}

}  // namespace sec::train

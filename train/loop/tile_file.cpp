#include "train/loop/tile_file.h"

#include <fmt/ranges.h>
#include <toml++/toml.h>

#include <algorithm>
#include <array>
#include <sstream>

#include "engine/device_model.h"
#include "engine/error.h"
#include "io/files/read_file.h"
#include "kernels/cuda/conv_versions.h"

namespace sec::train {
namespace {

using kernels::ConvPass;
using kernels::ConvShape;
using kernels::ConvTask;
using kernels::ConvTiles;

constexpr std::array passes = {std::pair{"forward", ConvPass::forward}, std::pair{"dgrad", ConvPass::dgrad},
                               std::pair{"wgrad", ConvPass::wgrad}};
constexpr std::int64_t most_extent = 1 << 30;

bool tensor_computes(const ConvTask& task) {
  const DType type = activations_in(task.arithmetic);
  ConvShape shape = task.shape;
  shape.n = 1;                                                                // holds for any batch size
  return kernels::simt::conv_versions().supports(4, task.pass, shape, type);  // the same answer as on cuda
}

// One line of the file.
class Line {
 public:
  Line(const toml::table& table, std::string file) : table_(table), file_(std::move(file)) {}

  template <typename... Arguments>
  [[noreturn]] void wrong(const toml::node& node, fmt::format_string<Arguments...> text,
                          Arguments&&... arguments) const {
    fail("{}:{}: {}", file_, node.source().begin.line,
         fmt::format(text, std::forward<Arguments>(arguments)...));
  }
  template <typename... Arguments>
  [[noreturn]] void wrong(fmt::format_string<Arguments...> text, Arguments&&... arguments) const {
    wrong(table_, text, std::forward<Arguments>(arguments)...);
  }

  std::string text(const char* key) {
    const toml::node& node = at(key);
    const auto value = node.value_exact<std::string>();
    if (!value) {
      wrong(node, "{}: expected a string", key);
    }
    return *value;
  }
  std::int64_t number(const char* key, std::int64_t least, std::int64_t most) {
    const toml::node& node = at(key);
    const auto value = node.value_exact<std::int64_t>();
    if (!value || *value < least || *value > most) {
      wrong(node, "{}: expected a whole number from {} to {}", key, least, most);
    }
    return *value;
  }
  int one_of(const char* key, const std::vector<int>& choices) {
    const toml::node& node = at(key);
    const auto value = node.value_exact<std::int64_t>();
    if (!value || std::find(choices.begin(), choices.end(), *value) == choices.end()) {
      wrong(node, "{}: expected one of {}", key, fmt::join(choices, ", "));
    }
    return static_cast<int>(*value);
  }
  const toml::node& at(const char* key) {
    const toml::node* const node = table_.get(key);
    if (node == nullptr) {
      wrong("{} is missing", key);
    }
    known_.emplace_back(key);
    return *node;
  }
  // Throws Error on keys that were not read. Call it after reading all known keys.
  void expect_no_more() const {
    for (const auto& [key, node] : table_) {
      const std::string name(key.str());
      if (std::find(known_.begin(), known_.end(), name) == known_.end()) {
        wrong(node, "unknown key {}; known are {}", name, fmt::join(known_, ", "));
      }
    }
  }

 private:
  const toml::table& table_;
  std::string file_;
  std::vector<std::string> known_;
};

std::pair<ConvTask, ConvTiles> read_choice(Line line, ConvPass pass) {
  const std::string precision = line.text("precision");
  ConvTask task{};
  task.pass = pass;
  bool found = false;
  for (const Precision one : {Precision::f32, Precision::tf32, Precision::bf16}) {
    if (precision == name_of(one)) {
      task.arithmetic = one;
      found = true;
    }
  }
  if (!found) {
    line.wrong(line.at("precision"), "precision: expected f32, tf32 or bf16, got '{}'", precision);
  }
  const auto extent = [&](const char* key) { return line.number(key, 1, most_extent); };
  ConvShape& s = task.shape;
  s.c_in = extent("c_in");
  s.c_out = extent("c_out");
  s.k = extent("k");
  s.stride = extent("stride");
  s.pad = line.number("pad", 0, most_extent);
  s.h = extent("leads");
  s.l = extent("length");
  if (pass != ConvPass::forward) {
    s.n = extent("samples");
  }
  if (s.l + 2 * s.pad < s.k) {
    line.wrong("k: the padded input is shorter than the kernel");
  }
  const bool tensor = on_tensor_cores(task);
  if (task.arithmetic == Precision::tf32 && !tensor) {
    line.wrong("no kernel computes this shape in tf32; f32 does");
  }
  ConvTiles tiles = kernels::built_in_tiles(pass, s);
  if (pass == ConvPass::wgrad) {
    tiles.part_tiles = static_cast<int>(line.number("part_tiles", 1, most_part_tiles));
    tiles.most_blocks = static_cast<int>(line.number("most_blocks", 1, most_wgrad_blocks));
  } else {
    tiles.columns = line.one_of("columns", tile_columns());
    if (tensor) {
      tiles.rows = line.one_of("rows", tile_rows());
      if (const int most = kernels::most_tile_rows(tiles.columns); tiles.rows > most) {
        line.wrong("rows: expected at most {} with {} columns", most, tiles.columns);
      }
    }
  }
  line.expect_no_more();
  return {task, tiles};
}

std::string shape_text(const ConvTask& task) {
  const ConvShape& s = task.shape;
  return fmt::format(
      "precision = \"{}\", c_in = {}, c_out = {}, k = {}, stride = {}, pad = {}, leads = {}, length = {}{}",
      name_of(task.arithmetic), s.c_in, s.c_out, s.k, s.stride, s.pad, s.h, s.l,
      task.pass == ConvPass::forward ? "" : fmt::format(", samples = {}", s.n));
}

std::string tiles_text(const ConvTask& task, const ConvTiles& tiles) {
  if (task.pass == ConvPass::wgrad) {
    return fmt::format("part_tiles = {}, most_blocks = {}", tiles.part_tiles, tiles.most_blocks);
  }
  return fmt::format("columns = {}{}", tiles.columns,
                     on_tensor_cores(task) ? fmt::format(", rows = {}", tiles.rows) : "");
}

std::string quoted(const std::string& text) {
  std::ostringstream out;
  out << toml::value<std::string>(text);
  return out.str();
}

// Reads a tile file for `device`; empty: for any device.
TileFile read(const std::filesystem::path& path, const std::string& device) {
  const std::string name = path.string();
  toml::table table;
  try {
    table = toml::parse(io::read_file(path, 16 << 20), name);
  } catch (const toml::parse_error& error) {
    fail("{}:{}: {}", name, error.source().begin.line, error.description());
  }
  Line top(table, name);
  TileFile file;
  file.device = top.text("device");
  if (!device.empty() && file.device != device) {
    top.wrong(top.at("device"), "the tiles were measured on '{}', this is '{}'", file.device, device);
  }
  file.measured = top.text("measured");
  for (const auto& [pass_name, pass] : passes) {
    const toml::node& node = top.at(pass_name);
    const toml::array* const lines = node.as_array();
    if (lines == nullptr) {
      top.wrong(node, "{}: expected a list of tables", pass_name);
    }
    for (const toml::node& one : *lines) {
      const toml::table* const entry = one.as_table();
      if (entry == nullptr) {
        top.wrong(one, "{}: expected a list of tables", pass_name);
      }
      if (!file.choices.insert(read_choice(Line(*entry, name), pass)).second) {
        top.wrong(one, "{}: this shape is listed twice", pass_name);
      }
    }
  }
  top.expect_no_more();
  return file;
}

}  // namespace

const std::vector<int>& tile_columns() {
  static const std::vector<int> values = {32, 64};
  return values;
}

const std::vector<int>& tile_rows() {
  static const std::vector<int> values = {32, 64, 96, 128, 160, 256};
  return values;
}

bool on_tensor_cores(const ConvTask& task) {
  return task.arithmetic != Precision::f32 && tensor_computes(task);
}

TileFile read_tile_file(const std::filesystem::path& path) {
  return read(path, "");
}

std::string tile_file_text(const TileFile& file, const std::map<ConvTask, std::string>& notes) {
  std::string text = fmt::format("device = {}\nmeasured = {}\n", quoted(file.device), quoted(file.measured));
  for (const auto& [pass_name, pass] : passes) {
    text += fmt::format("\n{} = [\n", pass_name);
    for (const auto& [task, tiles] : file.choices) {
      if (task.pass == pass) {
        const auto note = notes.find(task);
        text += fmt::format("  {{{}, {}}},{}\n", shape_text(task), tiles_text(task, tiles),
                            note == notes.end() ? "" : "  # " + note->second);
      }
    }
    text += "]\n";
  }
  return text;
}

void use_tile_file(const std::filesystem::path& path, Device device) {
  require(device != Device::cpu, "--tiles {}: the cpu device has no tiles to choose; cuda and simt have",
          path.string());
  kernels::use_tiles(read(path, model_of(device)).choices);
}

}  // namespace sec::train

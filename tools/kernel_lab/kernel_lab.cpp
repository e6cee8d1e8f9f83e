// kernel_lab runs one version of the convolution kernels on a small input, on the simt device.
// Its kernels are compiled without optimisation: gdb shows every variable (docs/simt.md). --trace writes a page that
// shows step by step what a block does.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <sstream>

#include "io/files/atomic_file.h"
#include "tools/kernel_lab/experiment.h"
#include "tools/kernel_lab/page_data.h"
#include "tools/page/page.h"
#include "tools/usage_error.h"

namespace {

using namespace sec;

// Whole numbers that are separated by `separator`; all of `text` must be used.
std::vector<std::int64_t> numbers_in(const std::string& text, char separator) {
  std::vector<std::int64_t> numbers;
  std::istringstream in(text);
  for (std::int64_t number = 0; in >> number;) {
    numbers.push_back(number);
    if (in.peek() == EOF) {
      return numbers;
    }
    if (in.get() != separator) {
      break;
    }
  }
  return {};
}

struct Options {
  std::string version = "tiled";
  std::string pass = "forward";
  std::string type = "f32";
  std::string shape = "1x80x2x16x32";
  std::int64_t taps = 3;
  std::int64_t stride = 1;
  std::optional<std::int64_t> pad;
  std::string block = "0,0,0";
  unsigned thread = 0;
  std::filesystem::path trace;
  std::filesystem::path json;
};

std::size_t index_of(const std::string& word, const std::vector<std::string>& words) {
  return static_cast<std::size_t>(std::find(words.begin(), words.end(), word) - words.begin());
}

const std::vector<std::string> pass_names{"forward", "dgrad", "wgrad"};

lab::Experiment experiment_of(const Options& options) {
  lab::Experiment experiment;
  experiment.version = static_cast<int>(index_of(options.version, lab::version_names)) + 1;
  experiment.pass = static_cast<kernels::ConvPass>(index_of(options.pass, pass_names));
  experiment.type = options.type == "f32" ? DType::f32 : DType::bf16;
  const std::vector<std::int64_t> extents = numbers_in(options.shape, 'x');
  const bool are_sizes =
      std::all_of(extents.begin(), extents.end(), [](std::int64_t e) { return e > 0 && e <= 4096; });
  require(extents.size() == 5 && are_sizes,
          "--shape '{}': expected NxLxHxCIxCO, five numbers from 1 to 4096, such as 1x80x2x16x32",
          options.shape);
  kernels::ConvShape& s = experiment.shape;
  s = {.n = extents[0],
       .l = extents[1],
       .h = extents[2],
       .c_in = extents[3],
       .c_out = extents[4],
       .k = options.taps,
       .stride = options.stride,
       .pad = options.pad.value_or(options.taps / 2)};
  require(s.l + 2 * s.pad >= s.k, "--shape '{}': its {} steps and a padding of {} are fewer than {} taps",
          options.shape, s.l, s.pad, s.k);
  require(
      s.macs() <= 20'000'000,
      "--shape '{}': {} multiplications are too many for kernels without optimisation; at most 20 million",
      options.shape, s.macs());
  return experiment;
}

int run(const Options& options) {
  const lab::Experiment experiment = experiment_of(options);
  const bool records = !options.trace.empty() || !options.json.empty();
  const std::vector<std::int64_t> at = numbers_in(options.block, ',');
  require(!at.empty() && at.size() <= 3 &&
              std::all_of(at.begin(), at.end(), [](std::int64_t i) { return i >= 0 && i < 65536; }),
          "--block '{}': expected X, X,Y or X,Y,Z, counted from 0", options.block);
  std::array<unsigned, 3> block{};
  std::copy(at.begin(), at.end(), block.begin());

  const lab::Outcome outcome = lab::run(experiment, records ? &block : nullptr);
  for (const lab::Launch& launch : outcome.trace.launches) {
    fmt::print("{}, in {}\n  grid ({}), block ({}), {} bytes of shared memory\n", launch.kernel, launch.file,
               fmt::join(launch.grid, ", "), fmt::join(launch.block, ", "), launch.shared_bytes);
  }
  for (const lab::Operand& operand : outcome.operands) {
    fmt::print("{} ({}){}", operand.name, fmt::join(operand.shape, ", "),
               &operand == &outcome.operands.back() ? "\n" : ", ");
  }
  fmt::print("{} of plain loops in double precision: the largest difference is {:.2g} of {:.2g} allowed\n",
             outcome.equal ? "equals the result" : "DIFFERS FROM the result", outcome.difference,
             outcome.tolerance);
  if (records) {
    const std::string data = lab::page_data(experiment, outcome, options.thread);
    if (!options.json.empty()) {
      io::write_atomically(options.json, data);
    }
    if (!options.trace.empty()) {
      const std::string title = fmt::format(
          "{}, step by step", outcome.trace.launches[static_cast<std::size_t>(outcome.trace.launch)].kernel);
      std::string escaped;
      for (const char c : title) {
        escaped += c == '<' ? "&lt;" : std::string(1, c);
      }
      io::write_atomically(options.trace, tools::page_of(escaped, data));
      fmt::print("{}: {} steps of block ({})\n", options.trace.string(), outcome.trace.events.size(),
                 fmt::join(outcome.trace.block, ", "));
    }
  }
  return outcome.equal ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app;
  app.description(
      "Runs one version of the convolution kernels on a small input, on the simt device, and compares the\n"
      "result with plain loops. Its kernels are compiled without optimisation, for gdb. See docs/simt.md.");
  app.footer(
      "Examples:\n"
      "  kernel_lab --version tensor --type bf16\n"
      "  kernel_lab --version tiled --trace page.html\n"
      "  kernel_lab --version blocked --pass dgrad --shape 2x40x1x8x32 --taps 5 --block 1 --trace page.html\n"
      "Exit status: 0 done, 1 failed or the result is wrong, 2 wrong usage.");
  Options options;
  const auto choice = [&](const char* name, std::string& value, const std::vector<std::string>& values,
                          const char* help) {
    app.add_option(name, value, help)->check(CLI::IsMember(values))->capture_default_str();
  };
  choice("--version", options.version, lab::version_names,
         "Version of the kernels (kernels/cuda/conv_versions.h)");
  choice("--pass", options.pass, pass_names, "The pass; dgrad: gradient of the input, wgrad: of the weights");
  choice("--type", options.type, {"f32", "bf16"}, "Type of x and y; version tensor computes f32 in TF32");
  app.add_option("--shape", options.shape, "Samples x steps x leads x input channels x output channels")
      ->capture_default_str();
  app.add_option("--taps", options.taps, "Length of the convolution")
      ->check(CLI::Range(1, 255))
      ->capture_default_str();
  app.add_option("--stride", options.stride, "Steps from one output to the next")
      ->check(CLI::Range(1, 255))
      ->capture_default_str();
  app.add_option("--pad", options.pad,
                 "Zeros before the first step and after the last; default: half the taps")
      ->check(CLI::Range(0, 255));
  app.add_option("--block", options.block, "The block that the page shows: X, X,Y or X,Y,Z")
      ->capture_default_str();
  app.add_option("--thread", options.thread, "The thread of the block that the page marks first")
      ->check(CLI::Range(0, 1023))
      ->capture_default_str();
  app.add_option("--trace", options.trace, "Write a page that shows the block step by step");
  app.add_option("--json", options.json, "Write the page's data");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return tools::usage_error(app, error, "kernel_lab");
  }
  try {
    return run(options);
  } catch (const std::exception& error) {
    fmt::print(stderr, "kernel_lab: {}\n", error.what());
    return 1;
  }
}

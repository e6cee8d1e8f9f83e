#include "tools/kernel_lab/page_data.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>
#include <span>
#include <string_view>

#include "io/files/json.h"
#include "io/files/read_file.h"
#include "tools/kernel_lab/frames.h"

namespace sec::lab {
namespace {

using io::Json;

constexpr std::array kind_names{"global load", "global store", "shared load", "shared store", "copy",
                                "copy source", "copy arrives", "barrier",     "collective",   "product"};

// A list of integers as arithmetic series: [first, step, count, first, step, count, ...].
Json series_of(std::span<const std::int64_t> values) {
  Json::Array series;
  for (std::size_t i = 0; i < values.size();) {
    const std::int64_t step = i + 1 < values.size() ? values[i + 1] - values[i] : 0;
    std::size_t end = i + 1;
    while (end < values.size() && values[end] - values[end - 1] == step) {
      ++end;
    }
    series.emplace_back(values[i]);
    series.emplace_back(step);
    series.emplace_back(end - i);
    i = end;
  }
  return series;
}

// The shortest text that names an f32, as a number.
Json number(float value) {
  return Json(std::stod(fmt::format("{:.6g}", value)));
}

Json numbers(const std::vector<float>& values) {
  Json::Array array;
  for (const float value : values) {
    array.push_back(number(value));
  }
  return array;
}

template <typename T>
Json list(const T& values) {
  Json::Array array;
  for (const auto& value : values) {
    array.emplace_back(value);
  }
  return array;
}

Json counts_of(const Totals& totals) {
  const auto global = [](const Counts& c) {
    return Json{{"requests", c.requests},
                {"bytes", c.bytes},
                {"sectors", c.sectors},
                {"least", c.least_sectors},
                {"block_sectors", c.block_sectors}};
  };
  const auto shared = [](const Counts& c) {
    return Json{
        {"requests", c.requests}, {"bytes", c.bytes}, {"passes", c.passes}, {"least", c.least_passes}};
  };
  return {{"loads", global(totals.loads)},
          {"stores", global(totals.stores)},
          {"shared_loads", shared(totals.shared_loads)},
          {"shared_stores", shared(totals.shared_stores)},
          {"tensor_operations", totals.tensor_operations}};
}

Json event_of(const Event& event) {
  Json::Object object{
      {"k", static_cast<int>(event.kind)}, {"w", event.warp}, {"p", event.place}, {"m", event.lanes}};
  const auto add = [&](const char* name, Json value) { object.emplace_back(name, std::move(value)); };
  if (!event.at.empty()) {
    add("a", event.array);
    add("b", event.bytes);
    add("o", series_of(event.at));
  }
  if (!event.from.empty()) {
    add("f", event.from_array);
    add("g", series_of(event.from));
  }
  if (!event.content.empty()) {
    add("c", series_of(event.content));
  }
  if (event.sectors > 0) {
    add("s", event.sectors);
    add("l", event.least_sectors);
  }
  if (event.passes > 0) {
    add("q", event.passes);
    add("z", event.least_passes);
  }
  if (!event.name.empty()) {
    add("n", event.name);
  }
  if (event.a >= 0) {
    add("x", event.a);
    add("y", event.b);
    Json::Array sums;
    for (const float value : event.d) {
      sums.push_back(Json(std::stod(fmt::format("{:.4g}", value))));
    }
    add("d", sums);
  }
  return object;
}

std::string base_name(const std::string& path) {
  return path.substr(path.rfind('/') + 1);
}

// The source files of the kernel's folder, or of a test, that frames lie in; the launching file first.
std::vector<std::string> sources_of(const Trace& trace, const std::vector<std::vector<Frame>>& frames) {
  const std::string& main = trace.launches.at(static_cast<std::size_t>(trace.launch)).file;
  std::vector<std::string> paths;
  for (const auto& place : frames) {
    for (const Frame& frame : place) {
      const bool is_kernel =
          frame.file.find("/kernels/cuda/") != std::string::npos || base_name(frame.file) == main;
      if (is_kernel && std::find(paths.begin(), paths.end(), frame.file) == paths.end()) {
        paths.push_back(frame.file);
      }
    }
  }
  std::stable_partition(paths.begin(), paths.end(),
                        [&](const std::string& path) { return base_name(path) == main; });
  return paths;
}

}  // namespace

std::string page_data(const Experiment& experiment, const Outcome& outcome, unsigned thread) {
  const Trace& trace = outcome.trace;
  const Launch& launch = trace.launches.at(static_cast<std::size_t>(trace.launch));
  const unsigned threads = launch.block[0] * launch.block[1] * launch.block[2];
  require(thread < threads, "--thread {}: the block has {} threads", thread, threads);
  const auto frames = frames_of(trace);
  const std::vector<std::string> paths = sources_of(trace, frames);

  Json::Array sources;
  for (const std::string& path : paths) {
    sources.push_back(Json{{"file", base_name(path)}, {"text", io::read_file(path, 1'000'000)}});
  }
  Json::Array places;
  for (const auto& place : frames) {
    Json::Array one;
    for (const Frame& frame : place) {
      const auto found = std::find(paths.begin(), paths.end(), frame.file);
      one.push_back(Json(Json::Array{found == paths.end() ? Json(-1) : Json(found - paths.begin()),
                                     Json(frame.line), Json(frame.function), Json(base_name(frame.file))}));
    }
    places.emplace_back(std::move(one));
  }
  Json::Array arrays;
  for (std::size_t i = 0; i < trace.arrays.size(); ++i) {
    const Array& array = trace.arrays[i];
    Json one{{"name", array.name},
             {"shared", array.is_shared},
             {"bytes", array.bytes},
             {"element", array.element},
             {"shape", list(array.shape)}};
    if (i < outcome.operands.size()) {
      one["values"] = numbers(outcome.operands[i].values);
    }
    arrays.push_back(std::move(one));
  }
  Json::Array events;
  for (const Event& event : trace.events) {
    events.push_back(event_of(event));
  }
  Json::Array fragments;
  for (const auto& fragment : trace.fragments) {
    fragments.push_back(series_of(fragment));
  }
  Json::Array launches;
  for (const Launch& one : trace.launches) {
    launches.emplace_back(one.kernel);
  }
  const kernels::ConvShape& s = experiment.shape;
  constexpr std::array passes{"forward", "dgrad", "wgrad"};
  const Json data{
      {"format", 1},
      {"kernel", launch.kernel},
      {"file", launch.file},
      {"version", version_names.at(static_cast<std::size_t>(experiment.version - 1))},
      {"pass", passes.at(static_cast<std::size_t>(experiment.pass))},
      {"type", name_of(experiment.type)},
      {"shape",
       {{"n", s.n},
        {"l", s.l},
        {"h", s.h},
        {"c_in", s.c_in},
        {"c_out", s.c_out},
        {"k", s.k},
        {"stride", s.stride},
        {"pad", s.pad},
        {"l_out", s.l_out()}}},
      {"grid", list(launch.grid)},
      {"block", list(launch.block)},
      {"chosen", list(trace.block)},
      {"thread", thread},
      {"shared_bytes", launch.shared_bytes},
      {"launches", launches},
      {"result",
       {{"difference", outcome.difference}, {"tolerance", outcome.tolerance}, {"equal", outcome.equal}}},
      {"kinds", list(kind_names)},
      {"counts", {{"block", counts_of(trace.block_totals)}, {"launch", counts_of(trace.launch_totals)}}},
      {"arrays", arrays},
      {"sources", sources},
      {"places", places},
      {"fragments", fragments},
      {"events", events}};
  return data.dump();
}

}  // namespace sec::lab

#include "tools/kernel_lab/frames.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <map>
#include <string_view>

#include "engine/error.h"
#include "engine/load_bias.h"

namespace sec::lab {
namespace {

std::string read_line(FILE* from) {
  std::string line;
  for (int c = 0; (c = std::fgetc(from)) != EOF && c != '\n';) {
    line += static_cast<char>(c);
  }
  return line;
}

// The name of a function without its namespaces, arguments and template arguments.
std::string short_name(std::string_view name) {
  constexpr std::string_view hidden = "(anonymous namespace)::";
  std::string plain;
  for (std::size_t i = 0; i < name.size(); ++i) {
    if (name.substr(i).starts_with(hidden)) {
      i += hidden.size() - 1;
    } else {
      plain += name[i];
    }
  }
  if (plain.find("{lambda") != std::string::npos) {
    return "lambda";
  }
  int depth = 0;
  std::string flat;
  for (const char c : plain) {
    depth -= c == '>' ? 1 : 0;
    if (c == '(' && depth == 0) {
      break;
    }
    if (depth == 0 && c != '<' && c != '>') {
      flat += c;
    }
    depth += c == '<' ? 1 : 0;
  }
  const std::size_t scope = flat.rfind("::");
  flat = scope == std::string::npos ? flat : flat.substr(scope + 2);
  return flat.substr(flat.rfind(' ') == std::string::npos ? 0 : flat.rfind(' ') + 1);
}

}  // namespace

std::vector<std::vector<Frame>> frames_of(const Trace& trace) {
  std::map<std::uintptr_t, Frame> frames;
  for (const auto& place : trace.places) {
    for (const std::uintptr_t address : place) {
      frames[address] = {};
    }
  }
  const std::uintptr_t bias = load_bias();
  std::vector<std::uintptr_t> addresses;
  for (const auto& [address, frame] : frames) {
    addresses.push_back(address);
  }
  constexpr std::size_t at_once = 2000;
  for (std::size_t begin = 0; begin < addresses.size(); begin += at_once) {
    const std::size_t end = std::min(addresses.size(), begin + at_once);
    std::string command = fmt::format("addr2line -f -C -e /proc/{}/exe", getpid());
    for (std::size_t i = begin; i < end; ++i) {
      command += fmt::format(" {:#x}", addresses[i] - bias - 1);  // inside the call
    }
    FILE* const answer = popen(command.c_str(), "r");
    require(answer != nullptr, "addr2line cannot be run");
    for (std::size_t i = begin; i < end; ++i) {
      Frame& frame = frames[addresses[i]];
      frame.function = short_name(read_line(answer));
      std::string place = read_line(answer);  // "/.../conv_tiled.cu:57 (discriminator 3)"
      place = place.substr(0, place.find(" ("));
      const std::size_t colon = place.rfind(':');
      if (colon != std::string::npos) {
        frame.file = place.substr(0, colon);
        std::from_chars(place.data() + colon + 1, place.data() + place.size(), frame.line);
      }
    }
    require(pclose(answer) == 0, "addr2line cannot be run: is binutils installed?");
  }
  const std::string& kernel = trace.launches.at(static_cast<std::size_t>(trace.launch)).kernel;
  const std::string name = kernel.substr(0, kernel.find('<'));
  std::vector<std::vector<Frame>> result;
  for (const auto& place : trace.places) {
    std::vector<Frame> of_place;
    for (const std::uintptr_t address : place) {
      of_place.push_back(frames[address]);
      if (of_place.back().function == name) {
        break;
      }
    }
    result.push_back(std::move(of_place));
  }
  return result;
}

}  // namespace sec::lab

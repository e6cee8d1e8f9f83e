// The entry point of libFuzzer. `fuzz --target=edf CORPUS` fuzzes one parser;
// `fuzz --target=edf --make-seeds=FOLDER` writes its seeds. libFuzzer ignores options with two dashes.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "engine/error.h"
#include "tests/fuzz/targets.h"

namespace {

using namespace sec::fuzz;

const Target* chosen = nullptr;

}  // namespace

extern "C" int LLVMFuzzerInitialize(int* count, char*** arguments) {
  std::string seeds;
  std::string names;
  for (int i = 1; i < *count; ++i) {
    const std::string_view argument = (*arguments)[i];
    constexpr std::string_view target = "--target=";
    constexpr std::string_view make_seeds = "--make-seeds=";
    for (const Target& each : targets()) {
      chosen = argument.starts_with(target) && argument.substr(target.size()) == each.name ? &each : chosen;
    }
    seeds = argument.starts_with(make_seeds) ? argument.substr(make_seeds.size()) : seeds;
  }
  for (const Target& each : targets()) {
    names += std::string(" ") + each.name;
  }
  if (chosen == nullptr) {
    std::fprintf(stderr, "fuzz: expected --target= and one of:%s\n", names.c_str());
    std::exit(2);
  }
  if (!seeds.empty()) {
    std::filesystem::create_directories(seeds);
    int number = 0;
    for (const std::string& seed : chosen->seeds()) {
      std::ofstream(std::filesystem::path(seeds) / std::to_string(number++), std::ios::binary) << seed;
    }
    std::exit(0);
  }
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  try {
    chosen->read({reinterpret_cast<const char*>(bytes), size});
  } catch (const sec::Error& error) {
    expect(std::string_view(error.what()).find('\n') == std::string_view::npos,
           "an error message with several lines");
  }
  return 0;
}

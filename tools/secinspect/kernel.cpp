#include "tools/secinspect/kernel.h"

#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "engine/utf8.h"
#include "io/files/standard_streams.h"

namespace sec::tools {

std::optional<int> start_kernel_lab(int argc, char** argv) {
  const std::vector<std::string> given(argv + 1, argv + argc);
  if (given.empty() || given[0] != "--kernel") {
    return std::nullopt;
  }
  const std::string kernel = given.size() > 1 ? given[1] : "";
  if (kernel != "conv") {
    io::tell("secinspect: --kernel {}: expected conv\n", one_line(kernel));
    return 2;
  }
  std::vector<std::string> words = {"kernel_lab"};
  bool has_page = false;
  for (std::size_t i = 2; i < given.size(); ++i) {
    const bool has_value = i + 1 < given.size();
    if (given[i] == "--device" && has_value) {
      if (given[++i] != "simt") {
        io::tell("secinspect: --kernel conv --device {}: expected simt, whose threads can be watched\n",
                 one_line(given[i]));
        return 2;
      }
      continue;
    }
    has_page = has_page || given[i] == "--out" || given[i] == "--help";
    words.push_back(given[i] == "--out" ? "--trace" : given[i]);
  }
  if (!has_page) {
    io::tell("secinspect: --kernel conv: nothing to write; give --out for a page\n");
    return 2;
  }
  std::error_code error;
  const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", error);
  const std::string program = (self.parent_path() / "kernel_lab").string();
  std::vector<char*> pointers;
  for (std::string& word : words) {
    pointers.push_back(word.data());
  }
  pointers.push_back(nullptr);
  execv(program.c_str(), pointers.data());
  io::tell("secinspect: {}: {}; the target kernel_lab builds it\n", one_line(program),
           std::generic_category().message(errno));
  return 1;
}

}  // namespace sec::tools

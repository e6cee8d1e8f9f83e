#include "engine/failure.h"

#include <filesystem>

#include "engine/utf8.h"

namespace sec {

std::string describe(const std::exception& error) {
  if (dynamic_cast<const std::bad_alloc*>(&error) != nullptr ||
      dynamic_cast<const std::length_error*>(&error) != nullptr) {
    return "not enough memory";
  }
  const auto* const file = dynamic_cast<const std::filesystem::filesystem_error*>(&error);
  return one_line(file == nullptr ? error.what()
                                  : fmt::format("{}: {}", file->path1().string(), file->code().message()));
}

}  // namespace sec

// Reads whole files into memory.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace sec::io {

// Returns the bytes of a regular file. Throws Error, naming the file and the reason,
// if the file cannot be opened, is not a regular file, or is larger than `limit` bytes.
std::string read_file(const std::filesystem::path& path, std::uintmax_t limit);

}  // namespace sec::io

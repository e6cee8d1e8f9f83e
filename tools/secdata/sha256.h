// SHA-256 sums of files.
#pragma once

#include <filesystem>
#include <string>

namespace sec::tools {

// Returns the sum as lower-case hexadecimal digits. Reads the file in pieces.
// Throws Error if the file cannot be read or libcrypto is not installed.
std::string sha256_of(const std::filesystem::path& file);

}  // namespace sec::tools

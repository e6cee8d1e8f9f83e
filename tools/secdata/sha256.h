// SHA-256 sums of files.
#pragma once

#include <filesystem>
#include <string>

namespace sec::tools {

// In hexadecimal, small letters. The file is read piece by piece. Throws Error if it cannot be read, or where
// libcrypto, which sums it, is not installed.
std::string sha256_of(const std::filesystem::path& file);

}  // namespace sec::tools

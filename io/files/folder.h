// The files in a folder and in all folders inside it.
#pragma once

#include <filesystem>
#include <vector>

namespace sec::io {

// Returns FOLDER/... for every regular file, sorted. Symbolic links to folders and files are followed; a folder that is
// reached in several ways is searched once, under its own name rather than a link's. Links to nothing are returned,
// so that opening them fails by name. Throws Error if a folder cannot be read.
std::vector<std::filesystem::path> files_below(const std::filesystem::path& folder);

}  // namespace sec::io

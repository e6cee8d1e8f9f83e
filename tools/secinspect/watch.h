// secinspect --watch: a page that follows a training while it runs.
#pragma once

#include <optional>

namespace sec::tools {

// If the first argument is --watch: serves the page of a run until it is stopped, or writes it once with --out, and returns
// the exit status. Else nothing.
std::optional<int> start_watch(int argc, char** argv);

}  // namespace sec::tools

// The page about trainings, of secinspect compare and --watch. Its sources are in runs_page/.
#pragma once

#include <string_view>

namespace sec::tools {

extern const std::string_view
    runs_page_shell;  // for page_of() of tools/page/page.h; made by cmake/embed_page.cmake

}  // namespace sec::tools

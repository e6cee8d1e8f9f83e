// The page of secinspect: one HTML file with its style, scripts and data. tools/secinspect/page/ has the sources,
// which cmake/embed_page.cmake puts into the program.
#pragma once

#include <string>
#include <string_view>

namespace sec::inspect {

// The whole page. `json` is the data, an object as docs/inspecting.md describes; `title` is plain text.
std::string page_of(std::string_view title, std::string_view json);

}  // namespace sec::inspect

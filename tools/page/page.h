// The pages that programs write: one HTML file with its style, scripts and data. A program's folder page/ has the sources,
// this folder what pages share, and cmake/embed_page.cmake puts both into the program.
#pragma once

#include <string>
#include <string_view>

namespace sec::tools {

// The program's page. `title` is HTML. `json` is the data, an object.
std::string page_of(std::string_view title, std::string_view json);
// Another page of the program.
std::string page_of(std::string_view shell, std::string_view title, std::string_view json);

}  // namespace sec::tools

#include "tools/page/page.h"

#include "engine/error.h"

namespace sec::tools {

extern const std::string_view page_shell;  // made by cmake/embed_page.cmake

namespace {

// JSON inside a script element: "<" only occurs inside strings, where \u003c means the same and cannot end the element.
std::string without_tags(std::string_view json) {
  std::string text;
  text.reserve(json.size() + 64);
  for (const char c : json) {
    if (c == '<') {
      text += "\\u003c";
    } else {
      text += c;
    }
  }
  return text;
}

void replace_mark(std::string& page, std::string_view mark, std::string_view text) {
  const std::size_t at = page.find(mark);
  require(at != std::string::npos, "the page lacks its mark {}", mark);
  page.replace(at, mark.size(), text);
}

}  // namespace

std::string page_of(std::string_view title, std::string_view json) {
  return page_of(page_shell, title, json);
}

std::string page_of(std::string_view shell, std::string_view title, std::string_view json) {
  std::string page(shell);
  replace_mark(page, "<!--title-->", title);
  replace_mark(page, "<!--data-->",
               "<script type=\"application/json\" id=\"data\">" + without_tags(json) + "</script>");
  return page;
}

}  // namespace sec::tools

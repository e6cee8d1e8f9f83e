#include "engine/error.h"

#include "engine/utf8.h"

namespace sec {

void fail_formatted(fmt::string_view text, fmt::format_args args) {
  throw Error(one_line(fmt::vformat(text, args)));
}

}  // namespace sec

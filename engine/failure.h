// What programs say of exceptions that are not an Error.
#pragma once

#include <exception>
#include <new>
#include <stdexcept>
#include <string>

#include "engine/error.h"

namespace sec {

// What a program says of an exception, in one line: an Error's text, "not enough memory" for std::bad_alloc and
// std::length_error, and a path with the system's message for errors of std::filesystem.
std::string describe(const std::exception& error);

// Runs `action`. If memory is not enough for it, throws Error that names `what`.
template <typename Action>
auto with_memory_for(const std::string& what, const Action& action) {
  try {
    return action();
  } catch (const std::bad_alloc&) {
    fail("{}: not enough memory", what);
  } catch (const std::length_error&) {
    fail("{}: not enough memory", what);
  }
}

}  // namespace sec

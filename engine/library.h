// A shared library loaded at run time. Programs do not link against it, so they start without it.
#pragma once

#include <string>

namespace sec {

class Library {
 public:
  // Loads the library for the life of the process.
  // Throws Error if loading fails; the message names `purpose`, the file and the reason.
  Library(std::string purpose, std::string file);

  // Looks up a function by type and name: `function<decltype(cudnnCreate)>("cudnnCreate")`.
  // Throws Error if the library has no function of that name.
  template <typename Function>
  Function* function(const char* name) const {
    return reinterpret_cast<Function*>(symbol(name));
  }

 private:
  void* symbol(const char* name) const;

  std::string purpose_;
  std::string file_;
  void* handle_;
};

}  // namespace sec

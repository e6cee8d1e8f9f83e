// A library that is looked for when the program runs: nothing is linked, so that programs start without it.
#pragma once

#include <string>

namespace sec {

class Library {
 public:
  // Throws Error, naming `purpose` and the file and saying why, if it cannot be loaded. It stays loaded.
  Library(std::string purpose, std::string file);

  // The function of a type, as in `function<decltype(cudnnCreate)>("cudnnCreate")`. Throws Error if the
  // library has none of that name.
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

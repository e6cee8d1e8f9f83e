#include "engine/library.h"

#include <dlfcn.h>

#include <utility>

#include "engine/error.h"

namespace sec {
namespace {

std::string last_error() {
  const char* const text = dlerror();
  return text != nullptr ? text : "unknown error";
}

}  // namespace

Library::Library(std::string purpose, std::string file)
    : purpose_(std::move(purpose)), file_(std::move(file)), handle_(dlopen(file_.c_str(), RTLD_NOW)) {
  require(handle_ != nullptr, "{}: cannot load {}: {}", purpose_, file_, last_error());
}

void* Library::symbol(const char* name) const {
  void* const found = dlsym(handle_, name);
  require(found != nullptr, "{}: {} has no function {}: {}", purpose_, file_, name, last_error());
  return found;
}

}  // namespace sec

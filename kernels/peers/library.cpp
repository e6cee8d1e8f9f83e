#include "kernels/peers/library.h"

#include <dlfcn.h>

#include "engine/error.h"

namespace sec::kernels::peers {
namespace {

std::string last_error() {
  const char* const text = dlerror();
  return text != nullptr ? text : "unknown error";
}

}  // namespace

Library::Library(std::string file) : file_(std::move(file)), handle_(dlopen(file_.c_str(), RTLD_NOW)) {
  require(handle_ != nullptr, "kernels cudnn: cannot load {}: {}", file_, last_error());
}

void* Library::symbol(const char* name) const {
  void* const found = dlsym(handle_, name);
  require(found != nullptr, "kernels cudnn: {} has no function {}: {}", file_, name, last_error());
  return found;
}

}  // namespace sec::kernels::peers

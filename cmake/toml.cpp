// toml++, which the package has as a shared library only, to be linked in.
#define TOML_IMPLEMENTATION
#include <toml++/toml.h>

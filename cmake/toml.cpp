// toml++ as a static library, because its package has only a shared one.
#define TOML_IMPLEMENTATION
#include <toml++/toml.h>

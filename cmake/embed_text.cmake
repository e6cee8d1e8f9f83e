# Writes a C++ source that holds a text file: cmake -D FILE=... -D NAME=... -D OUTPUT=... -P embed_text.cmake
# NAME is that of the constant, a std::string_view in sec::train.
file(READ "${FILE}" text)
file(WRITE "${OUTPUT}" "// Made by cmake/embed_text.cmake.
#include <string_view>

namespace sec::train {

extern const std::string_view ${NAME};
const std::string_view ${NAME} = R\"text(${text})text\";

}  // namespace sec::train
")

// The annotation types of the MIT format (WFDB Applications Guide, annot(5), ecgcodes.h).
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace sec::io {

struct AnnotationCode {
  int code;
  std::string_view symbol;  // mnemonic: "N"
  std::string_view description;
};

constexpr int first_user_code = 42;  // codes 42 to 49 are free for users to define
constexpr int last_user_code = 49;

std::span<const AnnotationCode> annotation_codes();  // all predefined types, ordered by code

// The mnemonic of an annotation type; "[42]" for codes from 1 to 49 without one. Throws Error on other codes.
std::string symbol_of(int code);
bool is_annotation_code(int code);
// The code of a mnemonic, including "[42]" for user-defined types; nullopt if the mnemonic is unknown.
std::optional<int> code_of(std::string_view symbol);

}  // namespace sec::io

// JSON values. nlohmann/json parses and writes them, but its header takes seconds to compile in every file
// that includes it, so only json.cpp does.
#pragma once

#include <array>
#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "engine/error.h"

namespace sec::io {

// Text that is not JSON, or a value of another type than the caller expected.
struct JsonError : Error {
  using Error::Error;
};

// Null, a boolean, a number, a string, an array, or an object whose members keep their order.
class Json {
 public:
  using Member = std::pair<std::string, Json>;
  using Array = std::vector<Json>;
  using Object = std::vector<Member>;

  Json();  // null
  Json(std::nullptr_t);
  Json(bool value);
  Json(double value);  // JSON has no NaN and no infinity: they are written as null
  template <std::integral Integer>
  Json(Integer value)
      : Json(value < 0 ? Json::integer(value) : Json::count(static_cast<std::uint64_t>(value))) {}
  Json(const char* value);
  Json(std::string_view value);
  Json(std::string value);
  template <typename T>
  Json(const std::vector<T>& values) : Json(Array(values.begin(), values.end())) {}
  template <typename T, std::size_t size>
  Json(const std::array<T, size>& values) : Json(Array(values.begin(), values.end())) {}
  Json(Array values);
  template <typename T>
  Json(const std::map<std::string, T>& members) : Json(Object(members.begin(), members.end())) {}
  Json(Object members);
  Json(std::initializer_list<Member> members);

  // Special members are in json.cpp, as compilers would generate them in every file.
  Json(const Json& other);
  Json(Json&& other) noexcept;
  Json& operator=(const Json& other);
  Json& operator=(Json&& other) noexcept;
  ~Json();

  static Json array(std::initializer_list<Json> values = {});
  static Json object();

  // Throws JsonError, which says at which byte the text is not JSON. Objects that name a member twice and arrays
  // nested more than 100 deep are refused.
  static Json parse(std::string_view text);
  static Json parse_or_null(std::string_view text);  // null if the text is not JSON

  // Writes JSON on one line, or on indented lines if `indent` is 0 or more. Bytes that are not UTF-8 become U+FFFD.
  std::string dump(int indent = -1) const;
  std::string dump_ascii() const;  // on one line, with \u escapes for all that is not ASCII

  bool is_null() const;
  bool is_boolean() const;
  bool is_number() const;
  bool is_integer() const;  // a number without fraction and exponent that fits 64 bits
  bool is_count() const;    // an integer from 0 on
  bool is_string() const;
  bool is_array() const;
  bool is_object() const;

  // The value as bool, double, float, an integer, std::string, or a vector or string-keyed map of these.
  // Throws JsonError if it is of another type, or an integer that does not fit.
  template <typename T>
  T get() const;

  // Members of an object and elements of an array. `at` and `element` throw JsonError where there is none.
  bool contains(std::string_view key) const;
  const Json& at(std::string_view key) const;
  const Json& element(std::size_t index) const;
  const Json& operator[](std::string_view key) const { return at(key); }
  Json& operator[](std::string_view key);  // adds the member if it is missing; null becomes an object
  const Object& items() const;             // of an object
  const Json* begin() const;               // of an array
  const Json* end() const;
  std::size_t size() const;  // the number of members or elements; 0 for other values

  void push_back(Json value);        // null becomes an array
  void update(const Json& members);  // sets these members

  friend bool operator==(const Json& a, const Json& b);

 private:
  using Value =
      std::variant<std::nullptr_t, bool, std::int64_t, std::uint64_t, double, std::string, Array, Object>;

  static Json integer(std::int64_t value);
  static Json count(std::uint64_t value);
  std::int64_t integer_within(std::int64_t least, std::uint64_t most) const;

  Value value_;
};

template <>
bool Json::get() const;
template <>
double Json::get() const;
template <>
std::uint64_t Json::get() const;
template <>
std::string Json::get() const;

namespace detail {
template <typename T>
inline constexpr bool is_vector = false;
template <typename T>
inline constexpr bool is_vector<std::vector<T>> = true;
}  // namespace detail

template <typename T>
T Json::get() const {
  if constexpr (std::integral<T>) {
    using Limits = std::numeric_limits<T>;
    return static_cast<T>(integer_within(Limits::min(), static_cast<std::uint64_t>(Limits::max())));
  } else if constexpr (std::floating_point<T>) {
    return static_cast<T>(get<double>());
  } else if constexpr (detail::is_vector<T>) {
    T values;
    for (const Json& value : *this) {
      values.push_back(value.get<typename T::value_type>());
    }
    return values;
  } else {
    T members;
    for (const Member& member : items()) {
      members.emplace(member.first, member.second.get<typename T::mapped_type>());
    }
    return members;
  }
}

}  // namespace sec::io

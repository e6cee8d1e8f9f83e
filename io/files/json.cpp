#include "io/files/json.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>

#include "io/files/utf8.h"

namespace sec::io {
namespace {

constexpr std::size_t deepest = 100;

// Builds a value from what the parser finds in a text.
class Builder : public nlohmann::json_sax<nlohmann::json> {
 public:
  bool null() override { return add(nullptr); }
  bool boolean(bool value) override { return add(value); }
  bool number_integer(std::int64_t value) override { return add(value); }
  bool number_unsigned(std::uint64_t value) override { return add(value); }
  bool number_float(double value, const std::string&) override { return add(value); }
  bool string(std::string& value) override { return add(std::move(value)); }
  bool binary(nlohmann::json::binary_t&) override { return false; }  // does not occur in text

  bool start_array(std::size_t) override { return open(); }
  bool end_array() override { return close(Json(std::move(levels_.back().elements))); }
  bool start_object(std::size_t) override { return open(); }
  bool end_object() override { return close(Json(std::move(levels_.back().members))); }

  bool key(std::string& name) override {
    Level& level = levels_.back();
    if (!level.keys.insert(name).second) {
      throw JsonError(fmt::format("names '{}' twice", for_message(name)));
    }
    level.members.emplace_back(std::move(name), Json());
    return true;
  }

  bool parse_error(std::size_t byte, const std::string&, const nlohmann::detail::exception& error) override {
    constexpr int number_overflows = 406;
    throw JsonError(error.id == number_overflows ? std::string("has a number that is too large")
                                                 : fmt::format("is not JSON (at its byte {})", byte));
  }

  Json take() { return std::move(result_); }

 private:
  // An array or an object that is still open.
  struct Level {
    Json::Array elements;
    Json::Object members;
    std::set<std::string> keys;
  };

  bool open() {
    if (levels_.size() == deepest) {
      throw JsonError(fmt::format("is nested more than {} deep", deepest));
    }
    levels_.emplace_back();
    return true;
  }

  bool close(Json value) {
    levels_.pop_back();
    return add(std::move(value));
  }

  bool add(Json value) {
    if (levels_.empty()) {
      result_ = std::move(value);
    } else if (!levels_.back().members.empty()) {
      levels_.back().members.back().second = std::move(value);
    } else {
      levels_.back().elements.push_back(std::move(value));
    }
    return true;
  }

  Json result_;
  std::vector<Level> levels_;
};

// The value as nlohmann's, which can be written.
nlohmann::ordered_json to_nlohmann(const Json& json) {
  using Other = nlohmann::ordered_json;
  if (json.is_object()) {
    Other::object_t members;
    for (const auto& [key, value] : json.items()) {
      // Not operator[], which searches the members so far.
      static_cast<Other::object_t::Container&>(members).emplace_back(key, to_nlohmann(value));
    }
    return members;
  }
  if (json.is_array()) {
    Other::array_t elements;
    for (const Json& value : json) {
      elements.push_back(to_nlohmann(value));
    }
    return elements;
  }
  return json.is_string()    ? Other(json.get<std::string>())
         : json.is_boolean() ? Other(json.get<bool>())
         : json.is_count()   ? Other(json.get<std::uint64_t>())
         : json.is_integer() ? Other(json.get<std::int64_t>())
         : json.is_number()  ? Other(json.get<double>())
                             : Other(nullptr);
}

[[noreturn]] void fail_type(const Json& value, std::string_view expected) {
  throw JsonError(fmt::format("{}: expected {}", for_message(value.dump_ascii()), expected));
}

}  // namespace

Json::Json() = default;
Json::Json(std::nullptr_t) {}
Json::Json(bool value) : value_(value) {}
Json::Json(double value) : value_(value) {}
Json::Json(const char* value) : value_(std::string(value)) {}
Json::Json(std::string_view value) : value_(std::string(value)) {}
Json::Json(std::string value) : value_(std::move(value)) {}
Json::Json(Array values) : value_(std::move(values)) {}
Json::Json(Object members) : value_(std::move(members)) {}
Json::Json(std::initializer_list<Member> members) : value_(Object(members)) {}

Json::Json(const Json& other) = default;
Json::Json(Json&& other) noexcept = default;
Json& Json::operator=(const Json& other) = default;
Json& Json::operator=(Json&& other) noexcept = default;
Json::~Json() = default;

Json Json::integer(std::int64_t value) {
  Json json;
  json.value_ = value;
  return json;
}

Json Json::count(std::uint64_t value) {
  Json json;
  json.value_ = value;
  return json;
}

Json Json::array(std::initializer_list<Json> values) {
  return Array(values);
}

Json Json::object() {
  return Object();
}

Json Json::parse(std::string_view text) {
  Builder builder;
  nlohmann::json::sax_parse(text, &builder);
  return builder.take();
}

Json Json::parse_or_null(std::string_view text) try { return parse(text); } catch (const JsonError&) {
  return {};
}

std::string Json::dump(int indent) const {
  return to_nlohmann(*this).dump(indent, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string Json::dump_ascii() const {
  return to_nlohmann(*this).dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
}

bool Json::is_null() const {
  return std::holds_alternative<std::nullptr_t>(value_);
}
bool Json::is_boolean() const {
  return std::holds_alternative<bool>(value_);
}
bool Json::is_number() const {
  return is_integer() || std::holds_alternative<double>(value_);
}
bool Json::is_integer() const {
  return is_count() || std::holds_alternative<std::int64_t>(value_);
}
bool Json::is_count() const {
  return std::holds_alternative<std::uint64_t>(value_);
}
bool Json::is_string() const {
  return std::holds_alternative<std::string>(value_);
}
bool Json::is_array() const {
  return std::holds_alternative<Array>(value_);
}
bool Json::is_object() const {
  return std::holds_alternative<Object>(value_);
}

template <>
bool Json::get() const {
  return is_boolean() ? std::get<bool>(value_) : (fail_type(*this, "true or false"), false);
}

template <>
double Json::get() const {
  if (const auto* count = std::get_if<std::uint64_t>(&value_)) {
    return static_cast<double>(*count);
  }
  if (const auto* integer = std::get_if<std::int64_t>(&value_)) {
    return static_cast<double>(*integer);
  }
  return is_number() ? std::get<double>(value_) : (fail_type(*this, "a number"), 0);
}

template <>
std::uint64_t Json::get() const {
  return is_count() ? std::get<std::uint64_t>(value_) : (fail_type(*this, "an integer from 0 on"), 0);
}

template <>
std::string Json::get() const {
  return is_string() ? std::get<std::string>(value_) : (fail_type(*this, "a string"), std::string());
}

std::int64_t Json::integer_within(std::int64_t least, std::uint64_t most) const {
  const auto* count = std::get_if<std::uint64_t>(&value_);
  const auto* integer = std::get_if<std::int64_t>(&value_);
  const bool fits = (count != nullptr && *count <= most) || (integer != nullptr && *integer >= least);
  if (!fits) {
    fail_type(*this, fmt::format("an integer from {} to {}", least, most));
  }
  return count != nullptr ? static_cast<std::int64_t>(*count) : *integer;
}

bool Json::contains(std::string_view key) const {
  const auto* members = std::get_if<Object>(&value_);
  return members != nullptr && std::ranges::find(*members, key, &Member::first) != members->end();
}

const Json& Json::at(std::string_view key) const {
  const auto found = std::ranges::find(items(), key, &Member::first);
  if (found == items().end()) {
    throw JsonError(fmt::format("there is no '{}'", key));
  }
  return found->second;
}

const Json& Json::element(std::size_t index) const {
  if (index >= static_cast<std::size_t>(end() - begin())) {
    throw JsonError(fmt::format("there is no element {} among {}", index, size()));
  }
  return begin()[index];
}

Json& Json::operator[](std::string_view key) {
  if (is_null()) {
    value_ = Object();
  }
  auto& members = std::get<Object>(value_);
  const auto found = std::ranges::find(members, key, &Member::first);
  return found != members.end() ? found->second : members.emplace_back(std::string(key), Json()).second;
}

const Json::Object& Json::items() const {
  return is_object() ? std::get<Object>(value_) : (fail_type(*this, "an object"), std::get<Object>(value_));
}

const Json* Json::begin() const {
  return is_array() ? std::get<Array>(value_).data() : (fail_type(*this, "an array"), nullptr);
}

const Json* Json::end() const {
  return begin() + std::get<Array>(value_).size();
}

std::size_t Json::size() const {
  const auto* elements = std::get_if<Array>(&value_);
  const auto* members = std::get_if<Object>(&value_);
  return elements != nullptr ? elements->size() : members != nullptr ? members->size() : 0;
}

void Json::push_back(Json value) {
  if (is_null()) {
    value_ = Array();
  }
  std::get<Array>(value_).push_back(std::move(value));
}

void Json::update(const Json& members) {
  for (const auto& [key, value] : members.items()) {
    (*this)[key] = value;
  }
}

bool operator==(const Json& a, const Json& b) {
  return a.value_ == b.value_;
}

}  // namespace sec::io

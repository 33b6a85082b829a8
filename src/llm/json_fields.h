#pragma once

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>

/// Members of what a provider sent. One of another type counts as absent: providers add and vary, and an answer in
/// which nothing was recognised has no end, which is an error of its own.
namespace nexus::llm {

[[nodiscard]] inline const boost::json::object* find_object(const boost::json::object& object, std::string_view key) {
  const boost::json::value* found = object.if_contains(key);
  return found == nullptr ? nullptr : found->if_object();
}

/// Empty when there is none.
[[nodiscard]] inline std::string_view find_text(const boost::json::object& object, std::string_view key) {
  const boost::json::value* found = object.if_contains(key);
  const boost::json::string* text = found == nullptr ? nullptr : found->if_string();
  return text == nullptr ? std::string_view() : std::string_view(text->data(), text->size());
}

/// A number of tokens; empty for one that nobody can have spent, so that sums of them do not overflow.
[[nodiscard]] inline std::optional<std::int64_t> find_count(const boost::json::object& object, std::string_view key) {
  const boost::json::value* found = object.if_contains(key);
  const std::int64_t* count = found == nullptr ? nullptr : found->if_int64();
  constexpr std::int64_t kMostTokens = std::int64_t{1} << 40;
  if (count == nullptr || *count < 0 || *count > kMostTokens) return std::nullopt;
  return *count;
}

/// The first element of an array, when it is an object.
[[nodiscard]] inline const boost::json::object* find_first(const boost::json::object& object, std::string_view key) {
  const boost::json::value* found = object.if_contains(key);
  const boost::json::array* array = found == nullptr ? nullptr : found->if_array();
  return array == nullptr || array->empty() ? nullptr : array->front().if_object();
}

}  // namespace nexus::llm

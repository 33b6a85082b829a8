#pragma once

#include <boost/json/object.hpp>

#include <string>
#include <string_view>

namespace nexus::cli {

/// A text member; empty when there is none or it is something else.
[[nodiscard]] inline std::string text_member(const boost::json::object& object, std::string_view name) {
  const boost::json::value* value = object.if_contains(name);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string{};
}

}  // namespace nexus::cli

#pragma once

#include "cloud/google/tokens.h"

#include <boost/json/object.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace nexus::cloud::google {

/// Reads the members of one JSON object and complains in the name of its document. Messages name the document, the
/// field and the rule; they never repeat a value.
class Fields {
 public:
  /// Both must outlive this; `inside` names the member that the object is, e.g. "credential_source".
  Fields(const boost::json::object& object, std::string_view document, std::string_view inside = {})
      : object_(object), document_(document), inside_(inside) {}

  /// A text that is not empty.
  [[nodiscard]] std::string text(std::string_view name) const {
    auto found = optional_text(name);
    if (!found) fail(name, "is missing");
    return *std::move(found);
  }
  /// Absent, null and "" are all nothing.
  [[nodiscard]] std::optional<std::string> optional_text(std::string_view name) const {
    const auto* value = find(name);
    if (value == nullptr) return std::nullopt;
    if (!value->is_string()) fail(name, "must be a text");
    if (value->get_string().empty()) return std::nullopt;
    return std::string(value->get_string().data(), value->get_string().size());
  }
  /// Null when absent or null.
  [[nodiscard]] const boost::json::object* optional_object(std::string_view name) const {
    const auto* value = find(name);
    if (value == nullptr) return nullptr;
    if (!value->is_object()) fail(name, "must be an object");
    return &value->get_object();
  }
  [[nodiscard]] const boost::json::object& object(std::string_view name) const {
    const auto* found = optional_object(name);
    if (found == nullptr) fail(name, "is missing");
    return *found;
  }
  /// Null when absent or JSON's null.
  [[nodiscard]] const boost::json::value* find(std::string_view name) const {
    const auto* value = object_.if_contains(boost::json::string_view(name.data(), name.size()));
    return value == nullptr || value->is_null() ? nullptr : value;
  }
  [[noreturn]] void fail(std::string_view name, std::string_view rule) const {
    throw CredentialsError(std::string(document_) + ": the field " +
                           (inside_.empty() ? "" : std::string(inside_) + ".") + std::string(name) + " " +
                           std::string(rule));
  }
  [[nodiscard]] std::string_view document() const { return document_; }

 private:
  const boost::json::object& object_;
  std::string_view document_;
  std::string_view inside_;
};

}  // namespace nexus::cloud::google

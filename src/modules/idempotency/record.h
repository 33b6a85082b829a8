#pragma once

#include "base/time.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace nexus::idempotency {

/// Whose key it is, and for what: unique in the table, beside the tenant.
struct Scope {
  std::string actor_id;
  std::string method;
  std::string path;
  std::string key;
};

/// Where the body of a stored answer is (migration 0004).
enum class Form : std::uint8_t { kJson, kBytes, kSealed, kNone, kDropped };
[[nodiscard]] std::string_view to_string(Form form);
/// Unknown words read as kDropped: what cannot be understood cannot be shown again.
[[nodiscard]] Form parse_form(std::string_view word);

/// An answer as the table keeps it.
struct StoredAnswer {
  int status = 0;
  Form form = Form::kNone;
  std::optional<std::string> body_json;
  std::string headers_json = "[]";  ///< `[["Content-Type","application/json"],…]`
  std::vector<std::byte> blob;      ///< kBytes, kSealed
};

/// A row that a repeated request meets.
struct Record {
  std::string request_hash;
  bool in_progress = false;
  std::string request_id;
  StoredAnswer answer;
};

}  // namespace nexus::idempotency

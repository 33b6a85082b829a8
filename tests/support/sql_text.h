#pragma once

#include "base/time.h"
#include "json/json.h"
#include "support/engine.h"

#include <string>
#include <string_view>

/// What tests that run SQL of their own need to know of the engine. TRUE and FALSE are literals on both.
namespace nexus::testing {

[[nodiscard]] inline std::string sql_time(Timestamp time) {
  const std::string us = std::to_string(time.us);
  return on_postgres() ? "(timestamptz 'epoch' + " + us + " * interval '1 microsecond')" : us;
}

[[nodiscard]] inline std::string sql_bytes(std::string_view hex) {
  return (on_postgres() ? "'\\x" : "x'") + std::string(hex) + "'";
}

/// A JSON text in the form in which texts from a JSON column can be compared: PostgreSQL keeps the value, not its text.
[[nodiscard]] inline std::string as_stored(std::string_view json_text) {
  return on_postgres() ? json::canonical(json::parse(json_text)) : std::string(json_text);
}

}  // namespace nexus::testing

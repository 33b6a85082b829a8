#pragma once

#include "base/time.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace nexus::usage {

enum class Kind : std::uint8_t { kRequest, kRateLimited };
/// As stored: "request", "rate_limited".
[[nodiscard]] std::string_view to_string(Kind kind);

/// How many requests of one kind, day and class a tenant made; one row of usage_rollups.
struct RollUp {
  Kind kind = Kind::kRequest;
  Timestamp day;            ///< UTC midnight
  std::string route_class;  ///< "run", "read", "mutation", "ops"
  std::int64_t count = 0;
  Timestamp last_at;
};

}  // namespace nexus::usage

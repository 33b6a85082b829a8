#pragma once

#include "base/time.h"
#include "outbound/client.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace nexus::billing {

/// What one attempt came to. Codes and words are ours: nothing that another machine or a library said is shown, stored
/// or audited; `detail` is for the log.
struct Outcome {
  enum class Kind : std::uint8_t {
    kDelivered,  ///< a status below 400
    kRetry,      ///< 408, 429, 5xx, or no answer: another attempt may help
    kRefused,    ///< any other 4xx: it will not
  };

  Kind kind = Kind::kDelivered;
  std::optional<std::int64_t> status_code;
  std::string_view error;          ///< literal: "http_status", "timeout", …; empty when delivered
  std::string_view words;          ///< literal: `error` for people, when no answer came
  std::int64_t least_wait_us = 0;  ///< what the receiver asked for in Retry-After, at most kMostRetryAfterUs
  std::string detail;

  [[nodiscard]] bool delivered() const { return kind == Kind::kDelivered; }
  /// "Webhook delivered successfully", "Webhook responded with status 503", "Webhook delivery failed: timeout".
  [[nodiscard]] std::string message() const;
};

inline constexpr std::int64_t kMostRetryAfterUs = 3600 * Timestamp::kSecond;

/// Sends and judges. Blocks; never throws outbound::Error.
[[nodiscard]] Outcome attempt(outbound::Client& client, const outbound::Request& request, Timestamp now);

/// True for the codes that Outcome::error takes.
[[nodiscard]] bool is_outcome_code(std::string_view code);

/// The wait that a Retry-After value asks for (RFC 9110 §10.2.3: seconds, or a date in the preferred form), within
/// [0, kMostRetryAfterUs]; 0 when it is malformed.
[[nodiscard]] std::int64_t retry_after_us(std::string_view value, Timestamp now);

}  // namespace nexus::billing

#pragma once

#include "base/secret.h"
#include "base/time.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace nexus::billing {

/// Kind of the jobs that deliver.
inline constexpr std::string_view kWebhookJob = "billing.webhook";
/// Name of the receiver for breaker, metrics and spans.
inline constexpr std::string_view kIntegration = "billing.webhook";

struct WebhookOptions {
  bool enabled = false;            ///< BILLING_WEBHOOK_ENABLED
  std::string url;                 ///< BILLING_WEBHOOK_URL; empty: not configured
  Secret secret;                   ///< BILLING_WEBHOOK_SECRET; empty: not configured
  std::int64_t timeout_ms = 2000;  ///< of one attempt: the lesser of BILLING_WEBHOOK_TIMEOUT_MS and EXT_CALL_TIMEOUT_MS
};

/// Why nothing is sent, in words that clients see (contract 01 §10); empty when the webhook works.
[[nodiscard]] std::string_view problem_of(const WebhookOptions& options);

/// States of a delivery. `dead` is left only by hand.
namespace state {
inline constexpr std::string_view kPending = "pending";
inline constexpr std::string_view kDelivered = "delivered";
inline constexpr std::string_view kDead = "dead";
}  // namespace state

/// An event of the outbox as it is stored.
struct Delivery {
  std::string delivery_id;
  std::string tenant_id;
  std::string event_type;
  std::string payload;  ///< the body, byte for byte
  std::string state;
  std::int64_t attempts = 0;
  std::optional<std::int64_t> status_code;  ///< of the last attempt; empty: no answer came
  std::optional<std::string> last_error;    ///< a code of outcome.h
  std::string job_id;
  Timestamp created_at;
  std::optional<Timestamp> last_attempt_at;
  std::optional<Timestamp> finished_at;
};

}  // namespace nexus::billing

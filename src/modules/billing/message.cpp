#include "modules/billing/message.h"

#include "base/encoding.h"
#include "crypto/hash.h"
#include "json/json.h"

#include <fmt/format.h>

#include <utility>

namespace nexus::billing {
namespace {

constexpr std::size_t kMostAnswerBytes = 256 * 1024;  // nobody reads it; its end tells that the receiver is done

std::string signature(const WebhookOptions& options, std::string_view signed_text) {
  return hex_encode(crypto::hmac_sha256(options.secret.reveal(), signed_text));
}

}  // namespace

std::string_view problem_of(const WebhookOptions& options) {
  if (!options.enabled) return "Billing webhook is disabled";
  if (options.url.empty() || options.secret.empty()) return "Billing webhook is not configured";
  return {};
}

std::string event_payload(std::string_view event_type, std::string_view tenant_id, const boost::json::object& fields,
                          Timestamp at) {
  std::string out;
  json::Writer w(out);
  w.begin_object().field("event_type", event_type).field("tenant_id", tenant_id);
  for (const auto& [name, value] : fields) w.field(std::string_view(name.data(), name.size()), value);
  w.field("timestamp", iso(at)).end_object();
  return out;
}

outbound::Request signed_request(const WebhookOptions& options, const Message& message, Timestamp now,
                                 std::stop_token stop) {
  const std::string seconds = std::to_string(now.us / Timestamp::kSecond);
  const std::string dated = fmt::format("{}.{}.{}", seconds, message.delivery_id, message.body);
  return {.integration = kIntegration,
          .method = "POST",
          .url = options.url,
          .headers = {{"Content-Type", "application/json"},
                      {"X-Billing-Event", std::string(message.event_type)},
                      {"X-Billing-Signature", signature(options, message.body)},
                      {"X-Billing-Delivery-Id", std::string(message.delivery_id)},
                      {"X-Billing-Timestamp", seconds},
                      {"X-Billing-Signature-V2", fmt::format("t={},v1={}", seconds, signature(options, dated))}},
          .body = std::string(message.body),
          .timeout_ms = options.timeout_ms,
          .max_response_bytes = kMostAnswerBytes,
          .attempts = 1,
          .stop = std::move(stop)};
}

}  // namespace nexus::billing

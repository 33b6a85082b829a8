#pragma once

#include "base/time.h"
#include "modules/billing/billing_types.h"
#include "outbound/client.h"

#include <boost/json/object.hpp>

#include <stop_token>
#include <string>
#include <string_view>

namespace nexus::billing {

/// Compact JSON: event_type, tenant_id, the fields in their order, timestamp (contract 01 §10).
[[nodiscard]] std::string event_payload(std::string_view event_type, std::string_view tenant_id,
                                        const boost::json::object& fields, Timestamp at);

struct Message {
  std::string_view event_type;
  std::string_view delivery_id;
  std::string_view body;
};

/// One attempt to deliver, signed twice (docs/operations/billing-webhook.md):
///   X-Billing-Signature     hex HMAC-SHA-256(secret, body), for receivers of the original
///   X-Billing-Signature-V2  t=T,v1=hex HMAC-SHA-256(secret, "T.<delivery id>.<body>"), T the Unix second of `now`
/// The client does not try again by itself.
[[nodiscard]] outbound::Request signed_request(const WebhookOptions& options, const Message& message, Timestamp now,
                                               std::stop_token stop = {});

}  // namespace nexus::billing

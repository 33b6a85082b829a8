#pragma once

#include "base/principal.h"

#include <boost/json/object.hpp>

#include <string_view>

namespace nexus::db {
class Tx;
}

namespace nexus::billing {

/// The durable outbox of the billing webhook (contract 01 §10): an event is stored in the caller's transaction and
/// delivered afterwards, at least once, in the background.
class Outbox {
 public:
  virtual ~Outbox() = default;
  /// `fields` in their order on the wire, without event_type, tenant_id and timestamp. A `dedupe_key` that was used
  /// before for this tenant and event stores nothing: "day:2026-11-24". Nothing is stored while the webhook is switched
  /// off. Throws db::Error.
  virtual void enqueue(db::Tx& tx, const TenantScope& tenant, std::string_view event_type,
                       const boost::json::object& fields, std::string_view dedupe_key) = 0;
};

}  // namespace nexus::billing

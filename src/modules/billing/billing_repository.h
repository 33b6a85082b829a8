#pragma once

#include "base/principal.h"
#include "db/database.h"
#include "modules/billing/billing_types.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace nexus::billing {

struct NewDelivery {
  std::string delivery_id;
  std::string_view event_type;
  std::string_view dedupe_key;
  std::string payload;
  std::string job_id;
  Timestamp created_at;
};

/// What one attempt came to.
struct Attempted {
  Timestamp at;
  bool delivered = false;
  std::optional<std::int64_t> status_code;
  std::optional<std::string_view> error;
};

/// A place between two rows of the list: the next page starts behind it.
struct DeliveryPosition {
  Timestamp created_at;
  std::string delivery_id;
};

/// All SQL on `billing_outbox`. Stateless. Throws db::Error.
class BillingRepository {
 public:
  /// False when the tenant has used the dedupe key for this event before.
  bool insert(db::Tx& tx, const TenantScope& tenant, const NewDelivery& delivery) const;
  [[nodiscard]] std::optional<Delivery> find(db::Snapshot& db, const TenantScope& tenant, std::string_view id) const;
  /// Whose delivery it is; for the check of operators, which precedes the scope.
  [[nodiscard]] std::optional<std::string> tenant_of(db::Snapshot& db, std::string_view id) const;

  /// Counts an attempt of a pending delivery; a delivered one is finished.
  void record_attempt(db::Tx& tx, const TenantScope& tenant, std::string_view id, const Attempted& attempt) const;
  /// From pending to dead; false when it is neither.
  bool bury(db::Tx& tx, const TenantScope& tenant, std::string_view id, std::string_view error, Timestamp now) const;
  /// From dead to pending, under a new job; false when it is not dead.
  bool revive(db::Tx& tx, const TenantScope& tenant, std::string_view id, std::string_view job_id) const;

  /// Newest first. A null tenant lists all tenants: for platform operators only. An empty state lists every state.
  [[nodiscard]] std::vector<Delivery> list(db::Snapshot& db, const TenantScope* tenant,
                                           const std::optional<std::string>& state,
                                           const std::optional<DeliveryPosition>& after, std::int64_t limit) const;

  /// Maintenance, all tenants: deletes up to `most` deliveries that were finished before `before`; returns how many.
  std::int64_t prune(db::Tx& tx, Timestamp before, std::int64_t most) const;
};

[[nodiscard]] db::StatementList billing_statements();

}  // namespace nexus::billing

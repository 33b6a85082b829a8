#pragma once

#include "base/principal.h"
#include "db/database.h"
#include "modules/idempotency/record.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace nexus::idempotency {

/// All SQL of the room. Throws db::Error.
class IdempotencyRepository {
 public:
  struct Wish {
    Scope scope;
    std::string request_hash;
    std::string request_id;
    std::string owner;
    Timestamp now;
    Timestamp lease_until;
    Timestamp expires_at;
  };
  /// Reserves the key in one statement: inserts the row, or takes over one that no longer counts. That is an answer
  /// which has expired, or a reservation whose lease ran out and which asked for the same thing (or has expired too).
  /// Returns the row's id; empty when somebody else has the key.
  [[nodiscard]] std::optional<std::int64_t> reserve(db::Tx& tx, const TenantScope& tenant, const Wish& wish) const;

  [[nodiscard]] std::optional<Record> find(db::Snapshot& db, const TenantScope& tenant, const Scope& scope) const;

  /// False when the reservation is no longer this owner's.
  [[nodiscard]] bool store(db::Tx& tx, const TenantScope& tenant, std::int64_t id, std::string_view owner,
                           const StoredAnswer& answer) const;
  void release(db::Tx& tx, const TenantScope& tenant, std::int64_t id, std::string_view owner) const;
  void renew(db::Tx& tx, const TenantScope& tenant, std::int64_t id, std::string_view owner,
             Timestamp lease_until) const;

  /// Maintenance: all tenants.
  std::int64_t prune(db::Tx& tx, Timestamp now, std::int64_t at_most) const;
  std::int64_t prune(db::Tx& tx, const TenantScope& tenant, Timestamp now, std::int64_t at_most) const;
};

[[nodiscard]] db::StatementList idempotency_statements();

}  // namespace nexus::idempotency

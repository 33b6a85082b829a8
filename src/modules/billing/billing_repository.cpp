#include "modules/billing/billing_repository.h"

namespace nexus::billing {
namespace {

using db::Statement;

constexpr Statement kInsert{"billing.insert", R"(
  INSERT INTO billing_outbox (delivery_id, tenant_id, event_type, dedupe_key, payload, job_id, created_at)
  VALUES ($1, $2, $3, $4, $5, $6, $7)
  ON CONFLICT (tenant_id, event_type, dedupe_key) DO NOTHING)"};

constexpr Statement kFind{"billing.find", R"(
  SELECT delivery_id, tenant_id, event_type, payload, state, attempts, status_code, last_error, job_id, created_at,
    last_attempt_at, finished_at
  FROM billing_outbox WHERE delivery_id = $1 AND tenant_id = $2)"};

constexpr Statement kTenantOf{"billing.tenant_of", "SELECT tenant_id FROM billing_outbox WHERE delivery_id = $1"};

constexpr Statement kRecordAttempt{"billing.record_attempt", R"(
  UPDATE billing_outbox SET attempts = attempts + 1, state = $3, status_code = $4, last_error = $5,
    last_attempt_at = $6, finished_at = $7
  WHERE delivery_id = $1 AND tenant_id = $2 AND state = 'pending')"};

constexpr Statement kBury{"billing.bury", R"(
  UPDATE billing_outbox SET state = 'dead', last_error = $3, finished_at = $4
  WHERE delivery_id = $1 AND tenant_id = $2 AND state = 'pending')"};

constexpr Statement kRevive{"billing.revive", R"(
  UPDATE billing_outbox SET state = 'pending', job_id = $3, finished_at = NULL
  WHERE delivery_id = $1 AND tenant_id = $2 AND state = 'dead')"};

// Two texts, so that each follows its index: a condition that may be off would cost the index of the tenant.
constexpr Statement kListOfTenant{"billing.list_of_tenant", R"(
  SELECT delivery_id, tenant_id, event_type, payload, state, attempts, status_code, last_error, job_id, created_at,
    last_attempt_at, finished_at
  FROM billing_outbox
  WHERE tenant_id = $4 AND (created_at, delivery_id) < ($1, $2) AND (CAST($3 AS TEXT) IS NULL OR state = $3)
  ORDER BY created_at DESC, delivery_id DESC LIMIT $5)"};

constexpr Statement kListOfAll{"billing.list_of_all", R"(
  SELECT delivery_id, tenant_id, event_type, payload, state, attempts, status_code, last_error, job_id, created_at,
    last_attempt_at, finished_at
  FROM billing_outbox
  WHERE (created_at, delivery_id) < ($1, $2) AND (CAST($3 AS TEXT) IS NULL OR state = $3)
  ORDER BY created_at DESC, delivery_id DESC LIMIT $4)"};

constexpr Statement kPrune{"billing.prune", R"(
  DELETE FROM billing_outbox WHERE delivery_id IN (
    SELECT delivery_id FROM billing_outbox WHERE finished_at IS NOT NULL AND finished_at < $1
    ORDER BY finished_at LIMIT $2))"};

constexpr const Statement* kBillingStatements[] = {&kInsert, &kFind,  &kTenantOf,     &kRecordAttempt, &kBury,
                                                   &kRevive, &kPrune, &kListOfTenant, &kListOfAll};

/// Later than every stored time, and a time that both engines can bind.
constexpr Timestamp kLatest{253'402'300'799 * Timestamp::kSecond};  // 9999-12-31T23:59:59Z

Delivery delivery_from(const db::Cursor& row) {
  return {.delivery_id = row.str(0),
          .tenant_id = row.str(1),
          .event_type = row.str(2),
          .payload = row.str(3),
          .state = row.str(4),
          .attempts = row.i64(5),
          .status_code = row.opt_i64(6),
          .last_error = row.opt_str(7),
          .job_id = row.str(8),
          .created_at = row.time(9),
          .last_attempt_at = row.opt_time(10),
          .finished_at = row.opt_time(11)};
}

}  // namespace

bool BillingRepository::insert(db::Tx& tx, const TenantScope& tenant, const NewDelivery& d) const {
  return tx.exec(kInsert, d.delivery_id, tenant.id(), d.event_type, d.dedupe_key, d.payload, d.job_id, d.created_at) ==
         1;
}

std::optional<Delivery> BillingRepository::find(db::Snapshot& db, const TenantScope& tenant,
                                                std::string_view id) const {
  db::Cursor row = db.query(kFind, id, tenant.id());
  if (!row.next()) return std::nullopt;
  return delivery_from(row);
}

std::optional<std::string> BillingRepository::tenant_of(db::Snapshot& db, std::string_view id) const {
  db::Cursor row = db.query(kTenantOf, id);
  if (!row.next()) return std::nullopt;
  return row.str(0);
}

void BillingRepository::record_attempt(db::Tx& tx, const TenantScope& tenant, std::string_view id,
                                       const Attempted& attempt) const {
  const std::optional<Timestamp> finished = attempt.delivered ? std::optional(attempt.at) : std::nullopt;
  tx.exec(kRecordAttempt, id, tenant.id(), attempt.delivered ? state::kDelivered : state::kPending, attempt.status_code,
          attempt.error, attempt.at, finished);
}

bool BillingRepository::bury(db::Tx& tx, const TenantScope& tenant, std::string_view id, std::string_view error,
                             Timestamp now) const {
  return tx.exec(kBury, id, tenant.id(), error, now) == 1;
}

bool BillingRepository::revive(db::Tx& tx, const TenantScope& tenant, std::string_view id,
                               std::string_view job_id) const {
  return tx.exec(kRevive, id, tenant.id(), job_id) == 1;
}

std::vector<Delivery> BillingRepository::list(db::Snapshot& db, const TenantScope* tenant,
                                              const std::optional<std::string>& state,
                                              const std::optional<DeliveryPosition>& after, std::int64_t limit) const {
  const DeliveryPosition start = after.value_or(DeliveryPosition{kLatest, {}});
  db::Cursor rows = tenant != nullptr
                        ? db.query(kListOfTenant, start.created_at, start.delivery_id, state, tenant->id(), limit)
                        : db.query(kListOfAll, start.created_at, start.delivery_id, state, limit);
  std::vector<Delivery> deliveries;
  while (rows.next()) deliveries.push_back(delivery_from(rows));
  return deliveries;
}

std::int64_t BillingRepository::prune(db::Tx& tx, Timestamp before, std::int64_t most) const {
  return tx.exec(kPrune, before, most);
}

db::StatementList billing_statements() {
  return kBillingStatements;
}

}  // namespace nexus::billing

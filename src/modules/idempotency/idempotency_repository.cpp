#include "modules/idempotency/idempotency_repository.h"

#include "modules/idempotency/ports.h"

#include <algorithm>
#include <array>
#include <utility>

namespace nexus::idempotency {
namespace {

using db::Statement;

// A reservation whose request died keeps its fingerprint: what it did is not known, so only the same request may try
// again before the row expires.
constexpr Statement kReserve{"idempotency.reserve", R"(
  INSERT INTO idempotency_records (tenant_id, actor_id, method, path, idem_key, request_hash, request_id, response_status,
    response_form, created_at, expires_at, state, lease_owner, lease_until)
  VALUES ($1, $2, $3, $4, $5, $6, $7, 0, 'none', $8, $9, 'in_progress', $10, $11)
  ON CONFLICT (tenant_id, actor_id, method, path, idem_key) DO UPDATE SET
    request_hash = excluded.request_hash, request_id = excluded.request_id, response_status = 0, response_form = 'none',
    response_body_json = NULL, response_headers_json = NULL, response_blob = NULL, created_at = excluded.created_at,
    expires_at = excluded.expires_at, state = 'in_progress', lease_owner = excluded.lease_owner,
    lease_until = excluded.lease_until
  WHERE (idempotency_records.state = 'completed' AND idempotency_records.expires_at <= $8)
    OR (idempotency_records.state = 'in_progress' AND idempotency_records.lease_until <= $8
      AND (idempotency_records.request_hash = $6 OR idempotency_records.expires_at <= $8))
  RETURNING id)"};

constexpr Statement kFind{"idempotency.find", R"(
  SELECT request_hash, state, request_id, response_status, response_form, response_body_json, response_headers_json,
    response_blob
  FROM idempotency_records
  WHERE tenant_id = $1 AND actor_id = $2 AND method = $3 AND path = $4 AND idem_key = $5)"};

constexpr Statement kStore{"idempotency.store", R"(
  UPDATE idempotency_records SET state = 'completed', lease_owner = NULL, lease_until = NULL, response_status = $4,
    response_form = $5, response_body_json = $6, response_headers_json = $7, response_blob = $8
  WHERE id = $1 AND tenant_id = $2 AND lease_owner = $3 AND state = 'in_progress')"};

constexpr Statement kRelease{"idempotency.release", R"(
  DELETE FROM idempotency_records WHERE id = $1 AND tenant_id = $2 AND lease_owner = $3 AND state = 'in_progress')"};

constexpr Statement kRenew{"idempotency.renew", R"(
  UPDATE idempotency_records SET lease_until = $4
  WHERE id = $1 AND tenant_id = $2 AND lease_owner = $3 AND state = 'in_progress')"};

constexpr Statement kPrune{"idempotency.prune", R"(
  DELETE FROM idempotency_records WHERE id IN (
    SELECT id FROM idempotency_records
    WHERE expires_at < $1 AND (state = 'completed' OR lease_until < $1)
    ORDER BY expires_at LIMIT $2))"};

constexpr Statement kPruneTenant{"idempotency.prune_tenant", R"(
  DELETE FROM idempotency_records WHERE id IN (
    SELECT id FROM idempotency_records
    WHERE tenant_id = $3 AND expires_at < $1 AND (state = 'completed' OR lease_until < $1)
    ORDER BY expires_at LIMIT $2))"};

constexpr const Statement* kStatements[] = {&kReserve, &kFind, &kStore, &kRelease, &kRenew, &kPrune, &kPruneTenant};

constexpr std::array<std::pair<Form, std::string_view>, 5> kForms{{{Form::kJson, "json"},
                                                                   {Form::kBytes, "bytes"},
                                                                   {Form::kSealed, "sealed"},
                                                                   {Form::kNone, "none"},
                                                                   {Form::kDropped, "dropped"}}};

std::optional<std::span<const std::byte>> blob_or_null(const std::vector<std::byte>& blob) {
  if (blob.empty()) return std::nullopt;
  return std::span<const std::byte>(blob);
}

std::optional<db::Json> json_or_null(const std::optional<std::string>& text) {
  return text ? std::optional(db::Json{*text}) : std::nullopt;
}

}  // namespace

std::string_view to_string(Form form) {
  const auto* row = std::find_if(kForms.begin(), kForms.end(), [&](const auto& pair) { return pair.first == form; });
  return row == kForms.end() ? "dropped" : row->second;
}

Form parse_form(std::string_view word) {
  const auto* row = std::find_if(kForms.begin(), kForms.end(), [&](const auto& pair) { return pair.second == word; });
  return row == kForms.end() ? Form::kDropped : row->first;
}

std::optional<std::int64_t> IdempotencyRepository::reserve(db::Tx& tx, const TenantScope& tenant,
                                                           const Wish& wish) const {
  const Scope& scope = wish.scope;
  auto row = tx.query(kReserve, tenant.id(), scope.actor_id, scope.method, scope.path, scope.key, wish.request_hash,
                      wish.request_id, wish.now, wish.expires_at, wish.owner, wish.lease_until);
  return row.next() ? std::optional(row.i64(0)) : std::nullopt;
}

std::optional<Record> IdempotencyRepository::find(db::Snapshot& db, const TenantScope& tenant,
                                                  const Scope& scope) const {
  auto row = db.query(kFind, tenant.id(), scope.actor_id, scope.method, scope.path, scope.key);
  if (!row.next()) return std::nullopt;
  const auto blob = row.blob(7);
  return Record{.request_hash = row.str(0),
                .in_progress = row.text(1) == "in_progress",
                .request_id = row.str(2),
                .answer = {.status = static_cast<int>(row.i64(3)),
                           .form = parse_form(row.text(4)),
                           .body_json = row.opt_str(5),
                           .headers_json = row.is_null(6) ? "[]" : row.str(6),
                           .blob = {blob.begin(), blob.end()}}};
}

bool IdempotencyRepository::store(db::Tx& tx, const TenantScope& tenant, std::int64_t id, std::string_view owner,
                                  const StoredAnswer& answer) const {
  return tx.exec(kStore, id, tenant.id(), owner, answer.status, to_string(answer.form), json_or_null(answer.body_json),
                 db::Json{answer.headers_json}, blob_or_null(answer.blob)) == 1;
}

void IdempotencyRepository::release(db::Tx& tx, const TenantScope& tenant, std::int64_t id,
                                    std::string_view owner) const {
  tx.exec(kRelease, id, tenant.id(), owner);
}

void IdempotencyRepository::renew(db::Tx& tx, const TenantScope& tenant, std::int64_t id, std::string_view owner,
                                  Timestamp lease_until) const {
  tx.exec(kRenew, id, tenant.id(), owner, lease_until);
}

std::int64_t IdempotencyRepository::prune(db::Tx& tx, Timestamp now, std::int64_t at_most) const {
  return tx.exec(kPrune, now, at_most);
}

std::int64_t IdempotencyRepository::prune(db::Tx& tx, const TenantScope& tenant, Timestamp now,
                                          std::int64_t at_most) const {
  return tx.exec(kPruneTenant, now, at_most, tenant.id());
}

std::int64_t prune(db::Tx& tx, Timestamp now) {
  return IdempotencyRepository().prune(tx, now, kPruneBatch);
}

std::int64_t prune(db::Tx& tx, const TenantScope& tenant, Timestamp now) {
  return IdempotencyRepository().prune(tx, tenant, now, kPruneBatch);
}

db::StatementList idempotency_statements() {
  return kStatements;
}

}  // namespace nexus::idempotency

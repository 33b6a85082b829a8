#include "modules/quotas/quotas_repository.h"

#include <algorithm>

namespace nexus::quotas {
namespace {

using db::Statement;

constexpr std::string_view kQuotaScope = "quota:";

constexpr Statement kLimits{"quotas.limits", R"(
  SELECT daily_requests_limit, monthly_requests_limit, daily_tokens_limit, monthly_tokens_limit, soft_cap_ratio,
    hard_cap_enabled
  FROM plan_limits WHERE tenant_id = $1)"};

constexpr Statement kSetLimits{"quotas.set_limits", R"(
  INSERT INTO plan_limits (tenant_id, daily_requests_limit, monthly_requests_limit, daily_tokens_limit,
    monthly_tokens_limit, soft_cap_ratio, hard_cap_enabled, created_at, updated_at)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8)
  ON CONFLICT (tenant_id) DO UPDATE SET daily_requests_limit = excluded.daily_requests_limit,
    monthly_requests_limit = excluded.monthly_requests_limit, daily_tokens_limit = excluded.daily_tokens_limit,
    monthly_tokens_limit = excluded.monthly_tokens_limit, soft_cap_ratio = excluded.soft_cap_ratio,
    hard_cap_enabled = excluded.hard_cap_enabled, updated_at = excluded.updated_at)"};

constexpr Statement kUse{"quotas.use", R"(
  SELECT period_type, requests_count, estimated_tokens_count FROM usage_counters
  WHERE tenant_id = $1 AND ((period_type = 'day' AND period_start = $2) OR
                            (period_type = 'month' AND period_start = $3)))"};

constexpr Statement kCounted{"quotas.counted", R"(
  SELECT requests_count, estimated_tokens_count FROM usage_counters
  WHERE tenant_id = $1 AND period_type = $2 AND period_start = $3)"};

constexpr Statement kAdd{"quotas.add", R"(
  INSERT INTO usage_counters (tenant_id, period_type, period_start, requests_count, estimated_tokens_count, updated_at)
  VALUES ($1, 'day', $2, $4, $5, $6), ($1, 'month', $3, $4, $5, $6)
  ON CONFLICT (tenant_id, period_type, period_start) DO UPDATE SET
    requests_count = usage_counters.requests_count + excluded.requests_count,
    estimated_tokens_count = CASE
      WHEN excluded.estimated_tokens_count IS NULL THEN usage_counters.estimated_tokens_count
      ELSE coalesce(usage_counters.estimated_tokens_count, 0) + excluded.estimated_tokens_count END,
    updated_at = excluded.updated_at
  RETURNING period_type, requests_count, estimated_tokens_count)"};

constexpr Statement kLeased{"quotas.leased_to_others", R"(
  SELECT CAST(coalesce(sum(CASE WHEN day_start = $2 THEN units ELSE 0 END), 0) AS bigint),
    CAST(coalesce(sum(units), 0) AS bigint)
  FROM quota_leases WHERE tenant_id = $1 AND month_start = $3 AND owner <> $4 AND expires_at > $5)"};

constexpr Statement kSetLease{"quotas.set_lease", R"(
  INSERT INTO quota_leases (tenant_id, owner, day_start, month_start, units, expires_at)
  VALUES ($1, $2, $3, $4, $5, $6)
  ON CONFLICT (tenant_id, owner, day_start) DO UPDATE SET units = excluded.units, expires_at = excluded.expires_at)"};

constexpr Statement kDropLease{"quotas.drop_lease", R"(
  DELETE FROM quota_leases WHERE tenant_id = $1 AND owner = $2 AND day_start = $3)"};

constexpr Statement kDropExpired{"quotas.drop_expired_leases", R"(DELETE FROM quota_leases WHERE expires_at <= $1)"};

constexpr Statement kMarkOnce{"quotas.mark_once", R"(
  INSERT INTO quota_soft_cap_events (tenant_id, period_type, period_start, metric, created_at)
  VALUES ($1, $2, $3, $4, $5) ON CONFLICT (tenant_id, period_type, period_start, metric) DO NOTHING)"};

constexpr Statement kPrune{"quotas.prune", R"(
  DELETE FROM usage_counters
  WHERE tenant_id = $1 AND ((period_type = 'day' AND period_start < $2) OR
                            (period_type = 'month' AND period_start < $3)))"};
constexpr Statement kPruneMarks{"quotas.prune_marks", R"(
  DELETE FROM quota_soft_cap_events
  WHERE tenant_id = $1 AND ((period_type = 'day' AND period_start < $2) OR
                            (period_type = 'month' AND period_start < $3)))"};
constexpr Statement kPruneAll{"quotas.prune_all", R"(
  DELETE FROM usage_counters
  WHERE (period_type = 'day' AND period_start < $1) OR (period_type = 'month' AND period_start < $2))"};
constexpr Statement kPruneAllMarks{"quotas.prune_all_marks", R"(
  DELETE FROM quota_soft_cap_events
  WHERE (period_type = 'day' AND period_start < $1) OR (period_type = 'month' AND period_start < $2))"};

constexpr Statement kNextVersion{"quotas.next_version", R"(
  INSERT INTO cache_versions (scope, version) VALUES ('#', 1)
  ON CONFLICT (scope) DO UPDATE SET version = cache_versions.version + 1 RETURNING version)"};
constexpr Statement kSetVersion{"quotas.set_version", R"(
  INSERT INTO cache_versions (scope, version) VALUES ($1, $2)
  ON CONFLICT (scope) DO UPDATE SET version = excluded.version)"};
constexpr Statement kChanges{"quotas.changed_scopes", R"(
  SELECT scope, version FROM cache_versions WHERE version > $1)"};

constexpr const Statement* kQuotasStatements[] = {
    &kLimits,   &kSetLimits,     &kUse,         &kCounted,    &kAdd,    &kLeased,
    &kSetLease, &kDropLease,     &kDropExpired, &kMarkOnce,   &kPrune,  &kPruneMarks,
    &kPruneAll, &kPruneAllMarks, &kNextVersion, &kSetVersion, &kChanges};

QuotasRepository::Use use_of(db::Cursor rows) {
  QuotasRepository::Use use;
  while (rows.next())
    (rows.text(0) == "day" ? use.day : use.month) = {.requests = rows.i64(1), .tokens = rows.opt_i64(2)};
  return use;
}

}  // namespace

std::optional<Limits> QuotasRepository::limits(db::Snapshot& db, const TenantScope& tenant) const {
  auto row = db.query(kLimits, tenant.id());
  if (!row.next()) return std::nullopt;
  return Limits{.daily_requests = row.opt_i64(0),
                .monthly_requests = row.opt_i64(1),
                .daily_tokens = row.opt_i64(2),
                .monthly_tokens = row.opt_i64(3),
                .soft_cap_ratio = row.real(4),
                .hard_cap_enabled = row.boolean(5)};
}

void QuotasRepository::set_limits(db::Tx& tx, const TenantScope& tenant, const Limits& limits, Timestamp now) const {
  tx.exec(kSetLimits, tenant.id(), limits.daily_requests, limits.monthly_requests, limits.daily_tokens,
          limits.monthly_tokens, limits.soft_cap_ratio, limits.hard_cap_enabled, now);
}

QuotasRepository::Use QuotasRepository::use(db::Snapshot& db, const TenantScope& tenant, const Periods& periods) const {
  return use_of(db.query(kUse, tenant.id(), periods.day, periods.month));
}

Counted QuotasRepository::counted(db::Snapshot& db, const TenantScope& tenant, Period period, Timestamp start) const {
  auto row = db.query(kCounted, tenant.id(), to_string(period), start);
  if (!row.next()) return {};
  return {.requests = row.i64(0), .tokens = row.opt_i64(1)};
}

QuotasRepository::Use QuotasRepository::add(db::Tx& tx, const TenantScope& tenant, const Periods& periods,
                                            std::int64_t units, std::int64_t tokens, Timestamp now) const {
  const std::optional<std::int64_t> token_delta = tokens == 0 ? std::nullopt : std::optional(tokens);
  return use_of(tx.query(kAdd, tenant.id(), periods.day, periods.month, units, token_delta, now));
}

QuotasRepository::Leased QuotasRepository::leased_to_others(db::Snapshot& db, const TenantScope& tenant,
                                                            const Periods& periods, std::string_view owner,
                                                            Timestamp now) const {
  auto row = db.query(kLeased, tenant.id(), periods.day, periods.month, owner, now);
  if (!row.next()) return {};
  return {row.i64(0), row.i64(1)};
}

void QuotasRepository::set_lease(db::Tx& tx, const TenantScope& tenant, const Periods& periods, std::string_view owner,
                                 std::int64_t units, Timestamp expires_at) const {
  tx.exec(kSetLease, tenant.id(), owner, periods.day, periods.month, units, expires_at);
}

void QuotasRepository::drop_lease(db::Tx& tx, const TenantScope& tenant, const Periods& periods,
                                  std::string_view owner) const {
  tx.exec(kDropLease, tenant.id(), owner, periods.day);
}

bool QuotasRepository::mark_once(db::Tx& tx, const TenantScope& tenant, Period period, Timestamp start,
                                 std::string_view metric, Timestamp now) const {
  return tx.exec(kMarkOnce, tenant.id(), to_string(period), start, metric, now) == 1;
}

std::int64_t QuotasRepository::prune(db::Tx& tx, const TenantScope& tenant, Timestamp days_before,
                                     Timestamp months_before) const {
  tx.exec(kPruneMarks, tenant.id(), days_before, months_before);
  return tx.exec(kPrune, tenant.id(), days_before, months_before);
}

std::int64_t QuotasRepository::prune_all(db::Tx& tx, Timestamp days_before, Timestamp months_before) const {
  tx.exec(kPruneAllMarks, days_before, months_before);
  return tx.exec(kPruneAll, days_before, months_before);
}

void QuotasRepository::drop_expired_leases(db::Tx& tx, Timestamp now) const {
  tx.exec(kDropExpired, now);
}

void LimitVersions::bump(db::Tx& tx, std::string_view tenant_id) const {
  std::int64_t version = 0;
  {
    auto row = tx.query(kNextVersion);
    if (!row.next()) throw db::Error(db::ErrorCode::kOther, "cache version was not bumped");
    version = row.i64(0);
  }
  tx.exec(kSetVersion, std::string(kQuotaScope).append(tenant_id), version);
}

LimitVersions::Changes LimitVersions::changes(db::Snapshot& db, std::int64_t since) const {
  Changes found{.version = since};
  auto rows = db.query(kChanges, since);
  while (rows.next()) {
    found.version = std::max(found.version, rows.i64(1));
    const std::string_view scope = rows.text(0);
    if (scope.starts_with(kQuotaScope)) found.tenants.emplace_back(scope.substr(kQuotaScope.size()));
  }
  return found;
}

db::StatementList quotas_statements() {
  return kQuotasStatements;
}

}  // namespace nexus::quotas

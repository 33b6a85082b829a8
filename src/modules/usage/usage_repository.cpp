#include "modules/usage/usage_repository.h"

namespace nexus::usage {
namespace {

using db::Statement;

constexpr Statement kAdd{"usage.add", R"(
  INSERT INTO usage_rollups (tenant_id, kind, day_start, route_class, count, last_at)
  VALUES ($1, $2, $3, $4, $5, $6)
  ON CONFLICT (tenant_id, kind, day_start, route_class) DO UPDATE SET
    count = usage_rollups.count + excluded.count,
    last_at = CASE WHEN excluded.last_at > usage_rollups.last_at THEN excluded.last_at
      ELSE usage_rollups.last_at END)"};

constexpr Statement kSince{"usage.since", R"(
  SELECT kind, day_start, route_class, count, last_at FROM usage_rollups
  WHERE tenant_id = $1 AND kind IN ('request', 'rate_limited') AND day_start >= $2)"};

constexpr Statement kDocuments{"usage.documents", R"(
  SELECT status, count(*) FROM documents WHERE tenant_id = $1 GROUP BY status)"};

constexpr Statement kPrune{"usage.prune", R"(
  DELETE FROM usage_rollups
  WHERE tenant_id = $1 AND kind IN ('request', 'rate_limited') AND day_start < $2)"};
constexpr Statement kPruneAll{"usage.prune_all", R"(DELETE FROM usage_rollups WHERE day_start < $1)"};

constexpr const Statement* kUsageStatements[] = {&kAdd, &kSince, &kDocuments, &kPrune, &kPruneAll};

}  // namespace

std::string_view to_string(Kind kind) {
  return kind == Kind::kRequest ? "request" : "rate_limited";
}

void UsageRepository::add(db::Tx& tx, std::string_view tenant_id, const RollUp& row) const {
  tx.exec(kAdd, tenant_id, to_string(row.kind), row.day, row.route_class, row.count, row.last_at);
}

std::vector<RollUp> UsageRepository::since(db::Snapshot& db, const TenantScope& tenant, Timestamp first_day) const {
  std::vector<RollUp> found;
  auto rows = db.query(kSince, tenant.id(), first_day);
  while (rows.next())
    found.push_back({.kind = rows.text(0) == to_string(Kind::kRequest) ? Kind::kRequest : Kind::kRateLimited,
                     .day = rows.time(1),
                     .route_class = rows.str(2),
                     .count = rows.i64(3),
                     .last_at = rows.time(4)});
  return found;
}

UsageRepository::Documents UsageRepository::documents(db::Snapshot& db, const TenantScope& tenant) const {
  Documents found;
  auto rows = db.query(kDocuments, tenant.id());
  while (rows.next()) {
    const std::string_view status = rows.text(0);
    if (status == "queued") found.queued = rows.i64(1);
    if (status == "processing") found.processing = rows.i64(1);
    if (status == "succeeded") found.succeeded = rows.i64(1);
    if (status == "failed") found.failed = rows.i64(1);
  }
  return found;
}

std::int64_t UsageRepository::prune(db::Tx& tx, const TenantScope& tenant, Timestamp first_kept) const {
  return tx.exec(kPrune, tenant.id(), first_kept);
}

std::int64_t UsageRepository::prune_all(db::Tx& tx, Timestamp first_kept) const {
  return tx.exec(kPruneAll, first_kept);
}

db::StatementList usage_statements() {
  return kUsageStatements;
}

}  // namespace nexus::usage

#pragma once

#include "base/time.h"
#include "db/database.h"
#include "http/endpoint.h"
#include "json/schema.h"
#include "modules/audit/ports.h"
#include "modules/auth/ports.h"
#include "modules/quotas/ports.h"
#include "modules/quotas/quota_ledger.h"
#include "modules/quotas/quotas_repository.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace nexus::quotas {

struct GetQuotaLimits {
  std::string tenant_id;
};

/// Absent leaves a limit, null makes it unlimited. The other two have no empty value: null leaves them.
struct PatchQuotaLimits {
  std::string tenant_id;
  schema::Patch<std::int64_t> daily_requests_limit;
  schema::Patch<std::int64_t> monthly_requests_limit;
  schema::Patch<std::int64_t> daily_tokens_limit;
  schema::Patch<std::int64_t> monthly_tokens_limit;
  schema::Patch<double> soft_cap_ratio;
  schema::Patch<bool> hard_cap_enabled;
};

struct QuotaLimits {
  std::string tenant_id;
  std::optional<std::int64_t> daily_requests_limit;
  std::optional<std::int64_t> monthly_requests_limit;
  std::optional<std::int64_t> daily_tokens_limit;
  std::optional<std::int64_t> monthly_tokens_limit;
  double soft_cap_ratio = 0.8;
  bool hard_cap_enabled = true;
};

struct GetTenantUsage {
  std::string tenant_id;
  std::string period = "day";
  std::string start;  ///< YYYY-MM-DD
};

struct TenantUsage {
  std::string tenant_id;
  std::string period_type;
  Timestamp period_start;
  std::int64_t requests_count = 0;
  std::optional<std::int64_t> estimated_tokens_count;
};

/// Quota and usage routes of contract 01 §11.1. Borrows everything; must outlive its rows.
class QuotasApi {
 public:
  QuotasApi(db::Database& database, QuotaLedger& ledger, PlanDefaults& plans, const auth::OperatorGate& operators,
            audit::Log& audit, const Clock& clock);

  [[nodiscard]] std::vector<http::Endpoint> endpoints() const;

  /// The tenant's row, or the limits of its plan.
  [[nodiscard]] QuotaLimits get_quota_limits(http::Call& call, const GetQuotaLimits& in) const;
  /// Effective on the next request. A tenant without a row gets one that starts from its plan's limits; from then on
  /// the plan no longer matters. A body without members changes nothing.
  [[nodiscard]] QuotaLimits patch_quota_limits(http::Call& call, const PatchQuotaLimits& in) const;
  [[nodiscard]] TenantUsage get_usage(http::Call& call, const GetTenantUsage& in) const;

 private:
  [[nodiscard]] Limits effective(const TenantScope& tenant, const std::optional<Limits>& row) const;

  db::Database& database_;
  QuotaLedger& ledger_;
  PlanDefaults& plans_;
  const auth::OperatorGate& operators_;
  audit::Log& audit_;
  const Clock& clock_;
  QuotasRepository repository_;
};

}  // namespace nexus::quotas

namespace nexus {
template <>
const schema::Fields<quotas::GetQuotaLimits>& schema::fields_of();
template <>
const schema::Fields<quotas::PatchQuotaLimits>& schema::fields_of();
template <>
const schema::Fields<quotas::QuotaLimits>& schema::fields_of();
template <>
const schema::Fields<quotas::GetTenantUsage>& schema::fields_of();
template <>
const schema::Fields<quotas::TenantUsage>& schema::fields_of();
}  // namespace nexus

#include "modules/quotas/quotas_api.h"

namespace nexus {

using quotas::GetQuotaLimits;
using quotas::GetTenantUsage;
using quotas::PatchQuotaLimits;
using quotas::QuotaLimits;
using quotas::TenantUsage;

template <>
const schema::Fields<GetQuotaLimits>& schema::fields_of() {
  using namespace schema;
  static const Fields<GetQuotaLimits> fields{path_field("tenant_id", &GetQuotaLimits::tenant_id)};
  return fields;
}

template <>
const schema::Fields<PatchQuotaLimits>& schema::fields_of() {
  using namespace schema;
  static const Fields<PatchQuotaLimits> fields{
      path_field("tenant_id", &PatchQuotaLimits::tenant_id),
      field("daily_requests_limit", &PatchQuotaLimits::daily_requests_limit, ge(0),
            doc("Request units a UTC day; null: unlimited; 0 blocks everything.")),
      field("monthly_requests_limit", &PatchQuotaLimits::monthly_requests_limit, ge(0),
            doc("Request units a UTC month; null: unlimited.")),
      field("daily_tokens_limit", &PatchQuotaLimits::daily_tokens_limit, ge(0),
            doc("Model tokens a UTC day; null: unlimited.")),
      field("monthly_tokens_limit", &PatchQuotaLimits::monthly_tokens_limit, ge(0),
            doc("Model tokens a UTC month; null: unlimited.")),
      field("soft_cap_ratio", &PatchQuotaLimits::soft_cap_ratio, ge(0), le(1),
            doc("Part of a limit at which the soft cap is reported; null leaves it.")),
      field("hard_cap_enabled", &PatchQuotaLimits::hard_cap_enabled,
            doc("Refuse requests above a limit; false only observes; null leaves it.")),
  };
  return fields;
}

template <>
const schema::Fields<QuotaLimits>& schema::fields_of() {
  using namespace schema;
  static const Fields<QuotaLimits> fields{
      field("tenant_id", &QuotaLimits::tenant_id),
      field("daily_requests_limit", &QuotaLimits::daily_requests_limit, doc("Null: unlimited.")),
      field("monthly_requests_limit", &QuotaLimits::monthly_requests_limit, doc("Null: unlimited.")),
      field("daily_tokens_limit", &QuotaLimits::daily_tokens_limit, doc("Null: unlimited.")),
      field("monthly_tokens_limit", &QuotaLimits::monthly_tokens_limit, doc("Null: unlimited.")),
      field("soft_cap_ratio", &QuotaLimits::soft_cap_ratio),
      field("hard_cap_enabled", &QuotaLimits::hard_cap_enabled),
  };
  return fields;
}

template <>
const schema::Fields<GetTenantUsage>& schema::fields_of() {
  using namespace schema;
  static const Fields<GetTenantUsage> fields{
      path_field("tenant_id", &GetTenantUsage::tenant_id),
      query_field("period", &GetTenantUsage::period, defaulted(),
                  pattern("^(day|month)$", [](std::string_view text) { return text == "day" || text == "month"; })),
      query_field("start", &GetTenantUsage::start, date(), doc("A day of the period.")),
  };
  return fields;
}

template <>
const schema::Fields<TenantUsage>& schema::fields_of() {
  using namespace schema;
  static const Fields<TenantUsage> fields{
      field("tenant_id", &TenantUsage::tenant_id),
      field("period_type", &TenantUsage::period_type, doc("day or month.")),
      field("period_start", &TenantUsage::period_start),
      field("requests_count", &TenantUsage::requests_count, doc("Request units; a run costs 3.")),
      field("estimated_tokens_count", &TenantUsage::estimated_tokens_count, doc("Null when no tokens were counted.")),
  };
  return fields;
}

}  // namespace nexus

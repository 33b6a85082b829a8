#include "modules/quotas/ports.h"

namespace nexus {

using quotas::PeriodStatus;
using quotas::QuotaStatus;

template <>
const schema::Fields<PeriodStatus>& schema::fields_of() {
  using namespace schema;
  static const Fields<PeriodStatus> fields{
      field("limit", &PeriodStatus::limit, doc("Request units; null: unlimited.")),
      field("used", &PeriodStatus::used),
      field("remaining", &PeriodStatus::remaining, doc("Null when there is no limit.")),
  };
  return fields;
}

template <>
const schema::Fields<QuotaStatus>& schema::fields_of() {
  using namespace schema;
  static const Fields<QuotaStatus> fields{
      field("day", &QuotaStatus::day),
      field("month", &QuotaStatus::month),
      field("soft_cap_reached", &QuotaStatus::soft_cap_reached),
      field("hard_cap_mode", &QuotaStatus::hard_cap_mode, doc("enforce or observe.")),
  };
  return fields;
}

}  // namespace nexus

#pragma once

#include "base/time.h"
#include "db/database.h"
#include "http/endpoint.h"
#include "json/schema.h"
#include "modules/audit/ports.h"
#include "modules/quotas/ports.h"
#include "modules/usage/usage_counters.h"
#include "modules/usage/usage_repository.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace nexus::usage {

struct GetUsageSummary {
  std::int64_t window_days = 30;
};

struct ClassCounts {
  std::int64_t run = 0;
  std::int64_t read = 0;
  std::int64_t mutation = 0;
  std::int64_t ops = 0;
};

struct RequestCounts {
  std::int64_t total = 0;
  ClassCounts by_route_class;
};

struct RateLimitHits {
  std::int64_t count = 0;
  std::optional<Timestamp> last_at;
};

struct IngestionCounts {
  std::int64_t queued = 0;
  std::int64_t processing = 0;
  std::int64_t succeeded = 0;
  std::int64_t failed = 0;
};

struct UsageSummary {
  std::int64_t window_days = 0;
  RequestCounts requests;
  quotas::QuotaStatus quota;
  RateLimitHits rate_limit_hits;
  IngestionCounts ingestion;
};

struct GetUsageTimeseries {
  std::string metric = "requests";
  std::string granularity = "day";
  std::int64_t days = 30;
};

struct UsagePoint {
  std::string ts;  ///< YYYY-MM-DD
  std::int64_t value = 0;
};

struct UsageTimeseries {
  std::string metric;
  std::string granularity;
  std::vector<UsagePoint> points;
};

/// The self-serve usage routes of contract 01 §11.3. Windows are whole UTC days and end with today. Borrows
/// everything; must outlive its rows.
class UsageApi {
 public:
  UsageApi(db::Database& database, UsageCounters& counters, quotas::QuotaView& quotas, audit::Log& audit,
           const Clock& clock);

  [[nodiscard]] std::vector<http::Endpoint> endpoints() const;

  [[nodiscard]] UsageSummary usage_summary(http::Call& call, const GetUsageSummary& in) const;
  [[nodiscard]] UsageTimeseries usage_timeseries(http::Call& call, const GetUsageTimeseries& in) const;

 private:
  /// The first of so many days of which today is the last.
  [[nodiscard]] Timestamp first_day(std::int64_t days) const;

  db::Database& database_;
  UsageCounters& counters_;
  quotas::QuotaView& quotas_;
  audit::Log& audit_;
  const Clock& clock_;
  UsageRepository repository_;
};

}  // namespace nexus::usage

namespace nexus {
template <>
const schema::Fields<usage::GetUsageSummary>& schema::fields_of();
template <>
const schema::Fields<usage::ClassCounts>& schema::fields_of();
template <>
const schema::Fields<usage::RequestCounts>& schema::fields_of();
template <>
const schema::Fields<usage::RateLimitHits>& schema::fields_of();
template <>
const schema::Fields<usage::IngestionCounts>& schema::fields_of();
template <>
const schema::Fields<usage::UsageSummary>& schema::fields_of();
template <>
const schema::Fields<usage::GetUsageTimeseries>& schema::fields_of();
template <>
const schema::Fields<usage::UsagePoint>& schema::fields_of();
template <>
const schema::Fields<usage::UsageTimeseries>& schema::fields_of();
}  // namespace nexus

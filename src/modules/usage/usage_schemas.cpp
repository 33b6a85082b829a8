#include "modules/usage/usage_api.h"

namespace nexus {

using usage::ClassCounts;
using usage::GetUsageSummary;
using usage::GetUsageTimeseries;
using usage::IngestionCounts;
using usage::RateLimitHits;
using usage::RequestCounts;
using usage::UsagePoint;
using usage::UsageSummary;
using usage::UsageTimeseries;

template <>
const schema::Fields<GetUsageSummary>& schema::fields_of() {
  using namespace schema;
  static const Fields<GetUsageSummary> fields{query_field("window_days", &GetUsageSummary::window_days, ge(1), le(90),
                                                          defaulted(), doc("UTC days to count, today included."))};
  return fields;
}

template <>
const schema::Fields<ClassCounts>& schema::fields_of() {
  using namespace schema;
  static const Fields<ClassCounts> fields{
      field("run", &ClassCounts::run),
      field("read", &ClassCounts::read),
      field("mutation", &ClassCounts::mutation),
      field("ops", &ClassCounts::ops),
  };
  return fields;
}

template <>
const schema::Fields<RequestCounts>& schema::fields_of() {
  using namespace schema;
  static const Fields<RequestCounts> fields{
      field("total", &RequestCounts::total),
      field("by_route_class", &RequestCounts::by_route_class),
  };
  return fields;
}

template <>
const schema::Fields<RateLimitHits>& schema::fields_of() {
  using namespace schema;
  static const Fields<RateLimitHits> fields{
      field("count", &RateLimitHits::count, doc("Requests answered 429 in the window.")),
      field("last_at", &RateLimitHits::last_at),
  };
  return fields;
}

template <>
const schema::Fields<IngestionCounts>& schema::fields_of() {
  using namespace schema;
  static const Fields<IngestionCounts> fields{
      field("queued", &IngestionCounts::queued),
      field("processing", &IngestionCounts::processing),
      field("succeeded", &IngestionCounts::succeeded),
      field("failed", &IngestionCounts::failed),
  };
  return fields;
}

template <>
const schema::Fields<UsageSummary>& schema::fields_of() {
  using namespace schema;
  static const Fields<UsageSummary> fields{
      field("window_days", &UsageSummary::window_days),
      field("requests", &UsageSummary::requests),
      field("quota", &UsageSummary::quota),
      field("rate_limit_hits", &UsageSummary::rate_limit_hits),
      field("ingestion", &UsageSummary::ingestion, doc("Documents by state, now.")),
  };
  return fields;
}

template <>
const schema::Fields<GetUsageTimeseries>& schema::fields_of() {
  using namespace schema;
  static const Fields<GetUsageTimeseries> fields{
      query_field("metric", &GetUsageTimeseries::metric, defaulted(),
                  pattern("^requests$", [](std::string_view text) { return text == "requests"; })),
      query_field("granularity", &GetUsageTimeseries::granularity, defaulted(),
                  pattern("^day$", [](std::string_view text) { return text == "day"; })),
      query_field("days", &GetUsageTimeseries::days, ge(1), le(90), defaulted(),
                  doc("UTC days, the last of which is today.")),
  };
  return fields;
}

template <>
const schema::Fields<UsagePoint>& schema::fields_of() {
  using namespace schema;
  static const Fields<UsagePoint> fields{
      field("ts", &UsagePoint::ts, doc("UTC day, YYYY-MM-DD.")),
      field("value", &UsagePoint::value),
  };
  return fields;
}

template <>
const schema::Fields<UsageTimeseries>& schema::fields_of() {
  using namespace schema;
  static const Fields<UsageTimeseries> fields{
      field("metric", &UsageTimeseries::metric),
      field("granularity", &UsageTimeseries::granularity),
      field("points", &UsageTimeseries::points),
  };
  return fields;
}

}  // namespace nexus

#include "modules/usage/usage_api.h"

#include "http/plain.h"
#include "modules/quotas/quotas_types.h"

#include <algorithm>
#include <utility>

namespace nexus::usage {
namespace {

void add_request(RequestCounts& requests, const RollUp& row) {
  requests.total += row.count;
  ClassCounts& classes = requests.by_route_class;
  if (row.route_class == "run") classes.run += row.count;
  if (row.route_class == "read") classes.read += row.count;
  if (row.route_class == "mutation") classes.mutation += row.count;
  if (row.route_class == "ops") classes.ops += row.count;
}

void add_hit(RateLimitHits& hits, const RollUp& row) {
  hits.count += row.count;
  hits.last_at = hits.last_at ? std::max(*hits.last_at, row.last_at) : row.last_at;
}

}  // namespace

UsageApi::UsageApi(db::Database& database, UsageCounters& counters, quotas::QuotaView& quotas, audit::Log& audit,
                   const Clock& clock)
    : database_(database), counters_(counters), quotas_(quotas), audit_(audit), clock_(clock) {}

std::vector<http::Endpoint> UsageApi::endpoints() const {
  return {
      http::plain<&UsageApi::usage_summary>(*this, {.verb = http::Verb::kGet,
                                                    .path = "/self-serve/usage/summary",
                                                    .operation = "usage_summary",
                                                    .role = Role::kAdmin,
                                                    .route_class = http::RouteClass::kRead,
                                                    .tag = "self-serve",
                                                    .summary = "Read your requests, quota and ingestion at a glance"}),
      http::plain<&UsageApi::usage_timeseries>(*this, {.verb = http::Verb::kGet,
                                                       .path = "/self-serve/usage/timeseries",
                                                       .operation = "usage_timeseries",
                                                       .role = Role::kAdmin,
                                                       .route_class = http::RouteClass::kRead,
                                                       .tag = "self-serve",
                                                       .summary = "Read your requests by day"}),
  };
}

Timestamp UsageApi::first_day(std::int64_t days) const {
  return quotas::periods_of(clock_.now()).day - (days - 1) * Timestamp::kDay;
}

UsageSummary UsageApi::usage_summary(http::Call& call, const GetUsageSummary& in) const {
  UsageSummary summary{.window_days = in.window_days, .quota = quotas_.status(call.tenant())};
  for (const RollUp& row : counters_.since(call.tenant(), first_day(in.window_days))) {
    if (row.kind == Kind::kRequest) {
      add_request(summary.requests, row);
    } else {
      add_hit(summary.rate_limit_hits, row);
    }
  }
  const auto documents = database_.read([&](db::Snapshot& db) { return repository_.documents(db, call.tenant()); });
  summary.ingestion = {.queued = documents.queued,
                       .processing = documents.processing,
                       .succeeded = documents.succeeded,
                       .failed = documents.failed};
  audit::Event event = audit::event_of(call, "selfserve.usage.viewed");
  event.metadata = {{"window_days", in.window_days}};
  audit_.record_soon(std::move(event));
  return summary;
}

UsageTimeseries UsageApi::usage_timeseries(http::Call& call, const GetUsageTimeseries& in) const {
  const Timestamp first = first_day(in.days);
  UsageTimeseries series{.metric = in.metric, .granularity = in.granularity, .points = {}};
  series.points.reserve(static_cast<std::size_t>(in.days));
  for (std::int64_t i = 0; i < in.days; ++i)
    series.points.push_back({.ts = quotas::period_name(quotas::Period::kDay, first + i * Timestamp::kDay)});
  for (const RollUp& row : counters_.since(call.tenant(), first)) {
    const auto index = static_cast<std::size_t>((row.day - first) / Timestamp::kDay);
    // A request may carry a moment behind today's midnight that this call took before it.
    if (row.kind == Kind::kRequest && index < series.points.size()) series.points[index].value += row.count;
  }
  audit::Event event = audit::event_of(call, "selfserve.usage.viewed");
  event.metadata = {{"metric", in.metric}, {"granularity", in.granularity}, {"days", in.days}};
  audit_.record_soon(std::move(event));
  return series;
}

}  // namespace nexus::usage

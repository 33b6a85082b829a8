#include "modules/quotas/quota_answers.h"

#include "base/errors.h"

#include <boost/json/object.hpp>

#include <algorithm>
#include <string>
#include <utility>

namespace nexus::quotas {
namespace {

bool soft_cap_reached(const Standing& standing) {
  return standing.soft_cap_reached(Period::kDay) || standing.soft_cap_reached(Period::kMonth);
}

std::string_view hard_cap_mode(const Standing& standing) {
  return standing.limits.hard_cap_enabled ? "enforce" : "observe";
}

PeriodStatus period_status(const Standing& standing, Period period) {
  const auto& limit = standing.limits.requests(period);
  PeriodStatus status{.limit = limit, .used = standing.requests(period)};
  if (limit) status.remaining = std::max<std::int64_t>(0, *limit - status.used);
  return status;
}

std::string number_or_unlimited(const std::optional<std::int64_t>& number) {
  return number ? std::to_string(*number) : "unlimited";
}

void add_period(http::Pairs& headers, const std::string& prefix, const PeriodStatus& status) {
  headers.emplace_back(prefix + "Limit", number_or_unlimited(status.limit));
  headers.emplace_back(prefix + "Used", std::to_string(status.used));
  headers.emplace_back(prefix + "Remaining", number_or_unlimited(status.remaining));
}

}  // namespace

std::int64_t cost_of(http::RouteClass route_class) {
  switch (route_class) {
    case http::RouteClass::kNone:
      return 0;
    case http::RouteClass::kRun:
      return 3;
    case http::RouteClass::kRead:
    case http::RouteClass::kMutation:
    case http::RouteClass::kOps:
      return 1;
  }
  return 1;
}

http::Pairs quota_headers(const Standing& standing) {
  http::Pairs headers;
  headers.reserve(8);
  add_period(headers, "X-Quota-Day-", period_status(standing, Period::kDay));
  add_period(headers, "X-Quota-Month-", period_status(standing, Period::kMonth));
  headers.emplace_back("X-Quota-SoftCap-Reached", soft_cap_reached(standing) ? "true" : "false");
  headers.emplace_back("X-Quota-HardCap-Mode", hard_cap_mode(standing));
  return headers;
}

ApiError quota_exceeded(const Standing& standing, const Refusal& why) {
  const std::int64_t limit =
      (why.tokens ? standing.limits.tokens(why.period) : standing.limits.requests(why.period)).value_or(0);
  const std::int64_t used = why.tokens ? standing.tokens(why.period) : standing.requests(why.period);
  boost::json::object details{
      {"period", to_string(why.period)}, {"limit", limit}, {"used", std::min(used, limit)}, {"remaining", 0}};
  if (why.tokens) details["metric"] = "tokens";
  std::string message = why.period == Period::kDay ? "Daily " : "Monthly ";
  message += why.tokens ? "token quota exceeded" : "request quota exceeded";
  ApiError error(errors::kQuotaExceeded, std::move(message), std::move(details));
  for (auto& [name, value] : quota_headers(standing)) std::move(error).with_header(std::move(name), std::move(value));
  return error;
}

QuotaStatus status_of(const Standing& standing) {
  return {.day = period_status(standing, Period::kDay),
          .month = period_status(standing, Period::kMonth),
          .soft_cap_reached = soft_cap_reached(standing),
          .hard_cap_mode = std::string(hard_cap_mode(standing))};
}

}  // namespace nexus::quotas

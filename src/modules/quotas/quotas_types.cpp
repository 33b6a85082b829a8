#include "modules/quotas/quotas_types.h"

#include <fmt/format.h>

#include <chrono>

namespace nexus::quotas {
namespace {

std::chrono::sys_days day_of(Timestamp at) {
  return std::chrono::sys_days(std::chrono::floor<std::chrono::days>(std::chrono::microseconds(at.us)));
}

Timestamp midnight(std::chrono::sys_days day) {
  return {std::chrono::microseconds(day.time_since_epoch()).count()};
}

}  // namespace

std::string_view to_string(Period period) {
  return period == Period::kDay ? "day" : "month";
}

Periods periods_of(Timestamp at) {
  const std::chrono::sys_days day = day_of(at);
  const std::chrono::year_month_day date{day};
  return {midnight(day), midnight(std::chrono::sys_days(date.year() / date.month() / 1))};
}

std::string period_name(Period period, Timestamp start) {
  const std::chrono::year_month_day date{day_of(start)};
  const auto month = fmt::format("{:04}-{:02}", static_cast<int>(date.year()), static_cast<unsigned>(date.month()));
  return period == Period::kMonth ? month : fmt::format("{}-{:02}", month, static_cast<unsigned>(date.day()));
}

Limits limits_of(const DefaultLimits& plan) {
  return {.daily_requests = plan.daily_requests,
          .monthly_requests = plan.monthly_requests,
          .daily_tokens = plan.daily_tokens,
          .monthly_tokens = plan.monthly_tokens};
}

bool Standing::soft_cap_reached(Period period) const {
  const auto& limit = limits.requests(period);
  return limit && *limit > 0 &&
         static_cast<double>(requests(period)) >= static_cast<double>(*limit) * limits.soft_cap_ratio;
}

}  // namespace nexus::quotas

#include "modules/quotas/tenant_book.h"

#include <algorithm>
#include <utility>

namespace nexus::quotas {

void TenantBook::set_limits(const Limits& limits) {
  if (limits == limits_) return;
  limits_ = limits;
  for (auto& [start, day] : days_) {
    day.lease = 0;
    day.measured = false;
    day.asked_us.reset();
  }
}

TenantBook::Day& TenantBook::day_of(const Periods& periods) {
  Day& day = days_[periods.day];
  day.month = periods.month;
  return day;
}

bool TenantBook::is_loaded(const Periods& periods) const {
  const auto at = days_.find(periods.day);
  return at != days_.end() && at->second.loaded;
}

void TenantBook::load(const Periods& periods, const Counted& day, const Counted& month) {
  Day& known = day_of(periods);
  known.loaded = true;
  known.base = {day.requests, day.tokens.value_or(0)};
  months_[periods.month] = {month.requests, month.tokens.value_or(0)};
  forget_old_days(periods.day);
}

std::int64_t TenantBook::unflushed(Period period, Timestamp start) const {
  std::int64_t sum = 0;
  for (const auto& [day_start, day] : days_)
    if ((period == Period::kDay ? day_start : day.month) == start) sum += day.pending.requests + day.flushing.requests;
  return sum;
}

std::int64_t TenantBook::unflushed_tokens(Period period, Timestamp start) const {
  std::int64_t sum = 0;
  for (const auto& [day_start, day] : days_)
    if ((period == Period::kDay ? day_start : day.month) == start) sum += day.pending.tokens + day.flushing.tokens;
  return sum;
}

Standing TenantBook::standing(const Periods& periods) const {
  Standing standing{.limits = limits_,
                    .day_requests = unflushed(Period::kDay, periods.day),
                    .month_requests = unflushed(Period::kMonth, periods.month),
                    .day_tokens = unflushed_tokens(Period::kDay, periods.day),
                    .month_tokens = unflushed_tokens(Period::kMonth, periods.month)};
  if (const auto day = days_.find(periods.day); day != days_.end()) {
    standing.day_requests += day->second.base.requests;
    standing.day_tokens += day->second.base.tokens;
  }
  if (const auto month = months_.find(periods.month); month != months_.end()) {
    standing.month_requests += month->second.requests;
    standing.month_tokens += month->second.tokens;
  }
  return standing;
}

void TenantBook::expire(Day& day, std::int64_t steady_us) const {
  if (day.lease > 0 && steady_us >= day.lease_until_us) day.lease = 0;
}

TenantBook::Decision TenantBook::charge(const Periods& periods, std::int64_t units, std::int64_t steady_us) {
  Day& day = day_of(periods);
  last_used_us_ = steady_us;
  if (limits_.hard_cap_enabled && (limits_.daily_tokens || limits_.monthly_tokens)) {
    const Standing now = standing(periods);
    for (const Period period : {Period::kMonth, Period::kDay})
      if (const auto& limit = limits_.tokens(period); limit && now.tokens(period) >= *limit)
        return {Answer::kRefused, {.period = period, .tokens = true}};
  }
  if (limits_.caps_requests()) {
    expire(day, steady_us);
    const std::int64_t missing = units - (day.lease - day.pending.requests);
    if (missing > 0 || !day.measured) {
      const bool fresh = day.asked_us && steady_us - *day.asked_us < policy_.recheck_us;
      if (!fresh || missing <= std::min(day.day_room, day.month_room)) return {Answer::kAsk, {}};
      return {Answer::kRefused, {.period = missing > day.month_room ? Period::kMonth : Period::kDay}};
    }
  }
  day.pending.requests += units;
  day.charged_us = steady_us;
  return {Answer::kGranted, {}};
}

void TenantBook::refund(const Periods& periods, std::int64_t units) {
  day_of(periods).pending.requests -= units;
  // What a day gives back is room in the month for another day.
  for (auto& [start, day] : days_) day.asked_us.reset();
}

void TenantBook::add_tokens(const Periods& periods, std::int64_t tokens) {
  day_of(periods).pending.tokens += tokens;
}

void TenantBook::wait_for(const Periods& periods, std::int64_t units) {
  day_of(periods).waiting += units;
}

bool TenantBook::must_give_up(const Day& day, bool newest, std::int64_t steady_us) const {
  return !newest || !day.measured || day.crowded || !limits_.caps_requests() ||
         steady_us - day.charged_us >= policy_.idle_us;
}

Leg TenantBook::take_day(Timestamp start, Day& day, bool newest, bool closing, std::int64_t steady_us) {
  expire(day, steady_us);
  Leg leg{.periods = {start, day.month}, .units = day.pending.requests, .tokens = day.pending.tokens};
  leg.leased = day.leased;
  leg.lease_before = day.lease;
  const bool gives_up = closing || must_give_up(day, newest, steady_us);
  const std::int64_t remains = day.lease - leg.units;
  leg.kept = gives_up ? 0 : std::max<std::int64_t>(0, remains);
  leg.ahead = !closing && newest && steady_us - day.charged_us < policy_.idle_us;
  day.flushing = std::exchange(day.pending, {});
  day.lease = std::min(remains, leg.kept);  // a debt stays one while the flight is out
  return leg;
}

Flight TenantBook::take(Taking taking, std::int64_t steady_us) {
  const bool all = taking == Taking::kAll;
  Flight flight{.limits = limits_, .notes = notes_.take(steady_us, all)};
  for (auto at = days_.begin(); at != days_.end(); ++at) {
    auto& [start, day] = *at;
    const bool newest = std::next(at) == days_.end();
    const bool due =
        day.has_pending() ||
        (day.leased && (all || taking == Taking::kLook || day.lease == 0 || must_give_up(day, newest, steady_us)));
    if (due) flight.legs.push_back(take_day(start, day, newest, all, steady_us));
  }
  return flight;
}

Flight TenantBook::take_for(const Periods& periods, std::int64_t units, std::int64_t steady_us) {
  day_of(periods);
  Flight flight{.limits = limits_, .notes = notes_.take(steady_us, false), .asked = periods.day};
  for (auto at = days_.begin(); at != days_.end(); ++at) {
    auto& [start, day] = *at;
    const bool newest = std::next(at) == days_.end();
    const bool asked = start == periods.day;
    if (asked) day.charged_us = steady_us;
    if (!asked && day.is_clean()) continue;
    Leg leg = take_day(start, day, newest, false, steady_us);
    if (asked) leg.wanted = leg.kept + units + day.waiting;
    flight.legs.push_back(leg);
  }
  return flight;
}

void TenantBook::landed(const Flight& flight, std::int64_t taken_us, std::int64_t steady_us) {
  for (const Leg& leg : flight.legs) {
    Day& day = day_of(leg.periods);
    day.flushing = {};
    day.base = {leg.day.requests, leg.day.tokens.value_or(0)};
    months_[leg.periods.month] = {leg.month.requests, leg.month.tokens.value_or(0)};
    day.loaded = true;
    const bool current = flight.limits == limits_;  // else the lease was measured against limits that have gone
    day.lease = current ? leg.lease : 0;
    day.measured = current;
    day.leased = leg.lease > 0;
    // A fifth of its life is a margin for clocks and for requests that are between the check and the count.
    day.lease_until_us = taken_us + policy_.ttl_us - policy_.ttl_us / 5;
    day.day_room = leg.day_room;
    day.month_room = leg.month_room;
    day.asked_us = current ? std::optional(steady_us) : std::nullopt;
    day.crowded = leg.lease > (leg.lease + std::min(leg.day_room, leg.month_room)) / 4;
  }
  if (!flight.legs.empty()) forget_old_days(flight.asked.value_or(flight.legs.back().periods.day));
}

void TenantBook::crashed(Flight flight) {
  for (const Leg& leg : flight.legs) {
    Day& day = day_of(leg.periods);
    day.pending.requests += leg.units;
    day.pending.tokens += leg.tokens;
    day.flushing = {};
    if (flight.limits == limits_) day.lease = leg.lease_before;
    day.asked_us.reset();
  }
  notes_.give_back(std::move(flight.notes));
}

bool TenantBook::needs_flush() const {
  return notes_.waiting() ||
         std::any_of(days_.begin(), days_.end(), [](const auto& entry) { return !entry.second.is_clean(); });
}

void TenantBook::forget_old_days(Timestamp needed) {
  // Two days stay: around midnight requests of both are on their way. The one that somebody asks for is among them also
  // when the clock was set back and the others lie ahead of it.
  for (auto at = days_.begin(); days_.size() > 2 && at != days_.end();)
    at = at->first != needed && at->second.is_clean() ? days_.erase(at) : std::next(at);
  std::erase_if(months_, [&](const auto& month) {
    return std::none_of(days_.begin(), days_.end(),
                        [&](const auto& entry) { return entry.second.month == month.first; });
  });
}

}  // namespace nexus::quotas

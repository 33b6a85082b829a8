#include "modules/quotas/settlement.h"

#include <algorithm>

namespace nexus::quotas {

void Settlement::settle(db::Tx& tx, const TenantScope& tenant, Flight& flight, Timestamp now) const {
  for (Leg& leg : flight.legs) {
    const auto use = repository_.add(tx, tenant, leg.periods, leg.units, leg.tokens, now);
    leg.day = use.day;
    leg.month = use.month;
    leg.lease = leg.kept;
    leg.day_room = Leg::kNoCap;
    leg.month_room = Leg::kNoCap;
  }
  // Leases come after all additions: the days of a flight share their month.
  for (Leg& leg : flight.legs) {
    for (const Leg& later : flight.legs)
      if (later.periods.month == leg.periods.month) leg.month = later.month;
    lease(tx, tenant, flight, leg, now);
  }
}

void Settlement::lease(db::Tx& tx, const TenantScope& tenant, const Flight& flight, Leg& leg, Timestamp now) const {
  const Limits& limits = flight.limits;
  if (limits.caps_requests()) {
    const auto others = repository_.leased_to_others(tx, tenant, leg.periods, owner_, now);
    std::int64_t ours_elsewhere = 0;
    for (const Leg& other : flight.legs)
      if (&other != &leg && other.periods.month == leg.periods.month)
        ours_elsewhere += std::max<std::int64_t>(0, other.lease);
    if (limits.daily_requests) leg.day_room = *limits.daily_requests - leg.day.requests - others.day;
    if (limits.monthly_requests)
      leg.month_room = *limits.monthly_requests - leg.month.requests - others.month - ours_elsewhere;
    const std::int64_t room = std::min(leg.day_room, leg.month_room);
    std::int64_t hold = leg.wanted;
    if (leg.ahead && room > leg.wanted) hold += std::min(policy_.most_units, (room - leg.wanted) / policy_.share);
    // Above the cap what is given back pays the debt first.
    leg.lease = room < 0 && leg.kept == 0 ? room : std::max(leg.kept, std::min(hold, room));
    if (limits.daily_requests) leg.day_room -= leg.lease;
    if (limits.monthly_requests) leg.month_room -= leg.lease;
  } else {
    leg.lease = 0;
  }
  if (leg.lease > 0) {
    repository_.set_lease(tx, tenant, leg.periods, owner_, leg.lease, now + policy_.ttl_us);
  } else if (leg.leased) {
    repository_.drop_lease(tx, tenant, leg.periods, owner_);
  }
}

}  // namespace nexus::quotas

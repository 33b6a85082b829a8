#pragma once

#include "base/time.h"
#include "modules/quotas/quota_notes.h"
#include "modules/quotas/quotas_types.h"

#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <vector>

namespace nexus::quotas {

/// How many units a process holds in advance, and for how long.
struct LeasePolicy {
  std::int64_t most_units = 1024;    ///< 0: near or far from a cap, each request asks the database
  std::int64_t share = 8;            ///< never more than this part of what is left
  std::int64_t ttl_us = 30'000'000;  ///< after its death others may use what it held
  std::int64_t recheck_us = 50'000;  ///< how long "nothing left" is believed
  std::int64_t idle_us = 1'000'000;  ///< without requests for so long, a lease is given up
};

/// What one transaction does for one day of a tenant, and what it finds there.
struct Leg {
  static constexpr std::int64_t kNoCap = std::numeric_limits<std::int64_t>::max() / 4;

  Periods periods;
  std::int64_t units = 0;  ///< to be added to the counters
  std::int64_t tokens = 0;
  std::int64_t kept = 0;    ///< rights that stay in use while it runs: the new lease is not smaller
  std::int64_t wanted = 0;  ///< the new lease is at least this, as far as there is room
  bool ahead = false;       ///< and then some, because requests keep coming
  bool leased = false;      ///< the database may hold a lease of ours
  std::int64_t lease_before = 0;

  // The transaction's findings.
  Counted day;
  Counted month;
  std::int64_t lease = 0;
  std::int64_t day_room = kNoCap;  ///< units that nobody has used or leased
  std::int64_t month_room = kNoCap;
};

/// All that one transaction writes for a tenant.
struct Flight {
  Limits limits;
  std::vector<Leg> legs;  ///< ascending by day
  std::vector<Note> notes;
  std::optional<Timestamp> asked = {};  ///< the day that a request waits for

  [[nodiscard]] bool empty() const { return legs.empty() && notes.empty(); }
};

/// One process's account of one tenant, in memory: what the database said, what was granted since, and how much may be
/// granted before asking again.
///
/// Per UTC day: `base` (the counter as last returned) + `flushing` (on its way) + `pending` (granted since). Under a
/// hard cap `pending` never exceeds `lease`, units that the database holds for this process; over all processes
/// counters + leases stay within the cap, so the sum of what they grant does. Not thread-safe: its owner holds a lock.
/// At most one load or flight at a time.
class TenantBook {
 public:
  explicit TenantBook(const LeasePolicy& policy) : policy_(policy) {}

  [[nodiscard]] const Limits& limits() const { return limits_; }
  /// Other limits than before take effect at once: rights that were held under the old ones are not used any more.
  void set_limits(const Limits& limits);

  [[nodiscard]] bool is_loaded(const Periods& periods) const;
  /// What the counters say now.
  void load(const Periods& periods, const Counted& day, const Counted& month);
  [[nodiscard]] Standing standing(const Periods& periods) const;
  /// Use of a day or month that is not flushed.
  [[nodiscard]] std::int64_t unflushed(Period period, Timestamp start) const;
  [[nodiscard]] std::int64_t unflushed_tokens(Period period, Timestamp start) const;

  enum class Answer : std::uint8_t {
    kGranted,
    kRefused,
    kAsk,  ///< the database knows whether there is room: take(), commit, landed(), then ask again
  };
  struct Decision {
    Answer answer = Answer::kGranted;
    Refusal refusal;
  };
  /// The day must be loaded.
  Decision charge(const Periods& periods, std::int64_t units, std::int64_t steady_us);
  void refund(const Periods& periods, std::int64_t units);
  void add_tokens(const Periods& periods, std::int64_t tokens);
  /// Units that somebody waits for while a flight is out; the next one asks for them too.
  void wait_for(const Periods& periods, std::int64_t units);

  enum class Taking : std::uint8_t {
    kDue,   ///< what is pending, leases to be given up
    kLook,  ///< also days with a lease: others have written, so look where the counters stand
    kAll,   ///< everything, and no lease stays: the process ends
  };
  [[nodiscard]] Flight take(Taking taking, std::int64_t steady_us);
  /// For a request that got kAsk.
  [[nodiscard]] Flight take_for(const Periods& periods, std::int64_t units, std::int64_t steady_us);
  void landed(const Flight& flight, std::int64_t taken_us, std::int64_t steady_us);
  void crashed(Flight flight);

  /// True while a flush has something to do now or later: pending use, a lease, notes.
  [[nodiscard]] bool needs_flush() const;
  [[nodiscard]] std::int64_t last_used_us() const { return last_used_us_; }
  Notes& notes() { return notes_; }

 private:
  struct Tally {
    std::int64_t requests = 0;
    std::int64_t tokens = 0;
  };
  struct Day {
    Timestamp month;
    bool loaded = false;
    Tally base;
    Tally pending;
    Tally flushing;
    std::int64_t waiting = 0;
    std::int64_t lease = 0;  // covers `pending`; negative: so much is used above the cap
    bool measured = false;   // `lease` was found under these limits
    std::int64_t lease_until_us = 0;
    bool leased = false;                   // the database may hold a row
    bool crowded = false;                  // the lease is a large part of what is left: do not sit on it
    std::optional<std::int64_t> asked_us;  // when the rooms were found
    std::int64_t day_room = 0;
    std::int64_t month_room = 0;
    std::int64_t charged_us = 0;

    [[nodiscard]] bool has_pending() const { return pending.requests != 0 || pending.tokens != 0; }
    [[nodiscard]] bool is_clean() const { return !has_pending() && !leased && waiting == 0; }
  };

  Day& day_of(const Periods& periods);
  void expire(Day& day, std::int64_t steady_us) const;
  [[nodiscard]] bool must_give_up(const Day& day, bool newest, std::int64_t steady_us) const;
  Leg take_day(Timestamp start, Day& day, bool newest, bool closing, std::int64_t steady_us);
  void forget_old_days(Timestamp needed);

  LeasePolicy policy_;
  Limits limits_;
  std::map<Timestamp, Day> days_;
  std::map<Timestamp, Tally> months_;  // bases
  Notes notes_;
  std::int64_t last_used_us_ = 0;
};

}  // namespace nexus::quotas

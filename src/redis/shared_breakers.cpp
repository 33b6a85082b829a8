#include "redis/shared_breakers.h"

#include <utility>

namespace nexus::redis {
namespace {

using outbound::BreakerAdmission;
using outbound::BreakerOutcome;
using outbound::BreakerPolicy;
using outbound::BreakerState;
using outbound::BreakerTicket;

/// Marks tickets of the local breakers, whose outcomes mean nothing to the shared ones. Generations in Redis are
/// microseconds and stay below it for 290,000 years.
constexpr std::uint64_t kLocal = std::uint64_t{1} << 63U;
constexpr std::int64_t kUsPerMs = 1'000;

// A generation is the time at which it began, so that one which is forgotten and begun anew is not the same.
constexpr std::string_view kRecord = R"(
local clock = redis.call('TIME')
local now = tonumber(clock[1]) * 1e6 + tonumber(clock[2])
local stored = redis.call('HMGET', KEYS[1], 'state', 'failures', 'half_open_trials', 'since_us', 'last_trial_us', 'generation')
local b = {state = stored[1] or 'closed', failures = tonumber(stored[2] or 0), trials = tonumber(stored[3] or 0),
           since = tonumber(stored[4] or 0), last_trial = tonumber(stored[5] or 0),
           generation = tonumber(stored[6] or now)}
local function move_to(state)
  b.state, b.failures, b.trials = state, 0, 0
  b.generation = math.max(now, b.generation + 1)
end
local function save(keep_ms)
  redis.call('HSET', KEYS[1], 'state', b.state, 'failures', b.failures, 'half_open_trials', b.trials,
    'opened_at', b.state == 'closed' and '' or string.format('%.6f', b.since / 1e6),
    'since_us', string.format('%.0f', b.since), 'last_trial_us', string.format('%.0f', b.last_trial),
    'generation', string.format('%.0f', b.generation))
  redis.call('PEXPIRE', KEYS[1], keep_ms)
end
)";

// ARGV: open_us, half-open trials, keep_ms. Answers: allowed, trial, generation, new state or ''.
constexpr std::string_view kAdmit = R"(
local open_us, most, keep_ms = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3]
local allowed, trial, changed = 1, 0, ''
if b.state == 'open' and now - b.since >= open_us then
  move_to('half_open')
  changed = 'half_open'
end
if b.state == 'open' then allowed = 0 end
if b.state == 'half_open' then
  if b.trials >= most and now - b.last_trial >= open_us then b.trials = 0 end
  if b.trials >= most then
    allowed = 0
  else
    b.trials, b.last_trial, trial = b.trials + 1, now, 1
  end
end
if allowed == 1 or changed ~= '' then save(keep_ms) end
return {allowed, trial, b.generation, changed}
)";

// ARGV: failure threshold, keep_ms, ticket's generation, ticket is a trial, outcome. Answers the new state or ''.
constexpr std::string_view kSettle = R"(
local threshold, keep_ms, generation, trial, outcome = tonumber(ARGV[1]), ARGV[2], tonumber(ARGV[3]), ARGV[4], ARGV[5]
if not stored[6] or generation ~= b.generation then return '' end
local changed = ''
if outcome == 'neither' then
  if trial == '1' and b.trials > 0 then b.trials = b.trials - 1 end
elseif outcome == 'success' then
  b.failures = 0
  if b.state ~= 'closed' then
    move_to('closed')
    changed = 'closed'
  end
else
  b.failures = b.failures + 1
  if b.state ~= 'closed' or b.failures >= threshold then
    move_to('open')
    b.since = now
    changed = 'open'
  end
end
save(keep_ms)
return changed
)";

std::optional<BreakerState> state_of(std::string_view text) {
  for (const BreakerState state : {BreakerState::kClosed, BreakerState::kHalfOpen, BreakerState::kOpen})
    if (text == outbound::to_string(state)) return state;
  return std::nullopt;
}

std::string_view name_of(BreakerOutcome outcome) {
  switch (outcome) {
    case BreakerOutcome::kSuccess:
      return "success";
    case BreakerOutcome::kFailure:
      return "failure";
    case BreakerOutcome::kNeither:
      return "neither";
  }
  return "neither";
}

}  // namespace

SharedBreakers::SharedBreakers(Client& client, const Clock& clock, std::string prefix, std::int64_t keep_us)
    : client_(client),
      prefix_(std::move(prefix)),
      keep_us_(keep_us),
      local_(clock),
      admit_(std::string(kRecord).append(kAdmit)),
      settle_(std::string(kRecord).append(kSettle)) {}

std::string SharedBreakers::key_of(std::string_view name) const {
  return std::string(prefix_).append(":").append(name);
}

BreakerAdmission SharedBreakers::admit(std::string_view name, const BreakerPolicy& policy) {
  const Reply reply = client_.call(Command(admit_, {key_of(name)})
                                       .arg(policy.open_us)
                                       .arg(static_cast<std::int64_t>(policy.half_open_trials))
                                       .arg(keep_us_ / kUsPerMs));
  const auto& items = reply.value.items;
  if (!reply.ok() || items.size() != 4 || !items[2].is_integer() || items[2].integer < 0) {
    BreakerAdmission admission = local_.admit(name, policy);
    admission.ticket.generation |= kLocal;
    return admission;
  }
  return {.allowed = items[0].integer == 1,
          .ticket = {.generation = static_cast<std::uint64_t>(items[2].integer), .trial = items[1].integer == 1},
          .changed_to = state_of(items[3].text)};
}

std::optional<BreakerState> SharedBreakers::settle(std::string_view name, const BreakerPolicy& policy,
                                                   BreakerTicket ticket, BreakerOutcome outcome) {
  if ((ticket.generation & kLocal) != 0) {
    ticket.generation &= ~kLocal;
    return local_.settle(name, policy, ticket, outcome);
  }
  const Reply reply = client_.call(Command(settle_, {key_of(name)})
                                       .arg(static_cast<std::int64_t>(policy.failure_threshold))
                                       .arg(keep_us_ / kUsPerMs)
                                       .arg(static_cast<std::int64_t>(ticket.generation))
                                       .arg(std::string_view(ticket.trial ? "1" : "0"))
                                       .arg(name_of(outcome)));
  return reply.ok() ? state_of(reply.value.text) : std::nullopt;
}

BreakerState SharedBreakers::state(std::string_view name) const {
  const Reply reply = client_.call(Command({"HGET"}).key(key_of(name)).arg(std::string_view("state")));
  if (!reply.ok()) return local_.state(name);
  return state_of(reply.value.text).value_or(BreakerState::kClosed);
}

bool SharedBreakers::reset(std::string_view name) {
  const bool local = local_.reset(name);
  // Deleted rather than closed, as operators do it by hand: calls under way report to a generation that is gone.
  const Reply before = client_.call(Command({"HGET"}).key(key_of(name)).arg(std::string_view("state")));
  const Reply gone = client_.call(Command({"DEL"}).key(key_of(name)));
  if (!gone.ok()) return local;
  return before.ok() && before.value.is_text() && before.value.text != "closed";
}

}  // namespace nexus::redis

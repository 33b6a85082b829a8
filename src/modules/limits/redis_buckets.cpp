#include "modules/limits/redis_buckets.h"

#include "redis/client.h"

#include <string_view>
#include <utility>

namespace nexus::limits {
namespace {

constexpr std::string_view kServerTime = R"(
local clock = redis.call('TIME')
local now = tonumber(clock[1]) * 1e6 + tonumber(clock[2])
)";
constexpr std::string_view kCallerTime = R"(
local now = tonumber(ARGV[6])
)";

// KEYS: bucket of the key, bucket of the tenant. ARGV: cost, then units per microsecond and burst of each.
// A level is `tokens` whole ones and `units`, the rest of the next, in trillionths. No product and no sum of the
// refill exceeds 2^53: rates are below 1e12 units and multiplied in halves of 1e6, waits are cut off at 1e9 seconds,
// by when any bucket is full. math.fmod and not %, which divides and rounds.
// Answers 1 when both were charged, then both levels as they were before, tokens and units.
constexpr std::string_view kDecide = R"(
local function refill(stored, rate, burst)
  local b = {tokens = burst, units = 0, at = now}
  if not stored then return b end
  local tokens, units, at = string.match(stored, '^(%d+) (%d+) (%d+)$')
  if not tokens then return b end
  b.tokens, b.units, b.at = tonumber(tokens), tonumber(units), tonumber(at)
  local passed = now - b.at
  if passed < -1e6 then
    b.at = now
    b.moved = true
  elseif passed > 0 then
    local micros = math.fmod(passed, 1e6)
    local seconds = math.min((passed - micros) / 1e6, 1e9)
    local low = math.fmod(rate, 1e6)
    local high = (rate - low) / 1e6
    local middle = high * micros + low * seconds
    local rest = math.fmod(middle, 1e6)
    b.units = b.units + rest * 1e6 + low * micros
    local over = math.fmod(b.units, 1e12)
    b.tokens = b.tokens + high * seconds + (middle - rest) / 1e6 + (b.units - over) / 1e12
    b.units = over
    b.at = now
  end
  if b.tokens >= burst then b.tokens, b.units = burst, 0 end
  return b
end
local function store(name, b, rate, burst)
  local missing = burst - b.tokens - b.units / 1e12
  local expires = KEEP or math.floor(missing / (rate / 1e6) * 1000) + 2
  redis.call('SET', name, string.format('%d %.0f %.0f', b.tokens, b.units, b.at), 'PX', string.format('%.0f', expires))
end
local cost = tonumber(ARGV[1])
local key_rate, key_burst = tonumber(ARGV[2]), tonumber(ARGV[3])
local tenant_rate, tenant_burst = tonumber(ARGV[4]), tonumber(ARGV[5])
local stored = redis.call('MGET', KEYS[1], KEYS[2])
local key = refill(stored[1], key_rate, key_burst)
local tenant = refill(stored[2], tenant_rate, tenant_burst)
local answer = {0, key.tokens, key.units, tenant.tokens, tenant.units}
if key.tokens >= cost and tenant.tokens >= cost then
  answer[1] = 1
  key.tokens = key.tokens - cost
  tenant.tokens = tenant.tokens - cost
  key.moved, tenant.moved = true, true
end
if key.moved then store(KEYS[1], key, key_rate, key_burst) end
if tenant.moved then store(KEYS[2], tenant, tenant_rate, tenant_burst) end
return answer
)";

std::string script_text(RedisBuckets::Time time) {
  const bool server = time == RedisBuckets::Time::kServer;
  std::string text(server ? "local KEEP = nil" : "local KEEP = 3600000");
  text += server ? kServerTime : kCallerTime;
  text += kDecide;
  return text;
}

/// Ids are data: braces would move the hash tag, and colons or line ends could make two names one.
void append_escaped(std::string& out, std::string_view id) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  for (const char c : id) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte > 0x20 && byte != 0x7F && c != '{' && c != '}' && c != ':' && c != '%') {
      out += c;
    } else {
      out += '%';
      out += kDigits[byte >> 4U];
      out += kDigits[byte & 15U];
    }
  }
}

/// The five numbers of an answer; false when it is none.
bool read_answer(const redis::Reply& reply, bool& allowed, Bucket& key, Bucket& tenant) {
  if (!reply.ok() || !reply.value.is_array() || reply.value.items.size() != 5) return false;
  for (const redis::Value& item : reply.value.items)
    if (!item.is_integer() || item.integer < 0 || item.integer > kToken) return false;
  const auto& items = reply.value.items;
  if (items[1].integer > Rate::kMostBurst || items[3].integer > Rate::kMostBurst) return false;
  allowed = items[0].integer == 1;
  key.level = items[1].integer * kToken + items[2].integer;
  tenant.level = items[3].integer * kToken + items[4].integer;
  return true;
}

}  // namespace

struct RedisBuckets::Scripts {
  explicit Scripts(Time time) : decide(script_text(time)) {}
  redis::Script decide;
};

RedisBuckets::RedisBuckets(redis::Client& client, LocalBuckets& shadow, std::string prefix, Time time)
    : client_(client), shadow_(shadow), prefix_(std::move(prefix)), scripts_(std::make_unique<Scripts>(time)) {}
RedisBuckets::~RedisBuckets() = default;

Decision RedisBuckets::decide(const Take& take) {
  std::string common = prefix_ + ":{";
  append_escaped(common, take.tenant_id);
  common += "}:";
  const std::string_view route_class = http::to_string(take.route_class);
  std::string key_name = common + "key:";
  append_escaped(key_name, take.credential_id);
  key_name.append(":").append(route_class);
  const std::string tenant_name = common.append("tenant:").append(route_class);

  redis::Command command(scripts_->decide, {key_name, tenant_name});
  command.arg(take.cost)
      .arg(take.key_rate.units_per_us())
      .arg(take.key_rate.burst())
      .arg(take.tenant_rate.units_per_us())
      .arg(take.tenant_rate.burst())
      .arg(take.now_us);
  bool allowed = false;
  Bucket key;
  Bucket tenant;
  if (!read_answer(client_.call(command), allowed, key, tenant)) return {.lost = true};
  // The same levels give the same decision, waiting times and scope as in this process.
  const Decision decision = take_from(key, tenant, take);
  if (decision.allowed != allowed) return {.lost = true};
  if (!allowed) return decision;
  // The shadow has seen a part of what was taken there, so it has more left, unless Redis has lost its state or this
  // process has decided by itself meanwhile. What it refuses then has been granted before.
  const Decision own = shadow_.decide(take);
  return own.allowed ? decision : own;
}

}  // namespace nexus::limits

#include "redis/heartbeats.h"

#include <algorithm>
#include <charconv>
#include <utility>

namespace nexus::redis {
namespace {

// KEYS: the set. ARGV: the worker, milliseconds after which one is forgotten.
constexpr std::string_view kBeat = R"(
local clock = redis.call('TIME')
local now = tonumber(clock[1]) * 1000 + math.floor(tonumber(clock[2]) / 1000)
redis.call('ZADD', KEYS[1], now, ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - tonumber(ARGV[2]))
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 1
)";
// KEYS: the set. ARGV: milliseconds after which one is forgotten, the most workers to tell of. Worker, age, worker, …
constexpr std::string_view kRead = R"(
local clock = redis.call('TIME')
local now = tonumber(clock[1]) * 1000 + math.floor(tonumber(clock[2]) / 1000)
local found = redis.call('ZREVRANGEBYSCORE', KEYS[1], '+inf', now - tonumber(ARGV[1]), 'WITHSCORES', 'LIMIT', 0, ARGV[2])
for i = 2, #found, 2 do found[i] = math.max(0, now - tonumber(found[i])) end
return found
)";
constexpr std::int64_t kUsPerMs = 1'000;
constexpr std::int64_t kMostWorkers = 10'000;

std::string member(std::string_view kind, std::string_view id) {
  return std::string(kind).append(" ").append(id);
}

}  // namespace

Heartbeats::Heartbeats(Client& client, const Clock& clock, HeartbeatOptions options)
    : client_(client),
      clock_(clock),
      options_(std::move(options)),
      set_(options_.key + "s"),
      beat_(std::string(kBeat)),
      read_(std::string(kRead)) {}

void Heartbeats::beat(std::string_view kind, std::string_view id) {
  const auto nobody_waits = [](const Reply&) {};
  client_.send(Command({"SET"}).key(options_.key).arg(iso(clock_.now())), nobody_waits);
  client_.send(Command(beat_, {set_}).arg(member(kind, id)).arg(options_.forget_us / kUsPerMs), nobody_waits);
}

void Heartbeats::leave(std::string_view kind, std::string_view id) {
  client_.send(Command({"ZREM"}).key(set_).arg(member(kind, id)), [](const Reply&) {});
}

std::optional<std::vector<Heartbeats::Worker>> Heartbeats::workers() {
  const Reply reply = client_.call(Command(read_, {set_}).arg(options_.forget_us / kUsPerMs).arg(kMostWorkers));
  if (!reply.ok() || !reply.value.is_array()) return std::nullopt;
  std::vector<Worker> out;
  const auto& items = reply.value.items;
  for (std::size_t i = 0; i + 1 < items.size(); i += 2) {
    const std::size_t space = items[i].text.find(' ');
    if (space == std::string::npos) continue;  // not written by us
    out.push_back({.kind = items[i].text.substr(0, space),
                   .id = items[i].text.substr(space + 1),
                   .age_us = items[i + 1].integer * kUsPerMs});
  }
  return out;
}

std::optional<std::int64_t> Heartbeats::age_us(std::string_view kind) {
  const auto all = workers();
  if (!all) return std::nullopt;
  const auto found = std::find_if(all->begin(), all->end(), [&](const Worker& worker) { return worker.kind == kind; });
  if (found == all->end()) return std::nullopt;
  return found->age_us;
}

}  // namespace nexus::redis

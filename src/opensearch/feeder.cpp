#include "opensearch/feeder.h"

#include "base/ids.h"
#include "exec/thread_name.h"
#include "observe/log.h"
#include "observe/metrics.h"
#include "opensearch/feeder_batch.h"

#include <algorithm>
#include <chrono>
#include <exception>
#include <set>
#include <utility>

namespace nexus::opensearch {

Feeder::Feeder(db::Database& db, Cluster& cluster, const Clock& clock, FeedOptions options, observe::Metrics& metrics,
               exec::Random random, AttributesOf attributes)
    : db_(db),
      cluster_(cluster),
      clock_(clock),
      options_(options),
      metrics_(metrics),
      attributes_(std::move(attributes)),
      random_(std::move(random)) {}

Feeder::~Feeder() {
  stop();
}

void Feeder::start() {
  if (thread_.joinable()) return;
  thread_ = std::jthread([this](const std::stop_token& stop) { loop(stop); });
}

void Feeder::stop() {
  if (!thread_.joinable()) return;
  thread_.request_stop();
  thread_.join();
}

void Feeder::wake() {
  const std::lock_guard lock(mutex_);
  due_ = true;
  woken_.notify_one();
}

void Feeder::loop(const std::stop_token& stop) {
  exec::name_thread("index-feeder");
  while (!stop.stop_requested()) {
    std::size_t claimed = 0;
    try {
      claimed = run_once(stop).claimed;
      measure();
    } catch (const std::exception& e) {  // the database: it is asked again after the pause
      observe::log_error("the index outbox could not be read", {{"reason", e.what()}});
    }
    if (claimed > 0) continue;
    std::unique_lock lock(mutex_);
    woken_.wait_for(lock, stop, std::chrono::microseconds(options_.poll_us), [&] { return due_; });
    due_ = false;
  }
}

Feeder::Round Feeder::run_once(const std::stop_token& stop) {
  const std::string owner = uuid4();
  std::vector<Claim> claims = claim(owner);
  if (claims.empty()) return {};
  Batch batch(*this, std::move(claims), stop);
  batch.run();
  return settle(batch.deliveries(), owner);
}

std::vector<std::string> Feeder::due_tenants(db::Snapshot& db, const std::string& start, Timestamp now) const {
  std::vector<std::string> out;
  std::set<std::string, std::less<>> seen;
  std::string at = start;
  for (int turn = 0; turn < 2; ++turn) {
    while (out.size() < options_.batch_documents) {
      std::optional<std::string> tenant = rows_.next_tenant(db, at, now);
      if (!tenant || !seen.insert(*tenant).second) break;
      at = *tenant;
      out.push_back(std::move(*tenant));
    }
    at.clear();  // the second turn starts with the first tenant of all
  }
  return out;
}

std::vector<Claim> Feeder::claim(const std::string& owner) {
  std::string start;
  {
    const std::lock_guard lock(mutex_);
    start = last_tenant_;
  }
  const Timestamp now = clock_.now();
  if (!db_.read([&](db::Snapshot& db) { return rows_.next_tenant(db, "", now); })) return {};  // no commit for nothing
  std::string last;
  std::vector<Claim> claims = db_.write([&](db::Tx& tx) {
    std::vector<Claim> out;
    last = start;
    const std::vector<std::string> tenants = due_tenants(tx, start, now);
    // Some of each in turn, so that one with much to do does not keep the others waiting.
    for (bool more = true; more;) {
      more = false;
      for (const std::string& tenant : tenants) {
        const std::size_t most = std::min(options_.per_tenant, options_.batch_documents - out.size());
        if (most == 0) return out;
        const std::vector<Claim> some =
            rows_.claim(tx, tenant, owner, now, now + options_.lease_us, static_cast<std::int64_t>(most));
        out.insert(out.end(), some.begin(), some.end());
        more = more || !some.empty();
        last = tenant;
      }
    }
    return out;
  });
  const std::lock_guard lock(mutex_);
  last_tenant_ = std::move(last);
  return claims;
}

Feeder::Round Feeder::settle(const std::vector<Delivery>& deliveries, const std::string& owner) {
  using State = Delivery::State;
  const Timestamp now = clock_.now();
  std::vector<Timestamp> due;
  for (const Delivery& delivery : deliveries)
    due.push_back(delivery.tried ? now + pause_us(delivery.claim.attempts) : now);
  Round round;
  std::size_t lost = 0;
  db_.write([&](db::Tx& tx) {
    round = {.claimed = deliveries.size(), .fault = {}};
    lost = 0;
    for (std::size_t i = 0; i < deliveries.size(); ++i) {
      const Delivery& delivery = deliveries[i];
      if (!delivery.fault.empty() && round.fault.empty()) round.fault = delivery.fault;
      if (delivery.state == State::kSent) {
        ++round.delivered;
        if (rows_.finish(tx, delivery.claim, owner, now) == OutboxRepository::Finish::kLost) ++lost;
      } else if (delivery.state == State::kImpossible) {
        ++round.dead;
        rows_.bury(tx, delivery.claim, owner, delivery.fault);
      } else {
        ++round.postponed;
        rows_.postpone(tx, delivery.claim, owner, due[i], delivery.fault);
      }
    }
  });
  const auto count = [&](const char* result, std::size_t n) {
    if (n > 0) metrics_.counter("nexusrag_index_deliveries_total", {{"result", result}}).add(n);
  };
  count("delivered", round.delivered);
  count("postponed", round.postponed);
  count("dead", round.dead);
  count("late", lost);
  if (round.dead > 0)
    observe::log_error("documents cannot be indexed by the search cluster",
                       {{"documents", round.dead}, {"fault", round.fault}});
  return round;
}

std::int64_t Feeder::pause_us(std::int64_t attempts) {
  const std::lock_guard lock(mutex_);
  exec::Backoff backoff({.first_us = options_.first_pause_us, .most_us = options_.most_pause_us}, random_);
  std::int64_t pause = backoff.next_us();
  constexpr std::int64_t kMostDoublings = 32;
  for (std::int64_t i = 1; i < std::min(attempts, kMostDoublings); ++i) pause = backoff.next_us();
  return pause;
}

void Feeder::measure() {
  const Backlog backlog = db_.read([&](db::Snapshot& db) { return rows_.backlog(db); });
  const Timestamp now = clock_.now();
  metrics_.gauge("nexusrag_index_outbox_documents", {{"state", "pending"}}).set(static_cast<double>(backlog.pending));
  metrics_.gauge("nexusrag_index_outbox_documents", {{"state", "dead"}}).set(static_cast<double>(backlog.dead));
  const std::int64_t age_us = backlog.oldest ? std::max<std::int64_t>(now - *backlog.oldest, 0) : 0;
  metrics_.gauge("nexusrag_index_lag_seconds").set(static_cast<double>(age_us) / 1e6);
}

}  // namespace nexus::opensearch

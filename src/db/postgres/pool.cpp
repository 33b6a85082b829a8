#include "db/postgres/pool.h"

#include "exec/dice.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace nexus::db::postgres {
namespace {

/// How long a connection beyond the pool's size may lie idle.
constexpr std::chrono::seconds kOverflowIdle{30};
/// The server ends a statement by its own clock; for its answer we wait this much longer.
constexpr std::chrono::seconds kAnswerMargin{5};

exec::BackoffPolicy reconnect_policy(const PostgresOptions& options) {
  using std::chrono::microseconds;
  return {.first_us = microseconds(options.reconnect_first).count(),
          .most_us = microseconds(options.reconnect_most).count(),
          .factor = 2,
          .jitter = 0.5};
}

Connection::Limit answer_limit(const PostgresOptions& options) {
  return options.statement_timeout.count() > 0 ? options.statement_timeout + kAnswerMargin : Connection::Limit(0);
}

}  // namespace

Pool::Pool(const ConnInfo& info, const PostgresOptions& options, Probe& probe)
    : info_(info), options_(options), probe_(probe), backoff_(reconnect_policy(options), exec::dice()) {}

void Pool::report() {
  probe_.connections(open_, idle_.size());
}

Pool::Lease Pool::take() {
  const auto deadline = Steady::now() + options_.busy_limit;
  const std::size_t most = std::size_t{options_.pool_size} + options_.max_overflow;
  std::unique_lock lock(mutex_);
  for (;;) {
    if (!idle_.empty()) {
      Member member = std::move(idle_.back());
      idle_.pop_back();
      report();
      lock.unlock();
      if (member.session->usable()) return {*this, std::move(member)};
      member.session.reset();  // the server has hung up: on this one, and probably on the rest
      lock.lock();
      --open_;
      continue;
    }
    if (open_ < most) {
      if (Steady::now() < next_try_) throw Error(ErrorCode::kUnavailable, last_failure_);
      ++open_;
      report();
      lock.unlock();
      return {*this, connect()};
    }
    if (free_.wait_until(lock, deadline) == std::cv_status::timeout && idle_.empty() && open_ >= most) {
      throw Error(ErrorCode::kBusy, fmt::format("all {} connections to PostgreSQL are in use", most));
    }
  }
}

Pool::Member Pool::connect() {
  try {
    Member member{
        .session = std::make_unique<PostgresSession>(info_, answer_limit(options_), options_.statement_timeout),
        .retire_at = {},
        .idle_since = {}};
    const std::lock_guard lock(mutex_);
    backoff_.reset();
    // Not all at once: up to a fifth younger than the limit.
    const double share = 0.8 + 0.2 * exec::dice()();
    member.retire_at = Steady::now() + std::chrono::duration_cast<Steady::duration>(options_.connection_age * share);
    return member;
  } catch (const Error& e) {
    const std::lock_guard lock(mutex_);
    --open_;
    last_failure_ = e.what();
    next_try_ = Steady::now() + std::chrono::microseconds(backoff_.next_us());
    report();
    free_.notify_one();
    throw;
  }
}

void Pool::give_back(Member member) noexcept {
  const auto now = Steady::now();
  if (now >= member.retire_at || !member.session->usable()) return drop(std::move(member));
  Member surplus;  // closed outside the lock
  const std::lock_guard lock(mutex_);
  member.idle_since = now;
  idle_.push_back(std::move(member));
  if (open_ > options_.pool_size && now - idle_.front().idle_since > kOverflowIdle) {
    surplus = std::move(idle_.front());
    idle_.erase(idle_.begin());
    --open_;
  }
  report();
  free_.notify_one();
}

void Pool::drop(Member member) noexcept {
  member.session.reset();
  const std::lock_guard lock(mutex_);
  --open_;
  report();
  free_.notify_one();
}

}  // namespace nexus::db::postgres

#include "db/postgres/transactor.h"

#include "db/postgres/nesting.h"
#include "exec/backoff.h"
#include "exec/dice.h"
#include "observe/log.h"

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

namespace nexus::db::postgres {
namespace {

using Steady = std::chrono::steady_clock;

constexpr std::string_view kIdleTooLong = "25P03";
constexpr int kMostReplacements = 2;  // of lost connections within one transaction
constexpr int kInTurnFrom = 2;        // attempts
constexpr int kAloneFrom = 5;

Contention::Level level_of(int attempt) {
  if (attempt < kInTurnFrom) return Contention::Level::kFree;
  return attempt < kAloneFrom ? Contention::Level::kInTurn : Contention::Level::kAlone;
}

std::string_view reason_of(const PostgresError& failure) {
  if (failure.remedy() == Remedy::kReplace) return "connection";
  return failure.sqlstate() == "55P03" ? "name" : "serialization";
}

exec::Backoff retry_backoff() {
  return exec::Backoff({.first_us = 1'000, .most_us = 50'000, .factor = 2, .jitter = 0.9}, exec::dice());
}

bool same(const NameAsked& a, const NameAsked& b) {
  return a.statement == b.statement && a.values == b.values;
}

/// Everybody takes names in the same order.
void merge(std::vector<NameAsked>& names, const std::vector<NameAsked>& more) {
  for (const NameAsked& asked : more) {
    const bool known = std::any_of(names.begin(), names.end(), [&](const NameAsked& n) { return same(n, asked); });
    if (!known) names.push_back(asked);
  }
  std::sort(names.begin(), names.end(), [](const NameAsked& a, const NameAsked& b) {
    return std::pair(a.statement->name(), std::cref(a.values).get()) <
           std::pair(b.statement->name(), std::cref(b.values).get());
  });
}

/// The commit stands; what runs after it may fail on its own.
void run_actions(const std::vector<std::function<void()>>& actions) {
  for (const auto& action : actions) {
    try {
      action();
    } catch (const std::exception& e) {
      observe::log_error("an action after a commit failed", {{"reason", e.what()}});
    }
  }
}

}  // namespace

Transactor::Transactor(const void* database, const PostgresOptions& options, const Clock& clock, Probe& probe,
                       Pool& pool, Listener& listener, Changes& changes)
    : database_(database),
      options_(options),
      clock_(clock),
      probe_(probe),
      pool_(pool),
      listener_(listener),
      changes_(changes) {}

void Transactor::bump(const std::vector<Changes::Slot>& touched) {
  for (const Changes::Slot slot : touched) changes_.bump(slot);
}

void Transactor::write(const Database::Work& work, Durability durability, std::size_t jobs) {
  if (Nesting::is_writing(database_)) {
    throw std::logic_error("a write inside a write, or in what runs after its commit, would wait for itself");
  }
  const auto deadline = Steady::now() + options_.busy_limit;
  const std::int64_t start_us = clock_.steady_us();
  std::optional<exec::Backoff> backoff;
  Attempt attempt;
  int replacements = 0;
  for (int number = 1;; ++number) {
    {
      const Contention::Pass pass = contention_.enter(level_of(number), deadline);
      attempt_write(work, durability, attempt);
    }
    if (!attempt.failure) break;
    const PostgresError failure = *std::exchange(attempt.failure, std::nullopt);
    probe_.retried(reason_of(failure));
    if (failure.remedy() == Remedy::kReplace) {
      if (++replacements > kMostReplacements) throw Error(failure);
      continue;
    }
    if (Steady::now() >= deadline) throw Error(failure);
    if (!backoff) backoff.emplace(retry_backoff());
    std::this_thread::sleep_for(std::chrono::microseconds(backoff->next_us()));
  }
  probe_.committed(durability, jobs, clock_.steady_us() - start_us);
  if (attempt.actions.empty()) return;
  const Nesting after(database_, nullptr, Nesting::Kind::kWrite);
  run_actions(attempt.actions);
}

/// Throws what must not be tried again; leaves the failure in `attempt` otherwise, or nothing after the commit.
void Transactor::attempt_write(const Database::Work& work, Durability durability, Attempt& attempt) {
  const std::int64_t wait_us = clock_.steady_us();
  Pool::Lease lease = pool_.take();
  probe_.waited(true, clock_.steady_us() - wait_us);
  try {
    lease->take_names(attempt.names);
    lease->begin(Mode::kSerializable, durability);
    {
      const Nesting scope(database_, &*lease, Nesting::Kind::kWrite);
      Tx tx(*lease);
      work(tx);
    }
    lease->commit(listener_.notice(lease->touched()));
  } catch (...) {
    after_failed_write(lease, attempt);
    if (!attempt.failure) throw;
    return;
  }
  bump(lease->touched());
  attempt.actions = lease->take_actions();
}

/// In the handler of what the attempt threw. The connection's own failure counts more than what the work made of it.
void Transactor::after_failed_write(Pool::Lease& lease, Attempt& attempt) {
  std::optional<PostgresError> cause = lease->failure();
  try {
    throw;
  } catch (const PostgresError& e) {
    if (!cause) cause = e;
  } catch (...) {  // the caller throws it on
  }
  const bool ended_before = cause && cause->sqlstate() == kIdleTooLong;  // the server had given up on it by itself
  if (cause && cause->lost() && lease->commit_sent() && !ended_before) {
    listener_.heed_own();  // it may still be committed, after everybody has looked
    bump(lease->touched());
    lease.discard();
    throw UnknownOutcome();
  }
  if (cause && cause->remedy() == Remedy::kAgain) merge(attempt.names, lease->names());
  if (cause && (cause->lost() || cause->remedy() == Remedy::kReplace)) {
    lease.discard();
  } else {
    lease->abandon();
  }
  if (cause && cause->remedy() != Remedy::kNone) attempt.failure = cause;
}

void Transactor::read(const std::function<void(Snapshot&)>& work) {
  if (PostgresSession* outer = Nesting::open(database_)) {
    Snapshot snapshot(*outer);
    work(snapshot);
    return;
  }
  for (int again = 0;; ++again) {
    const std::optional<PostgresError> failure = attempt_read(work);
    if (!failure) return;
    probe_.retried(reason_of(*failure));
    if (again == kMostReplacements) throw Error(*failure);
  }
}

/// The failure that another attempt may heal; throws any other.
std::optional<PostgresError> Transactor::attempt_read(const std::function<void(Snapshot&)>& work) {
  const std::int64_t wait_us = clock_.steady_us();
  Pool::Lease lease = pool_.take();
  const std::int64_t start_us = clock_.steady_us();
  probe_.waited(false, start_us - wait_us);
  try {
    lease->begin(Mode::kRead, Durability::kDurable);
    {
      const Nesting scope(database_, &*lease, Nesting::Kind::kRead);
      Snapshot snapshot(*lease);
      work(snapshot);
    }
    lease->end_read();
  } catch (...) {
    std::optional<PostgresError> cause = lease->failure();
    if (cause && (cause->lost() || cause->remedy() == Remedy::kReplace)) {
      lease.discard();
    } else {
      lease->abandon();
    }
    if (!cause || cause->remedy() == Remedy::kNone) throw;
    return cause;
  }
  probe_.read_done(clock_.steady_us() - start_us);
  return std::nullopt;
}

}  // namespace nexus::db::postgres

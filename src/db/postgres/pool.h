#pragma once

#include "db/postgres/conninfo.h"
#include "db/postgres/probe.h"
#include "db/postgres/session.h"
#include "exec/backoff.h"

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace nexus::db::postgres {

/// The connections, last used first: what a quiet time needs stays warm, the rest grows old and goes.
/// After a failed connect nobody tries again for a growing, jittered while: callers hear at once that the server is
/// away instead of queueing for it. Thread-safe.
class Pool {
 public:
  using Steady = std::chrono::steady_clock;

  Pool(const ConnInfo& info, const PostgresOptions& options, Probe& probe);
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

 private:
  struct Member {
    std::unique_ptr<PostgresSession> session;
    Steady::time_point retire_at;
    Steady::time_point idle_since;
  };

 public:
  /// A session for one transaction; goes back to the pool, or is thrown away when its connection is lost.
  class Lease {
   public:
    Lease(Pool& pool, Member member) : pool_(&pool), member_(std::move(member)) {}
    ~Lease() {
      if (member_.session) pool_->give_back(std::move(member_));
    }
    Lease(Lease&&) = default;
    Lease& operator=(Lease&&) = delete;
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;
    PostgresSession& operator*() const { return *member_.session; }
    PostgresSession* operator->() const { return member_.session.get(); }
    /// Throws the connection away, whatever state it is in.
    void discard() { pool_->drop(std::move(member_)); }

   private:
    Pool* pool_;
    Member member_;
  };

  /// Throws Error{kBusy} when none has become free within the busy limit, Error{kUnavailable} when there is no server.
  [[nodiscard]] Lease take();

 private:
  Member connect();
  void give_back(Member member) noexcept;
  void drop(Member member) noexcept;
  void report();

  const ConnInfo& info_;
  const PostgresOptions& options_;
  Probe& probe_;
  std::mutex mutex_;
  std::condition_variable free_;
  std::vector<Member> idle_;  // the last used is at the back
  std::size_t open_ = 0;      // lent, idle, and those that are being connected
  exec::Backoff backoff_;
  Steady::time_point next_try_{};
  std::string last_failure_;
};

}  // namespace nexus::db::postgres

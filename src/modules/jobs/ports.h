#pragma once

#include "base/principal.h"
#include "db/database.h"
#include "modules/jobs/jobs_repository.h"
#include "modules/jobs/jobs_types.h"

#include <cstdint>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <string_view>

namespace nexus::jobs {

/// A job that this process holds. Passed to its handler; not thread-safe.
class Lease {
 public:
  virtual ~Lease() = default;
  [[nodiscard]] virtual const Job& job() const = 0;
  [[nodiscard]] virtual const TenantScope& tenant() const = 0;
  /// Marks the job done in the transaction that holds its result. Throws LeaseLost when somebody else took it over: the
  /// transaction then rolls back, so that no result is written twice.
  virtual void complete(db::Tx& tx) = 0;
  /// Signalled when the process stops or the lease is lost.
  [[nodiscard]] virtual std::stop_token stopped() const = 0;
};

class LeaseLost : public std::runtime_error {
 public:
  LeaseLost() : std::runtime_error("the lease of this job was taken over") {}
};

/// Trying again cannot help; `what()` is a reason for people.
class PermanentFailure : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// A failure like any other, except that the other side said when to come back: the next attempt waits at least that
/// long, and longer when the backoff says so.
class TryLater : public std::runtime_error {
 public:
  TryLater(const std::string& reason, std::int64_t least_wait_us)
      : std::runtime_error(reason), least_wait_us_(least_wait_us) {}
  [[nodiscard]] std::int64_t least_wait_us() const noexcept { return least_wait_us_; }

 private:
  std::int64_t least_wait_us_;
};

/// Does the work of one kind of job. Called on worker threads, several at once.
class Handler {
 public:
  virtual ~Handler() = default;
  [[nodiscard]] virtual std::string_view kind() const = 0;
  /// Does the work and completes the lease. PermanentFailure ends the job at once; any other exception is retried with
  /// backoff, which TryLater may stretch, until the attempts are used up.
  virtual void run(Lease& lease) = 0;
  /// In the transaction that buries the job: leaves the state that people see.
  /// `permanent`: the reason is a PermanentFailure's and written for people; otherwise it is for the log.
  virtual void on_dead(db::Tx& tx, const TenantScope& tenant, const Job& job, std::string_view reason,
                       bool permanent) = 0;
};

/// Wakes the workers of this process after a commit that enqueued work; others notice by polling.
class Waker {
 public:
  virtual ~Waker() = default;
  virtual void wake(std::string_view kind) = 0;
};

}  // namespace nexus::jobs

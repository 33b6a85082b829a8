#pragma once

#include "base/error.h"
#include "base/time.h"
#include "http/endpoint.h"
#include "modules/audit/ports.h"
#include "modules/limits/failure_buckets.h"
#include "modules/limits/local_buckets.h"
#include "modules/limits/ports.h"
#include "observe/metrics.h"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>

namespace nexus::limits {

struct ClassRates {
  Rate key;
  Rate tenant;
};

struct RateOptions {
  bool enabled = true;                              ///< RATE_LIMIT_ENABLED
  bool fail_closed = false;                         ///< RL_FAIL_MODE is "closed": a lost store means 503
  ClassRates read{{5, 20}, {15, 60}};               ///< RL_KEY_READ_RPS, _BURST, RL_TENANT_READ_RPS, _BURST
  ClassRates mutation{{2, 10}, {5, 25}};            ///< RL_{KEY,TENANT}_MUTATION_*
  ClassRates ops{{2, 10}, {4, 20}};                 ///< RL_{KEY,TENANT}_OPS_*
  ClassRates run{{1, 5}, {3, 15}};                  ///< RL_{KEY,TENANT}_RUN_*
  Rate failure{1, 30};                              ///< RL_FAILURE_RPS, RL_FAILURE_BURST
  std::size_t max_buckets = 100'000;                ///< RL_MAX_BUCKETS, of failures
  std::string credential_header = "Authorization";  ///< AUTH_API_KEY_HEADER
};

/// Tokens that one request of the class costs (contract 01 §6.1); 0 for kNone.
[[nodiscard]] std::int64_t cost_of(http::RouteClass route_class);

/// The rate gate (contract 01 §6). Thread-safe. Two mutexes at most per request, each for some hundred nanoseconds, as
/// long as `store` is `local`.
class RateGate final : public Gate {
 public:
  /// `store` decides; while it is lost and the mode is open, `local` does. They may be the same. `log` should be one
  /// that aggregates (audit::AggregatedLog): refusals arrive at the speed of whoever is refused. Everything outlives
  /// the gate. Throws std::invalid_argument when a burst is below the cost of its class, which would block it for good.
  RateGate(BucketStore& store, LocalBuckets& local, audit::Log& log, const Clock& clock, RateOptions options,
           observe::Metrics& metrics);

  /// A credential is refused unseen only to an address that has failed itself of late. So whoever guesses at a key from
  /// elsewhere cannot lock its owner out.
  void admit_stranger(const http::Call& call, const std::function<bool()>& is_known) override;
  void refused(const http::Call& call) override;
  void charge(http::Call& call) override;

 private:
  static constexpr std::size_t kClasses = 5;
  static constexpr std::size_t kScopes = 5;

  [[nodiscard]] const ClassRates& rates_of(http::RouteClass route_class) const;
  [[nodiscard]] Decision decide(http::Call& call, const Take& take);
  void note_lost(const http::Call& call);
  /// Counts, audits and throws 429.
  [[noreturn]] void refuse(const http::Call& call, audit::Event event, Scope scope, std::int64_t retry_after_ms);

  BucketStore& store_;
  LocalBuckets& local_;
  audit::Log& log_;
  const Clock& clock_;
  const RateOptions options_;
  FailureBuckets failures_;
  std::atomic<bool> degraded_{false};
  std::array<std::string, kClasses> policies_;  // index: RouteClass
  observe::Counter& limited_total_;
  observe::Gauge& degraded_gauge_;
  std::array<std::array<observe::Counter*, kClasses>, kScopes> limited_by_{};  // index: Scope, RouteClass
};

}  // namespace nexus::limits

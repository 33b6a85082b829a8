#pragma once

#include "base/secret.h"
#include "base/time.h"
#include "db/database.h"
#include "modules/idempotency/answer_store.h"
#include "modules/idempotency/idempotency_repository.h"
#include "modules/idempotency/ports.h"
#include "observe/metrics.h"

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace nexus::idempotency {

struct IdempotencyOptions {
  bool enabled = true;                                ///< IDEMPOTENCY_ENABLED
  std::int64_t ttl_us = Timestamp::kDay;              ///< IDEMPOTENCY_TTL_HOURS
  std::int64_t lease_us = 60 * Timestamp::kSecond;    ///< IDEMPOTENCY_LEASE_S
  std::size_t max_body_bytes = std::size_t{1} << 20;  ///< IDEMPOTENCY_MAX_BODY_BYTES
  Secret secret;                                      ///< platform secret that seals answers with secrets
  std::vector<Secret> former_secrets;                 ///< still open what they sealed
};

/// Reserves keys before handlers run, keeps their answers, repeats them. Thread-safe; owns no thread. Must outlive its
/// reservations.
///
/// Promise: of the requests with one key, one payload and one credential, at most one handler runs at a time, and after
/// one whose answer was stored none runs until the record expires. The hole that is left: the process dies between the
/// commit of the handler's change and the storing of its answer. Then the key stays reserved until the lease runs out,
/// and a retry after that runs the handler again.
class IdempotencyGate final : public Gate {
 public:
  IdempotencyGate(db::Database& database, const Clock& clock, const IdempotencyOptions& options,
                  observe::Metrics& metrics);

  [[nodiscard]] std::optional<http::Reply> begin(const http::Call& call, const http::Decoded& decoded,
                                                 Reservation& reservation) override;

  /// Moves the leases of this process's reservations on that are older than a third of a lease; returns how many. Call
  /// it every third of a lease or more often: then only the death of the process, never a slow handler, ends a lease.
  /// Touches the database only when there is such a reservation. Throws db::Error.
  std::size_t renew();

  /// Prunes batch after batch, each in a transaction of its own, until nothing expired is left; returns how many rows.
  /// Maintenance: of all tenants. Throws db::Error.
  std::int64_t prune_expired();

 private:
  struct Attempt {
    IdempotencyRepository::Wish wish;
    std::string context;
  };
  /// A reservation of this process, by its owner text.
  struct Live {
    TenantScope tenant;
    std::int64_t record = 0;
    Timestamp renewed_at;
  };

  void complete(const Claim& claim, const http::Reply& sent, std::string_view error_code) noexcept override;
  void abandon(const Claim& claim) noexcept override;

  [[nodiscard]] Attempt attempt_of(const http::Call& call, std::string_view key, const http::Decoded& decoded) const;
  /// The id of the reserved row, or the row that stands in the way.
  struct Outcome {
    std::optional<std::int64_t> reserved;
    Record met;
  };
  [[nodiscard]] Outcome reserve(const TenantScope& tenant, const IdempotencyRepository::Wish& wish);
  [[nodiscard]] http::Reply repeat(const Attempt& attempt, const Record& record) const;
  void release(const Claim& claim);
  void forget(const std::string& owner) noexcept;

  db::Database& database_;
  const Clock& clock_;
  const bool enabled_;
  const std::int64_t ttl_us_;
  const std::int64_t lease_us_;
  const AnswerStore answers_;
  IdempotencyRepository records_;

  observe::Counter& fresh_;
  observe::Counter& replayed_;
  observe::Counter& conflicts_;
  observe::Counter& in_progress_;
  observe::Counter& answer_lost_;
  observe::Counter& unavailable_;

  std::mutex mutex_;
  std::unordered_map<std::string, Live> live_;
};

}  // namespace nexus::idempotency

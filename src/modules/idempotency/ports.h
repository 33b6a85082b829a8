#pragma once

#include "base/principal.h"
#include "base/time.h"
#include "http/call.h"
#include "http/endpoint.h"
#include "http/message.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace nexus::db {
class Tx;
}

namespace nexus::idempotency {

class Reservation;

/// The gate of repeated requests (contract 01 §9). The last gate before the handler: whoever gets past it owns the key
/// until its Reservation ends. Thread-safe. Blocks on the database when the request has a key, and only then.
class Gate {
 public:
  virtual ~Gate() = default;

  /// What a reservation stands for.
  struct Claim {
    TenantScope tenant;
    std::int64_t record = 0;
    std::string owner;    ///< random: tells this reservation from a later one of the same row
    std::string context;  ///< scope and fingerprint, to which a sealed answer is bound
    bool secret_answer = false;
    bool reads_only = false;  ///< route class `read`: nothing durable depends on the record
  };

  /// Without a key (or with one on a legacy path): nothing happens. With a key that is free: reserves it, fills
  /// `reservation`. With a key whose answer is stored: returns that answer, complete with its status, its own
  /// `X-Request-Id` and `Idempotency-Replayed: true`; it is not enveloped again. Throws ApiError
  ///   400 IDEMPOTENCY_KEY_REQUIRED   the row needs a key
  ///   409 IDEMPOTENCY_IN_PROGRESS    the first request still runs (Retry-After: 1)
  ///   409 IDEMPOTENCY_KEY_CONFLICT   another payload; or the same, whose answer cannot be shown again (`details`)
  ///   503                            the key cannot be reserved: the handler must not run unprotected
  [[nodiscard]] virtual std::optional<http::Reply> begin(const http::Call& call, const http::Decoded& decoded,
                                                         Reservation& reservation) = 0;

 protected:
  friend class Reservation;
  virtual void complete(const Claim& claim, const http::Reply& sent, std::string_view error_code) noexcept = 0;
  virtual void abandon(const Claim& claim) noexcept = 0;
};

/// The right to run one request. Ends once: by complete(), or by the destructor, which frees the key for a retry (the
/// handler failed, or was never reached). Movable; one thread at a time; must not outlive its gate.
class Reservation {
 public:
  Reservation() = default;
  Reservation(Gate& gate, Gate::Claim claim) : gate_(&gate), claim_(std::move(claim)) {}
  Reservation(Reservation&& other) noexcept : gate_(std::exchange(other.gate_, nullptr)), claim_(other.take()) {}
  Reservation& operator=(Reservation&& other) noexcept {
    if (this != &other) {
      abandon();
      gate_ = std::exchange(other.gate_, nullptr);
      claim_ = other.take();
    }
    return *this;
  }
  ~Reservation() { abandon(); }

  [[nodiscard]] explicit operator bool() const noexcept { return gate_ != nullptr; }

  /// The request was answered: `sent` is the whole answer, enveloped, with its headers; `error_code` is that of a
  /// refusal. Stores it when it is worth repeating (answer_policy.h), else frees the key. Never fails: an answer that
  /// could not be stored is logged, and its key stays reserved until the lease runs out.
  void complete(const http::Reply& sent, std::string_view error_code = {}) noexcept {
    if (Gate* gate = std::exchange(gate_, nullptr)) gate->complete(*claim_, sent, error_code);
  }
  void abandon() noexcept {
    if (Gate* gate = std::exchange(gate_, nullptr)) gate->abandon(*claim_);
  }

 private:
  std::optional<Gate::Claim> take() noexcept { return std::exchange(claim_, std::nullopt); }

  Gate* gate_ = nullptr;
  std::optional<Gate::Claim> claim_;
};

/// Most rows that one prune() removes: a transaction of some milliseconds. Call again while it returns that many.
inline constexpr std::int64_t kPruneBatch = 1000;

/// Removes records that expired before `now`, oldest first, never one that is still running; returns how many.
/// Maintenance: of all tenants.
std::int64_t prune(db::Tx& tx, Timestamp now);
/// The same for one tenant.
std::int64_t prune(db::Tx& tx, const TenantScope& tenant, Timestamp now);

}  // namespace nexus::idempotency

#pragma once

#include "base/principal.h"
#include "base/time.h"
#include "http/call.h"
#include "json/schema.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace nexus::db {
class Tx;
}

namespace nexus::quotas {

/// What one request was charged. The pipeline keeps it for the life of the request and passes it back.
struct Charge {
  std::int64_t units = 0;  ///< 0: nothing was taken, or it was given back
  Timestamp at;            ///< decides the day and the month
};

/// The quota gate (contract 01 §7, decision "what is charged"). Exact within a process: no unit is lost, no cap
/// overrun.
class Gate {
 public:
  virtual ~Gate() = default;
  /// Takes the cost of the row's route class from the tenant's day and month, or throws 402 QUOTA_EXCEEDED (with every
  /// quota header).
  [[nodiscard]] virtual Charge charge(const http::Call& call) = 0;
  /// Gives it back: refused at validation or by entitlement, or answered by replay.
  virtual void refund(const http::Call& call, Charge& charge) noexcept = 0;
  /// The X-Quota-* headers as they stand now.
  virtual void append_headers(const http::Call& call, http::Pairs& headers) = 0;
};

/// Tokens that models used, by tenant. Thread-safe, does not block.
class TokenMeter {
 public:
  virtual ~TokenMeter() = default;
  virtual void add(const TenantScope& tenant, std::int64_t tokens, Timestamp at) = 0;
};

/// Limits of a tenant that has no row of its own; null: unlimited.
struct DefaultLimits {
  std::optional<std::int64_t> daily_requests;
  std::optional<std::int64_t> monthly_requests;
  std::optional<std::int64_t> daily_tokens;
  std::optional<std::int64_t> monthly_tokens;
};
/// Implemented by the plans (configuration of `feature.high_quota_tier`).
class PlanDefaults {
 public:
  virtual ~PlanDefaults() = default;
  [[nodiscard]] virtual DefaultLimits defaults(const TenantScope& tenant) = 0;
};

/// Whoever changes rows of `plan_limits` says so here, in the transaction that makes the change: this process's ledger
/// reads them again on the tenant's next request, other processes' within a second. Plans need not: their defaults are
/// asked for on each request.
class LimitChanges {
 public:
  virtual ~LimitChanges() = default;
  virtual void changed(db::Tx& tx, std::string_view tenant_id) = 0;
};

/// Counters of another room that travel in the ledger's flush transaction. One thread at a time calls these.
class Passenger {
 public:
  virtual ~Passenger() = default;
  /// Sets aside what has gathered; false: nothing to write. True is followed by landed().
  [[nodiscard]] virtual bool board() = 0;
  /// Writes what was set aside; may run more than once.
  virtual void write(db::Tx& tx) = 0;
  /// Not committed: what was set aside waits for the next flush.
  virtual void landed(bool committed) noexcept = 0;
};

/// Use of one period as clients see it; a null limit is unlimited, and then nothing remains to be counted.
struct PeriodStatus {
  std::optional<std::int64_t> limit;
  std::int64_t used = 0;
  std::optional<std::int64_t> remaining;  ///< never below 0
};
/// The `quota` object of self-serve answers (contract 01 §11.3).
struct QuotaStatus {
  PeriodStatus day;
  PeriodStatus month;
  bool soft_cap_reached = false;
  std::string hard_cap_mode = "enforce";  ///< or "observe"
};
/// Current counters, read without taking anything.
class QuotaView {
 public:
  virtual ~QuotaView() = default;
  [[nodiscard]] virtual QuotaStatus status(const TenantScope& tenant) = 0;
};

}  // namespace nexus::quotas

namespace nexus {
// In quota_status_schemas.cpp.
template <>
const schema::Fields<quotas::PeriodStatus>& schema::fields_of();
template <>
const schema::Fields<quotas::QuotaStatus>& schema::fields_of();
}  // namespace nexus

#pragma once

#include "base/principal.h"
#include "base/time.h"
#include "db/database.h"
#include "modules/audit/ports.h"
#include "modules/billing/ports.h"
#include "modules/quotas/ports.h"
#include "modules/quotas/quota_notes.h"
#include "modules/quotas/quotas_repository.h"
#include "modules/quotas/quotas_types.h"
#include "modules/quotas/settlement.h"
#include "modules/quotas/tenant_book.h"
#include "modules/quotas/tenant_table.h"
#include "observe/metrics.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace nexus::quotas {

struct LedgerOptions {
  LeasePolicy leases;
  std::int64_t stale_us = 1'000'000;     ///< counters older than this are read again when others have written
  std::int64_t forget_us = 600'000'000;  ///< tenants without requests for so long leave memory
  std::size_t most_tenants = 100'000;    ///< in memory; above it the idle go early
  std::size_t flush_tenants = 1'000;     ///< most in one flush transaction, so that other writers get their turn
};

/// Counts every tenant's use and holds it to its limits (contract 01 §7). Counts live in memory; flush() writes them
/// behind the requests. A charge needs the database only for a tenant's first request, and near a hard cap, where
/// processes agree through quota_leases (settlement.h). Thread-safe; charge(), append_headers() and status() may block
/// on the database, refund() and add() never do.
///
/// Exact: no unit is granted above a hard cap by any number of threads and processes, none is lost unless the process
/// is killed before its flush. Around the cap a process may refuse for the time of a flush what another holds leased.
class QuotaLedger final : public Gate, public TokenMeter, public QuotaView, public LimitChanges {
 public:
  /// Borrows everything. `passengers` travel in the first transaction of each flush.
  QuotaLedger(db::Database& database, audit::Log& audit, billing::Outbox& outbox, PlanDefaults& plans,
              const Clock& clock, observe::Metrics& metrics, const LedgerOptions& options,
              std::vector<Passenger*> passengers = {});
  /// Writes nothing: call stop() first.
  ~QuotaLedger() override;
  QuotaLedger(const QuotaLedger&) = delete;
  QuotaLedger& operator=(const QuotaLedger&) = delete;

  [[nodiscard]] Charge charge(const http::Call& call) override;
  void refund(const http::Call& call, Charge& charge) noexcept override;
  void append_headers(const http::Call& call, http::Pairs& headers) override;
  void add(const TenantScope& tenant, std::int64_t tokens, Timestamp at) override;
  [[nodiscard]] QuotaStatus status(const TenantScope& tenant) override;
  void changed(db::Tx& tx, std::string_view tenant_id) override;

  /// A day or month of a tenant as stored now, with what this process has not flushed. Throws db::Error.
  [[nodiscard]] Counted counted(const TenantScope& tenant, Period period, Timestamp start);

  /// Writes what is pending, for all tenants. What could not be written stays pending. Throws db::Error.
  void flush();
  /// The last flush: also gives up all leases. Call it when requests have ended. Throws db::Error.
  void stop();
  /// Takes over limits that other processes have changed. Cheap when nobody has written. Throws db::Error.
  void refresh();

  /// Tenants in memory.
  [[nodiscard]] std::size_t size() const { return tenants_.size(); }

 private:
  using Tenant = LedgerTenant;
  using Lock = std::unique_lock<std::mutex>;
  struct Boarded;

  [[nodiscard]] std::shared_ptr<Tenant> find(const TenantScope& scope);
  [[nodiscard]] Lock enter(Tenant& tenant, const Periods& periods);
  [[nodiscard]] bool is_ready(const Tenant& tenant, const Periods& periods) const;
  void load(Lock& lock, Tenant& tenant, const Periods& periods);
  bool ask(Lock& lock, Tenant& tenant, const Periods& periods, std::int64_t units);
  [[noreturn]] void refuse(Lock& lock, const std::shared_ptr<Tenant>& tenant, const http::Call& call,
                           const Periods& periods, const Refusal& why);
  void without_lock(Lock& lock, Tenant& tenant, const std::function<void()>& trip);

  void forget_limits(std::string_view tenant_id);

  // quota_flush.cpp
  void flush(TenantBook::Taking taking);
  [[nodiscard]] std::vector<Boarded> board(std::span<const std::shared_ptr<Tenant>> queue, TenantBook::Taking taking);
  [[nodiscard]] std::vector<Passenger*> board_passengers() const;
  void fly(std::vector<Boarded>& boarded, const std::vector<Passenger*>& aboard, std::uint64_t version);

  db::Database& database_;
  PlanDefaults& plans_;
  const Clock& clock_;
  const LedgerOptions options_;
  const std::vector<Passenger*> passengers_;
  observe::Counter& exceeded_;
  observe::Counter& loads_;
  observe::Counter& asks_;
  observe::Counter& flushes_;
  QuotasRepository repository_;
  LimitVersions versions_;
  const Settlement settlement_;
  const NoteWriter notes_;
  TenantTable tenants_;

  std::mutex flush_mutex_;  // one flush at a time
  std::uint64_t flushed_version_ = 0;
  std::int64_t swept_us_ = 0;

  std::mutex refresh_mutex_;
  std::int64_t seen_version_ = 0;
  std::optional<std::uint64_t> refreshed_at_;
};

}  // namespace nexus::quotas

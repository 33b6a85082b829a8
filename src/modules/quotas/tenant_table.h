#pragma once

#include "base/principal.h"
#include "modules/quotas/tenant_book.h"

#include <array>
#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace nexus::quotas {

/// Whose limits a tenant has.
enum class LimitsFrom : std::uint8_t { kUnknown, kRow, kPlan };

/// A tenant's book with its lock. Everything below `mutex` is guarded by it.
struct LedgerTenant {
  LedgerTenant(const TenantScope& tenant, const LeasePolicy& policy) : scope(tenant), book(policy) {}

  const TenantScope scope;
  std::atomic<LimitsFrom> limits_from{LimitsFrom::kUnknown};

  std::mutex mutex;
  std::condition_variable trip_over;
  bool on_trip = false;             // somebody reads or writes this tenant's rows
  bool queued = false;              // waits for the next flush
  std::uint64_t invalidations = 0;  // of the limits
  std::uint64_t limits_as_of = 0;   // the number of invalidations that the known limits follow
  bool limits_known = false;
  std::uint64_t data_version = 0;  // of the database, when the counters were last seen
  std::int64_t seen_us = 0;
  TenantBook book;
};

/// The tenants in memory, and those that wait for a flush. Thread-safe; sharded, so that tenants seldom meet.
class TenantTable {
 public:
  TenantTable(const LeasePolicy& policy, std::size_t most);

  [[nodiscard]] std::shared_ptr<LedgerTenant> find_or_make(const TenantScope& scope, std::int64_t steady_us);
  /// Null when it is not in memory.
  [[nodiscard]] std::shared_ptr<LedgerTenant> find(std::string_view tenant_id);

  /// The caller holds the tenant's lock.
  void enqueue(const std::shared_ptr<LedgerTenant>& tenant);
  [[nodiscard]] std::vector<std::shared_ptr<LedgerTenant>> take_queue();

  /// Drops tenants that nobody uses, that have nothing to flush and saw no request since `since_us`.
  void forget(std::int64_t since_us);
  [[nodiscard]] std::size_t size() const { return size_.load(std::memory_order_relaxed); }

 private:
  static constexpr std::size_t kShards = 64;
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const noexcept { return std::hash<std::string_view>{}(text); }
  };
  struct Shard {
    std::mutex mutex;
    std::unordered_map<std::string, std::shared_ptr<LedgerTenant>, Hash, std::equal_to<>> tenants;
  };

  Shard& shard_of(std::string_view tenant_id) { return shards_[Hash{}(tenant_id) % kShards]; }
  void forget_in(Shard& shard, std::int64_t since_us);

  const LeasePolicy policy_;
  const std::size_t most_in_shard_;
  std::array<Shard, kShards> shards_;
  std::atomic<std::size_t> size_{0};
  std::mutex queue_mutex_;
  std::vector<std::shared_ptr<LedgerTenant>> queue_;
};

}  // namespace nexus::quotas

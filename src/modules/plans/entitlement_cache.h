#pragma once

#include "base/time.h"
#include "db/cache_versions.h"
#include "db/database.h"
#include "modules/plans/plans_repository.h"
#include "modules/plans/ports.h"
#include "modules/plans/tenant_entitlements.h"
#include "modules/quotas/ports.h"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

namespace nexus::plans {

struct CacheOptions {
  std::size_t capacity = 10'000;  ///< tenants
  /// A snapshot is read again after this long, so that a catalogue edited by hand takes effect.
  std::int64_t max_age_us = 30 * Timestamp::kSecond;
};

/// Entitlements by tenant, as immutable snapshots. A hit takes one of sixteen locks and copies a shared_ptr. A snapshot
/// lives until the tenant's plan or overrides change in this process (at once) or in another (refresh()), until an
/// assignment begins or ends, until it is too old, or until the capacity pushes it out. Thread-safe. Not to be asked
/// inside Database::read or write: a miss would join that view of the rows and remember it.
class EntitlementCache final : public Entitlements, public quotas::PlanDefaults {
 public:
  EntitlementCache(db::Database& database, const Clock& clock, CacheOptions options = {});

  [[nodiscard]] bool enabled(const TenantScope& tenant, std::string_view feature_key) override;
  void require(const TenantScope& tenant, std::string_view feature_key) override;
  [[nodiscard]] std::string plan_id(const TenantScope& tenant) override;
  [[nodiscard]] quotas::DefaultLimits defaults(const TenantScope& tenant) override;

  /// Everything above in one consistent view. Throws db::Error on a miss.
  [[nodiscard]] std::shared_ptr<const TenantEntitlements> snapshot(const TenantScope& tenant);

  /// To be called in the transaction that changes what a snapshot holds.
  void changed(db::Tx& tx, const TenantScope& tenant);
  /// Forgets what other processes have changed since the last call. Cheap; call it at least each second. Throws
  /// db::Error.
  void refresh();

 private:
  static constexpr std::size_t kShards = 16;
  struct TextHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const noexcept { return std::hash<std::string_view>{}(text); }
  };
  struct Entry {
    std::shared_ptr<const TenantEntitlements> value;
    std::int64_t until_us = 0;  ///< steady
  };
  struct Shard {
    std::mutex mutex;
    std::unordered_map<std::string, Entry, TextHash, std::equal_to<>> entries;
  };

  Shard& shard_of(std::string_view tenant_id) { return shards_[TextHash{}(tenant_id) % kShards]; }
  [[nodiscard]] std::shared_ptr<const TenantEntitlements> find(std::string_view tenant_id);
  [[nodiscard]] std::shared_ptr<const TenantEntitlements> load(const TenantScope& tenant);
  void insert(const std::string& tenant_id, std::shared_ptr<const TenantEntitlements> value, std::uint64_t generation);
  void forget(std::string_view tenant_id);

  db::Database& database_;
  const Clock& clock_;
  const CacheOptions options_;
  PlansRepository plans_;
  const db::CacheVersions versions_{"plan:"};
  std::atomic<std::uint64_t> generation_{0};
  std::array<Shard, kShards> shards_;
  std::mutex refresh_mutex_;
  std::int64_t seen_version_ = 0;
};

}  // namespace nexus::plans

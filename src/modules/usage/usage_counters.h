#pragma once

#include "base/principal.h"
#include "base/time.h"
#include "db/database.h"
#include "modules/quotas/ports.h"
#include "modules/usage/ports.h"
#include "modules/usage/usage_repository.h"
#include "modules/usage/usage_types.h"

#include <array>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace nexus::usage {

/// Requests counted in memory; they reach usage_rollups in the quota ledger's flush transactions. kill -9 loses what
/// was counted since the last flush. Thread-safe.
class UsageCounters final : public Counters, public quotas::Passenger {
 public:
  explicit UsageCounters(db::Database& database) : database_(database) {}

  void request(const http::Call& call) override;
  void rate_limited(const http::Call& call) override;

  [[nodiscard]] bool board() override;
  void write(db::Tx& tx) override;
  void landed(bool committed) noexcept override;

  /// Stored and not yet stored, from that day on; several rows of one kind, day and class may come. Waits for a flush
  /// in progress, and holds the next one off while it reads. Throws db::Error.
  [[nodiscard]] std::vector<RollUp> since(const TenantScope& tenant, Timestamp first_day);

 private:
  static constexpr std::size_t kShards = 16;
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const noexcept { return std::hash<std::string_view>{}(text); }
  };
  using ByTenant = std::unordered_map<std::string, std::vector<RollUp>, Hash, std::equal_to<>>;
  struct Shard {
    std::mutex mutex;
    ByTenant pending;
  };

  void count(const http::Call& call, Kind kind);
  [[nodiscard]] Shard& shard_of(std::string_view tenant_id) { return shards_[Hash{}(tenant_id) % kShards]; }

  db::Database& database_;
  UsageRepository repository_;
  std::array<Shard, kShards> shards_;

  std::mutex flight_mutex_;
  std::condition_variable landed_;
  bool flying_ = false;
  std::array<ByTenant, kShards> aboard_;  // touched by the flush alone while flying_
};

}  // namespace nexus::usage

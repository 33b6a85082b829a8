#pragma once

#include "base/principal.h"
#include "base/time.h"
#include "modules/auth/pepper.h"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace nexus::auth {

/// A verified key and what must be looked at again on every use. Shared between the cache and calls in progress.
struct VerifiedKey {
  std::string key_id;
  std::string user_id;
  std::string tenant_id;
  Role role = Role::kReader;
  std::optional<Timestamp> expires_at;
  Timestamp created_at;
  std::atomic<std::int64_t> last_used_us{0};     ///< 0: never
  std::atomic<std::int64_t> last_written_us{0};  ///< what the database knows or is being told
};

/// Verifications by the HMAC of their credential. An entry lives for a fixed time, until its tenant is invalidated, or
/// until the capacity pushes it out. Thread-safe; sharded, so that readers seldom meet.
class PrincipalCache {
 public:
  PrincipalCache(std::size_t capacity, std::int64_t ttl_us);

  /// Null when unknown or older than the time to live.
  [[nodiscard]] std::shared_ptr<VerifiedKey> find(const Pepper::Digest& digest, std::int64_t steady_us);
  /// Whether an entry is there, however old.
  [[nodiscard]] bool contains(const Pepper::Digest& digest) const;
  /// To be read before the database is; insert() ignores what was read before an invalidation.
  [[nodiscard]] std::uint64_t generation() const { return generation_.load(std::memory_order_acquire); }
  void insert(const Pepper::Digest& digest, std::shared_ptr<VerifiedKey> key, std::int64_t steady_us,
              std::uint64_t generation);
  void invalidate(std::string_view tenant_id);
  void clear();
  void for_each(const std::function<void(const std::shared_ptr<VerifiedKey>&)>& visit);

 private:
  static constexpr std::size_t kShards = 16;
  struct DigestHash {
    std::size_t operator()(const Pepper::Digest& digest) const noexcept;
  };
  struct Entry {
    std::shared_ptr<VerifiedKey> key;
    std::int64_t until_us = 0;
  };
  struct Shard {
    mutable std::mutex mutex;
    std::unordered_map<Pepper::Digest, Entry, DigestHash> entries;
  };

  [[nodiscard]] const Shard& shard_of(const Pepper::Digest& digest) const {
    return shards_[std::to_integer<std::size_t>(digest[31]) % kShards];
  }
  Shard& shard_of(const Pepper::Digest& digest) { return shards_[std::to_integer<std::size_t>(digest[31]) % kShards]; }

  const std::size_t shard_capacity_;
  const std::int64_t ttl_us_;
  std::atomic<std::uint64_t> generation_{0};
  std::array<Shard, kShards> shards_;
};

}  // namespace nexus::auth

#pragma once

#include "modules/limits/bucket_store.h"
#include "modules/limits/bucket_table.h"

#include <cstddef>
#include <deque>
#include <mutex>

namespace nexus::limits {

/// The buckets of this process: the store of an embedded installation, and what decides while a shared store is lost.
/// Exact: in any stretch of time no key and no tenant gets more than its burst and what its rate yields. Thread-safe; a
/// decision holds one mutex for some hundred nanoseconds and, once its buckets exist, allocates nothing.
class LocalBuckets final : public BucketStore {
 public:
  /// `most_buckets` is shared out among the shards (RL_MAX_BUCKETS).
  explicit LocalBuckets(std::size_t most_buckets);

  /// Never lost.
  [[nodiscard]] Decision decide(const Take& take) override;

  [[nodiscard]] std::size_t size() const;

 private:
  static constexpr std::size_t kShards = 16;
  // A key belongs to a tenant, so all buckets of a tenant stand in the tenant's shard, and one mutex makes a decision
  // on two of them atomic.
  struct alignas(64) Shard {
    explicit Shard(std::size_t most) : table(most) {}
    mutable std::mutex mutex;
    BucketTable table;
  };

  const Digest128 hash_key_ = SipHash::random_key();
  std::deque<Shard> shards_;  // a deque, as shards cannot move
};

}  // namespace nexus::limits

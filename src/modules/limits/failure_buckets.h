#pragma once

#include "modules/limits/bucket_store.h"
#include "modules/limits/bucket_table.h"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string_view>

namespace nexus::limits {

/// How often an address, or whoever claims a certain key, may fail to authenticate. A bucket exists only for who has
/// failed; nothing of a credential is kept but a keyed hash of the key id it claims. Always of this process: it is
/// asked before anything is known about a caller, and must not cost a trip to another machine. Thread-safe.
class FailureBuckets {
 public:
  /// RL_FAILURE_RPS and RL_FAILURE_BURST; RL_MAX_BUCKETS.
  FailureBuckets(Rate rate, std::size_t most_buckets);

  struct State {
    bool clean = true;         ///< has not failed, or so long ago that it does not count any more
    std::int64_t wait_ms = 0;  ///< until it may try again; 0: now
  };
  /// `scope` is kAddress or kCredential. Takes nothing.
  [[nodiscard]] State state(Scope scope, std::string_view owner, std::int64_t now_us) const;
  /// Takes a token, or what is left of one.
  void failed(Scope scope, std::string_view owner, std::int64_t now_us);

  [[nodiscard]] std::size_t size() const { return size_.load(std::memory_order_relaxed); }

 private:
  static constexpr std::size_t kShards = 16;
  struct alignas(64) Shard {
    explicit Shard(std::size_t most) : table(most) {}
    mutable std::mutex mutex;
    BucketTable table;
  };

  [[nodiscard]] BucketName name_of(Scope scope, std::string_view owner) const;

  const Rate rate_;
  const Digest128 hash_key_ = SipHash::random_key();
  std::deque<Shard> shards_;          // a deque, as shards cannot move
  std::atomic<std::size_t> size_{0};  // where nobody has ever failed, nobody waits for a mutex
};

}  // namespace nexus::limits

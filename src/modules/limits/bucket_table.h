#pragma once

#include "modules/limits/bucket.h"
#include "modules/limits/sip_hash.h"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <unordered_map>
#include <vector>

namespace nexus::limits {

/// What a bucket is called by: the keyed hash of its owner and what it counts. No text is kept, so a bucket costs the
/// same memory whoever it belongs to.
struct BucketName {
  Digest128 owner;
  std::uint8_t tag = 0;

  friend bool operator==(const BucketName&, const BucketName&) = default;
};

/// Buckets by name, at most so many. A full bucket says the same as none, so full ones are the first to go: those that
/// have been full for ten minutes whenever a bucket is added, the others when there is no room. Only when no bucket is
/// full the one that is nearest to it goes, and its owner gains what it lacked. Not thread-safe.
///
/// A look-up touches neither the order nor the allocator. The order is a heap by a lower bound of the time at which a
/// bucket is full: taking tokens only moves that time away, so the bound is corrected where it matters, at the top.
class BucketTable {
 public:
  static constexpr std::int64_t kIdleUs = 600'000'000;

  struct Entry {
    Bucket bucket;
    Rate rate;

   private:
    friend class BucketTable;
    Entry(const BucketName& called, const Bucket& initial, const Rate& fills)
        : bucket(initial), rate(fills), name(called) {}

    BucketName name;
    std::int64_t due_us = kHeld;  // not later than bucket.full_at_us(rate), or kHeld
    std::size_t place = 0;        // in the heap
  };

  /// At least 2: both buckets of one decision.
  explicit BucketTable(std::size_t most);

  /// Null when absent. Stays valid until the entry is evicted, which only create() does.
  [[nodiscard]] Entry* find(const BucketName& name);
  [[nodiscard]] const Entry* find(const BucketName& name) const;
  /// Adds a full bucket under a name that is absent; may evict others, but none that is held. The new one is held.
  Entry& create(const BucketName& name, const Rate& rate, std::int64_t now_us);
  /// Not to be evicted until settle(). At most two entries are held at a time.
  void hold(Entry& entry);
  /// To be called after a hold, a create and a change of rate.
  void settle(Entry& entry);

  [[nodiscard]] std::size_t size() const { return heap_.size(); }

 private:
  static constexpr std::int64_t kHeld = std::numeric_limits<std::int64_t>::max();

  struct NameHash {
    std::size_t operator()(const BucketName& name) const noexcept {
      return static_cast<std::size_t>(name.owner.low ^ (std::uint64_t{name.tag} << 56));
    }
  };

  void evict_top();
  void correct_top();
  void make_room(std::int64_t now_us);
  void place(Entry* entry, std::size_t at);
  void move_up(std::size_t at);
  void move_down(std::size_t at);

  const std::size_t most_;
  std::unordered_map<BucketName, Entry, NameHash> entries_;
  std::vector<Entry*> heap_;
};

}  // namespace nexus::limits

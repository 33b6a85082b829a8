#include "modules/limits/failure_buckets.h"

#include <algorithm>

namespace nexus::limits {

FailureBuckets::FailureBuckets(Rate rate, std::size_t most_buckets) : rate_(rate) {
  for (std::size_t i = 0; i < kShards; ++i) shards_.emplace_back((most_buckets + kShards - 1) / kShards);
}

BucketName FailureBuckets::name_of(Scope scope, std::string_view owner) const {
  return {SipHash(hash_key_).add(owner).digest(), static_cast<std::uint8_t>(scope)};
}

FailureBuckets::State FailureBuckets::state(Scope scope, std::string_view owner, std::int64_t now_us) const {
  if (size() == 0) return {};
  const BucketName name = name_of(scope, owner);
  const Shard& shard = shards_[name.owner.high % kShards];
  const std::lock_guard lock(shard.mutex);
  const BucketTable::Entry* entry = shard.table.find(name);
  if (entry == nullptr) return {};
  Bucket bucket = entry->bucket;
  bucket.refill(rate_, now_us);
  return {.clean = bucket.level == rate_.capacity(), .wait_ms = bucket.wait_ms(rate_, kToken)};
}

void FailureBuckets::failed(Scope scope, std::string_view owner, std::int64_t now_us) {
  const BucketName name = name_of(scope, owner);
  Shard& shard = shards_[name.owner.high % kShards];
  const std::lock_guard lock(shard.mutex);
  BucketTable::Entry* entry = shard.table.find(name);
  if (entry == nullptr) {
    const std::size_t before = shard.table.size();
    entry = &shard.table.create(name, rate_, now_us);
    size_.fetch_add(shard.table.size() - before, std::memory_order_relaxed);  // modulo 2⁶⁴, as it may have shrunk
  }
  entry->bucket.refill(rate_, now_us);
  // What was in flight when the bucket ran empty does not put it into debt.
  entry->bucket.level = std::max<std::int64_t>(0, entry->bucket.level - kToken);
  shard.table.settle(*entry);
}

}  // namespace nexus::limits

#include "modules/limits/local_buckets.h"

namespace nexus::limits {
namespace {

/// Tag of a bucket's name: what it is of, and the class it counts.
std::uint8_t tag_of(Scope scope, http::RouteClass route_class) {
  return static_cast<std::uint8_t>(static_cast<unsigned>(scope) << 4U | static_cast<unsigned>(route_class));
}

}  // namespace

LocalBuckets::LocalBuckets(std::size_t most_buckets) {
  for (std::size_t i = 0; i < kShards; ++i) shards_.emplace_back((most_buckets + kShards - 1) / kShards);
}

Decision LocalBuckets::decide(const Take& take) {
  SipHash hash(hash_key_);
  const Digest128 tenant_digest = hash.add(take.tenant_id).digest();
  // 0xFF stands in no id. The key's name contains the tenant, as the development bypass is one key of every tenant.
  const Digest128 key_digest = hash.add("\xFF").add(take.credential_id).digest();
  const BucketName tenant_name{tenant_digest, tag_of(Scope::kTenant, take.route_class)};
  const BucketName key_name{key_digest, tag_of(Scope::kApiKey, take.route_class)};

  Shard& shard = shards_[tenant_digest.high % kShards];
  const std::lock_guard lock(shard.mutex);
  BucketTable& table = shard.table;
  BucketTable::Entry* tenant = table.find(tenant_name);
  BucketTable::Entry* key = table.find(key_name);
  if (tenant == nullptr || key == nullptr) {  // making one must not push the other out
    if (tenant != nullptr) table.hold(*tenant);
    if (key != nullptr) table.hold(*key);
    if (tenant == nullptr) tenant = &table.create(tenant_name, take.tenant_rate, take.now_us);
    if (key == nullptr) key = &table.create(key_name, take.key_rate, take.now_us);
  }
  tenant->rate = take.tenant_rate;
  key->rate = take.key_rate;
  tenant->bucket.refill(tenant->rate, take.now_us);
  key->bucket.refill(key->rate, take.now_us);
  const Decision decision = take_from(key->bucket, tenant->bucket, take);
  table.settle(*tenant);
  table.settle(*key);
  return decision;
}

std::size_t LocalBuckets::size() const {
  std::size_t sum = 0;
  for (const Shard& shard : shards_) {
    const std::lock_guard lock(shard.mutex);
    sum += shard.table.size();
  }
  return sum;
}

}  // namespace nexus::limits

#include "modules/auth/principal_cache.h"

#include <algorithm>
#include <cstring>

namespace nexus::auth {

std::size_t PrincipalCache::DigestHash::operator()(const Pepper::Digest& digest) const noexcept {
  std::size_t hash = 0;  // the digest is uniform already
  std::memcpy(&hash, digest.data(), sizeof hash);
  return hash;
}

PrincipalCache::PrincipalCache(std::size_t capacity, std::int64_t ttl_us)
    : shard_capacity_(std::max<std::size_t>(1, capacity / kShards)), ttl_us_(ttl_us) {}

std::shared_ptr<VerifiedKey> PrincipalCache::find(const Pepper::Digest& digest, std::int64_t steady_us) {
  Shard& shard = shard_of(digest);
  const std::lock_guard lock(shard.mutex);
  const auto at = shard.entries.find(digest);
  if (at == shard.entries.end() || at->second.until_us <= steady_us) return nullptr;
  return at->second.key;
}

bool PrincipalCache::contains(const Pepper::Digest& digest) const {
  const Shard& shard = shard_of(digest);
  const std::lock_guard lock(shard.mutex);
  return shard.entries.contains(digest);
}

void PrincipalCache::insert(const Pepper::Digest& digest, std::shared_ptr<VerifiedKey> key, std::int64_t steady_us,
                            std::uint64_t generation) {
  if (ttl_us_ <= 0) return;
  Shard& shard = shard_of(digest);
  const std::lock_guard lock(shard.mutex);
  // Under the shard's lock: an invalidation either is seen here or will come for the entry.
  if (generation_.load(std::memory_order_acquire) != generation) return;
  if (shard.entries.size() >= shard_capacity_ && !shard.entries.contains(digest)) {
    std::erase_if(shard.entries, [&](const auto& entry) { return entry.second.until_us <= steady_us; });
    if (shard.entries.size() >= shard_capacity_) shard.entries.erase(shard.entries.begin());
  }
  Entry& entry = shard.entries[digest];
  if (entry.key) {
    // What the old entry saw of uses is newer than what the database was told.
    const std::int64_t used = entry.key->last_used_us.load(std::memory_order_relaxed);
    if (used > key->last_used_us.load(std::memory_order_relaxed))
      key->last_used_us.store(used, std::memory_order_relaxed);
  }
  entry = {std::move(key), steady_us + ttl_us_};
}

void PrincipalCache::invalidate(std::string_view tenant_id) {
  generation_.fetch_add(1, std::memory_order_acq_rel);
  for (Shard& shard : shards_) {
    const std::lock_guard lock(shard.mutex);
    std::erase_if(shard.entries, [&](const auto& entry) { return entry.second.key->tenant_id == tenant_id; });
  }
}

void PrincipalCache::clear() {
  generation_.fetch_add(1, std::memory_order_acq_rel);
  for (Shard& shard : shards_) {
    const std::lock_guard lock(shard.mutex);
    shard.entries.clear();
  }
}

void PrincipalCache::for_each(const std::function<void(const std::shared_ptr<VerifiedKey>&)>& visit) {
  for (Shard& shard : shards_) {
    const std::lock_guard lock(shard.mutex);
    for (const auto& [digest, entry] : shard.entries) visit(entry.key);
  }
}

}  // namespace nexus::auth

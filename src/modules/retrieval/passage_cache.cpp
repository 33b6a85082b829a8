#include "modules/retrieval/passage_cache.h"

#include <functional>

namespace nexus::retrieval {
namespace {

constexpr std::size_t kEntryOverhead = 256;  // nodes of list and map, control block

std::string cache_key(const TenantScope& tenant, std::string_view chunk_id) {
  std::string key;
  key.reserve(chunk_id.size() + 1 + tenant.id().size());
  return key.append(chunk_id).append(1, '/').append(tenant.id());  // chunk ids are UUIDs: the slash ends one
}

std::size_t bytes_of(const Passage& passage, const std::string& key) {
  return kEntryOverhead + sizeof(Passage) + key.size() + passage.text.size() + passage.metadata.size() +
         passage.source.size();
}

}  // namespace

PassageCache::PassageCache(std::size_t budget_bytes) : shard_budget_(budget_bytes / kShards) {}

PassageCache::Shard& PassageCache::shard_of(std::string_view key) {
  return shards_[std::hash<std::string_view>{}(key) % kShards];
}

std::optional<Passage> PassageCache::find(const TenantScope& tenant, std::string_view chunk_id) {
  const std::string key = cache_key(tenant, chunk_id);
  Shard& shard = shard_of(key);
  std::shared_ptr<const Passage> passage;
  {
    const std::lock_guard lock(shard.mutex);
    const auto found = shard.by_key.find(key);
    if (found == shard.by_key.end()) return std::nullopt;
    shard.by_use.splice(shard.by_use.begin(), shard.by_use, found->second);
    passage = found->second->passage;
  }
  return *passage;
}

void PassageCache::put(const TenantScope& tenant, const Passage& passage) {
  Entry entry{
      .key = cache_key(tenant, passage.chunk_id), .passage = std::make_shared<const Passage>(passage), .bytes = 0};
  entry.bytes = bytes_of(passage, entry.key);
  if (entry.bytes > shard_budget_) return;
  Shard& shard = shard_of(entry.key);
  const std::lock_guard lock(shard.mutex);
  if (shard.by_key.contains(entry.key)) return;
  shard.bytes += entry.bytes;
  shard.by_use.push_front(std::move(entry));
  shard.by_key.emplace(shard.by_use.front().key, shard.by_use.begin());
  while (shard.bytes > shard_budget_) {
    const Entry& oldest = shard.by_use.back();
    shard.bytes -= oldest.bytes;
    shard.by_key.erase(oldest.key);
    shard.by_use.pop_back();
  }
}

}  // namespace nexus::retrieval

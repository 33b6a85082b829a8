#pragma once

#include "base/principal.h"
#include "modules/retrieval/retrieval_types.h"

#include <array>
#include <cstddef>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace nexus::retrieval {

/// Chunks that searches found lately. A chunk's row never changes under its id, and what was deleted is no longer found
/// by any index, so an entry is right for as long as it is asked for. Bounded in bytes; the least recently found go
/// first. Thread-safe.
class PassageCache {
 public:
  explicit PassageCache(std::size_t budget_bytes);

  /// Without scores.
  [[nodiscard]] std::optional<Passage> find(const TenantScope& tenant, std::string_view chunk_id);
  void put(const TenantScope& tenant, const Passage& passage);

 private:
  struct Entry {
    std::string key;
    std::shared_ptr<const Passage> passage;
    std::size_t bytes = 0;
  };
  struct Shard {
    std::mutex mutex;
    std::list<Entry> by_use;                                                  // newest first
    std::unordered_map<std::string_view, std::list<Entry>::iterator> by_key;  // views of Entry::key
    std::size_t bytes = 0;
  };
  static constexpr std::size_t kShards = 8;

  [[nodiscard]] Shard& shard_of(std::string_view key);

  std::size_t shard_budget_;
  std::array<Shard, kShards> shards_;
};

}  // namespace nexus::retrieval

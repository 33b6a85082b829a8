#pragma once

#include "modules/documents/ports.h"
#include "modules/retrieval/retrieval_types.h"

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace nexus::retrieval {

/// A corpus's row with its configuration parsed.
struct KnownCorpus {
  documents::StoredCorpus row;
  CorpusConfig config;
};

/// Corpora that were asked lately, each valid for as long as Database::change_count() of its scope stays what it was
/// before the row was read. Bounded; thread-safe.
class CorpusCache {
 public:
  /// Null when it must be read.
  [[nodiscard]] std::shared_ptr<const KnownCorpus> find(const std::string& scope, std::uint64_t changes) {
    Shard& shard = shard_of(scope);
    const std::lock_guard lock(shard.mutex);
    const auto found = shard.entries.find(scope);
    if (found == shard.entries.end() || found->second.changes != changes) return nullptr;
    return found->second.corpus;
  }
  void put(const std::string& scope, std::uint64_t changes, std::shared_ptr<const KnownCorpus> corpus) {
    Shard& shard = shard_of(scope);
    const std::lock_guard lock(shard.mutex);
    if (shard.entries.size() >= kMostPerShard) shard.entries.clear();  // rare, and reading one again is cheap
    shard.entries.insert_or_assign(scope, Entry{changes, std::move(corpus)});
  }

 private:
  static constexpr std::size_t kShards = 8;
  static constexpr std::size_t kMostPerShard = 2048;

  struct Entry {
    std::uint64_t changes = 0;
    std::shared_ptr<const KnownCorpus> corpus;
  };
  struct Shard {
    std::mutex mutex;
    std::unordered_map<std::string, Entry> entries;
  };

  [[nodiscard]] Shard& shard_of(const std::string& scope) {
    return shards_[std::hash<std::string>{}(scope) / 7 % kShards];
  }

  std::array<Shard, kShards> shards_;
};

}  // namespace nexus::retrieval

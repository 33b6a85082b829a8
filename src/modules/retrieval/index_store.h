#pragma once

#include "base/principal.h"
#include "base/time.h"
#include "db/database.h"
#include "modules/retrieval/index_repository.h"
#include "search/index.h"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace nexus::observe {
class Metrics;
}

namespace nexus::retrieval {

/// The indexes of this process, loaded from their segments on first use and brought up to date by comparing versions
/// inside the reader's own snapshot: what a transaction of any process committed is found by the next search. Bounded:
/// the least recently used are dropped whole. Thread-safe.
class IndexStore {
 public:
  static constexpr std::uint64_t kUnknown = ~std::uint64_t{0};  ///< no count: compares versions in the database

  IndexStore(std::size_t budget_bytes, const Clock& clock, observe::Metrics& metrics);

  /// The index of a corpus, at least as new as `changes`, which is what Database::change_count() said of its scope
  /// (documents::corpus_scope) before the snapshot was taken. Reads nothing when it knows that state already.
  [[nodiscard]] std::shared_ptr<search::CorpusIndex> open(db::Snapshot& db, const TenantScope& tenant,
                                                          std::string_view corpus, std::uint64_t changes = kUnknown);

  /// Merges one group of small segments when there is one worth it and nobody else is at it; true when it did. Long
  /// work: worker threads.
  bool merge_once(db::Database& db, const TenantScope& tenant, std::string_view corpus);

  [[nodiscard]] std::size_t memory_bytes() const { return total_bytes_.load(std::memory_order_relaxed); }

 private:
  struct Entry {
    std::mutex loading;
    std::atomic<std::int64_t> version{-1};
    std::atomic<std::uint64_t> changes{kUnknown};  // nothing newer was committed when the count was this
    std::atomic<std::int64_t> used_us{0};
    std::atomic<bool> merging{false};
    std::size_t bytes = 0;  // guarded by loading
    bool evicted = false;   // guarded by loading: no longer counted
    std::shared_ptr<search::CorpusIndex> index = std::make_shared<search::CorpusIndex>();
  };

  [[nodiscard]] std::shared_ptr<Entry> entry(const TenantScope& tenant, std::string_view corpus);
  void bring_up_to_date(Entry& entry, db::Snapshot& db, const TenantScope& tenant, std::string_view corpus,
                        std::int64_t version);
  void evict(const Entry* keep);

  const std::size_t budget_bytes_;
  const Clock& clock_;
  observe::Metrics& metrics_;
  IndexRepository rows_;
  std::atomic<std::size_t> total_bytes_{0};
  std::mutex mutex_;
  std::unordered_map<std::string, std::shared_ptr<Entry>> entries_;  // guarded by mutex_
};

}  // namespace nexus::retrieval

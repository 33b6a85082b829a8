#include "modules/retrieval/index_store.h"

#include "modules/documents/ports.h"
#include "observe/log.h"
#include "observe/metrics.h"

#include <algorithm>
#include <charconv>
#include <unordered_set>

namespace nexus::retrieval {
namespace {

std::string store_key(const TenantScope& tenant, std::string_view corpus) {
  std::string key;
  key.reserve(tenant.id().size() + corpus.size() + 8);
  key.append(std::to_string(tenant.id().size())).append(1, ':').append(tenant.id()).append(corpus);
  return key;
}

std::string segment_key(const SegmentInfo& info) {
  return std::to_string(info.seq) + "." + std::to_string(info.generation);
}

/// Clears a flag at the end of a scope.
struct Release {
  std::atomic<bool>& flag;
  ~Release() { flag.store(false); }
};

std::int64_t seq_of(const std::string& key) {
  std::int64_t seq = 0;
  std::from_chars(key.data(), key.data() + key.size(), seq);
  return seq;
}

/// The chunks that tombstones newer than the segment leave alive; null when that is all of them.
std::shared_ptr<const search::Bitmap> live_chunks(const search::Segment& segment, std::int64_t seq,
                                                  const std::vector<Tombstone>& tombstones) {
  std::shared_ptr<search::Bitmap> live;
  for (const Tombstone& tombstone : tombstones) {
    if (tombstone.seq <= seq) continue;
    const std::optional<std::uint32_t> document = segment.find_document(tombstone.document_id);
    if (!document) continue;
    if (!live) live = std::make_shared<search::Bitmap>(segment.chunk_count(), true);
    const std::uint32_t end =
        *document + 1 < segment.document_count() ? segment.first_chunk(*document + 1) : segment.chunk_count();
    for (std::uint32_t chunk = segment.first_chunk(*document); chunk < end; ++chunk)
      if (segment.document_of(chunk) == *document) live->reset(chunk);
  }
  return live;
}

}  // namespace

IndexStore::IndexStore(std::size_t budget_bytes, const Clock& clock, observe::Metrics& metrics)
    : budget_bytes_(budget_bytes), clock_(clock), metrics_(metrics) {}

std::shared_ptr<IndexStore::Entry> IndexStore::entry(const TenantScope& tenant, std::string_view corpus) {
  const std::string key = store_key(tenant, corpus);
  const std::lock_guard lock(mutex_);
  std::shared_ptr<Entry>& found = entries_[key];
  if (!found) found = std::make_shared<Entry>();
  found->used_us.store(clock_.steady_us(), std::memory_order_relaxed);
  return found;
}

std::shared_ptr<search::CorpusIndex> IndexStore::open(db::Snapshot& db, const TenantScope& tenant,
                                                      std::string_view corpus, std::uint64_t changes) {
  const std::shared_ptr<Entry> found = entry(tenant, corpus);
  if (changes != kUnknown && found->changes.load(std::memory_order_acquire) == changes) return found->index;
  const std::int64_t version = rows_.version(db, tenant, corpus);
  if (found->version.load(std::memory_order_acquire) < version) {
    {
      const std::lock_guard lock(found->loading);
      if (found->version.load(std::memory_order_acquire) < version)
        bring_up_to_date(*found, db, tenant, corpus, version);
    }
    if (total_bytes_.load() > budget_bytes_) evict(found.get());
  }
  found->changes.store(changes, std::memory_order_release);
  return found->index;
}

void IndexStore::bring_up_to_date(Entry& entry, db::Snapshot& db, const TenantScope& tenant, std::string_view corpus,
                                  std::int64_t version) {
  const std::shared_ptr<const search::Snapshot> before = entry.index->snapshot();
  const std::int64_t loaded = entry.version.load();
  const std::int64_t begun = clock_.steady_us();
  const std::vector<SegmentInfo> present = rows_.list(db, tenant, corpus);
  const std::vector<Tombstone> tombstones = rows_.tombstones(db, tenant, corpus);

  search::Change change;
  std::unordered_set<std::string> wanted;
  std::vector<std::int64_t> missing;
  for (const SegmentInfo& info : present) {
    std::string key = segment_key(info);
    if (before->find(key) == nullptr) missing.push_back(info.seq);
    wanted.insert(std::move(key));
  }
  for (const search::SegmentView& view : before->segments())
    if (!wanted.contains(view.key)) change.drop_segments.push_back(view.key);
  for (const Tombstone& tombstone : tombstones)
    if (tombstone.seq > loaded) change.remove_documents.push_back(tombstone.document_id);
  for (const StoredSegment& stored : rows_.load(db, tenant, corpus, missing)) {
    const auto info =
        std::find_if(present.begin(), present.end(), [&](const SegmentInfo& i) { return i.seq == stored.seq; });
    std::shared_ptr<const search::Segment> segment = search::Segment::open(stored.bytes);
    std::shared_ptr<const search::Bitmap> live = live_chunks(*segment, stored.seq, tombstones);
    change.add.push_back({.key = segment_key(*info), .segment = std::move(segment), .live = std::move(live)});
  }
  const std::shared_ptr<const search::Snapshot> after = entry.index->apply(change);
  const std::size_t bytes = after->memory_bytes();
  if (!entry.evicted) {
    total_bytes_.fetch_add(bytes - entry.bytes);
    entry.bytes = bytes;
    metrics_.gauge("nexusrag_search_segments")
        .add(static_cast<double>(after->segments().size()) - static_cast<double>(before->segments().size()));
    if (loaded < 0) metrics_.gauge("nexusrag_search_index_loaded").add(1);
  }
  if (loaded < 0) {
    metrics_.counter("nexusrag_search_index_loads_total").add();
    metrics_.histogram("nexusrag_search_index_load_seconds")
        .observe(static_cast<double>(clock_.steady_us() - begun) / 1e6);
  }
  entry.version.store(version, std::memory_order_release);
  metrics_.gauge("nexusrag_search_index_bytes").set(static_cast<double>(total_bytes_.load()));
}

void IndexStore::evict(const Entry* keep) {
  const std::lock_guard lock(mutex_);
  while (total_bytes_.load() > budget_bytes_) {
    auto oldest = entries_.end();
    for (auto it = entries_.begin(); it != entries_.end(); ++it)
      if (it->second.get() != keep && (oldest == entries_.end() || it->second->used_us < oldest->second->used_us))
        oldest = it;
    if (oldest == entries_.end()) return;
    {
      // One that is being loaded is in use after all; nobody waits for it while every search waits for this lock.
      const std::unique_lock loading(oldest->second->loading, std::try_to_lock);
      if (!loading.owns_lock()) return;
      total_bytes_.fetch_sub(oldest->second->bytes);
      oldest->second->evicted = true;
      if (oldest->second->version.load() >= 0) {
        metrics_.gauge("nexusrag_search_segments")
            .add(-static_cast<double>(oldest->second->index->snapshot()->segments().size()));
        metrics_.gauge("nexusrag_search_index_loaded").add(-1);
      }
    }
    entries_.erase(oldest);
    metrics_.counter("nexusrag_search_index_evictions_total").add();
  }
}

bool IndexStore::merge_once(db::Database& db, const TenantScope& tenant, std::string_view corpus) {
  const std::shared_ptr<Entry> found = entry(tenant, corpus);
  bool idle = false;
  if (!found->merging.compare_exchange_strong(idle, true)) return false;
  const Release release{found->merging};
  const std::uint64_t changes = db.change_count(documents::corpus_scope(tenant, corpus));
  const std::shared_ptr<search::CorpusIndex> index =
      db.read([&](db::Snapshot& snapshot) { return open(snapshot, tenant, corpus, changes); });
  const std::vector<std::string> keys = index->merge_candidates();
  if (keys.empty()) return false;
  const std::vector<std::byte> merged = index->merge(keys);
  const std::uint32_t chunks = search::Segment::open(merged)->chunk_count();
  std::vector<std::int64_t> sources;
  sources.reserve(keys.size());
  for (const std::string& key : keys) sources.push_back(seq_of(key));
  const bool done = db.write([&](db::Tx& tx) {
    rows_.take(tx, tenant, corpus);
    std::unordered_set<std::string> present;
    for (const SegmentInfo& info : rows_.list(tx, tenant, corpus)) present.insert(segment_key(info));
    for (const std::string& key : keys)
      if (!present.contains(key)) return false;  // somebody else merged meanwhile
    return rows_.replace_segments(tx, tenant, corpus, sources, merged, chunks);
  });
  if (done) metrics_.counter("nexusrag_search_merges_total").add();
  return done;
}

}  // namespace nexus::retrieval

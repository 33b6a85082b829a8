#include "modules/retrieval/segment_engine.h"

#include "modules/retrieval/segment_writer.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace nexus::retrieval {
namespace {

constexpr std::size_t kChunksPerSegment = 5000;
constexpr std::size_t kIdsWorthKeeping = 64;  // fewer are looked up as fast as found again
constexpr std::size_t kMostBound = 64;

struct PreparedSegment final : PreparedChunks {
  std::vector<std::byte> bytes;
  std::int64_t chunks = 0;
};

/// Builds segments in memory and swaps them in when the index is still what it was.
class SegmentRebuild final : public IndexRebuild {
 public:
  SegmentRebuild(const IndexRepository& rows, const TenantScope& tenant, std::string_view corpus,
                 const embed::Embedder& model, std::int64_t version)
      : rows_(rows), tenant_(tenant), corpus_(corpus), writer_(&model), version_(version) {}

  void add(const IndexChunk& chunk) override {
    writer_.add(chunk);
    if (writer_.size() >= kChunksPerSegment) close_part();
  }
  void swap(db::Tx& tx) override {
    // Compared where the counter is locked: a segment that was added meanwhile must not be cleared.
    if (rows_.clear(tx, tenant_, corpus_) != version_ + 1)
      throw std::runtime_error("the corpus changed while it was embedded");
    close_part();
    for (const auto& part : parts_) rows_.add_segment(tx, tenant_, corpus_, part.first, part.second);
  }

 private:
  void close_part() {
    const auto chunks = static_cast<std::int64_t>(writer_.size());
    if (chunks > 0) parts_.emplace_back(writer_.finish(), chunks);
  }

  const IndexRepository& rows_;
  TenantScope tenant_;
  std::string corpus_;
  SegmentWriter writer_;
  std::int64_t version_;
  std::vector<std::pair<std::vector<std::byte>, std::int64_t>> parts_;
};

}  // namespace

SegmentEngine::SegmentEngine(std::size_t memory_bytes, const Clock& clock, observe::Metrics& metrics)
    : store_(memory_bytes, clock, metrics) {}

std::unique_ptr<const PreparedChunks> SegmentEngine::prepare(const embed::Embedder* model,
                                                             std::span<const IndexChunk> chunks) const {
  auto prepared = std::make_unique<PreparedSegment>();
  prepared->bytes = build_segment(model, chunks);
  prepared->chunks = static_cast<std::int64_t>(chunks.size());
  return prepared;
}

void SegmentEngine::add(db::Tx& tx, const TenantScope& tenant, std::string_view corpus,
                        const PreparedChunks& prepared) const {
  const auto& segment = dynamic_cast<const PreparedSegment&>(prepared);
  if (segment.chunks > 0) rows_.add_segment(tx, tenant, corpus, segment.bytes, segment.chunks);
}

void SegmentEngine::remove_document(db::Tx& tx, const TenantScope& tenant, std::string_view corpus,
                                    std::string_view document) const {
  rows_.bury_document(tx, tenant, corpus, document);
}

void SegmentEngine::clear(db::Tx& tx, const TenantScope& tenant, std::string_view corpus) const {
  rows_.clear(tx, tenant, corpus);
}

std::unique_ptr<IndexRebuild> SegmentEngine::rebuild(db::Database& db, const TenantScope& tenant,
                                                     std::string_view corpus, const embed::Embedder& model) const {
  const std::int64_t version = db.read([&](db::Snapshot& s) { return rows_.version(s, tenant, corpus); });
  return std::make_unique<SegmentRebuild>(rows_, tenant, corpus, model, version);
}

std::vector<search::Hit> SegmentEngine::search(db::Snapshot& db, const TenantScope& tenant, std::string_view corpus,
                                               std::uint64_t changes, const IndexQuery& query) const {
  const std::shared_ptr<search::CorpusIndex> index = store_.open(db, tenant, corpus, changes);
  const std::shared_ptr<const search::Snapshot> state = index->snapshot();
  const std::shared_ptr<const search::ReadableOrdinals> readable = bind(query.readable, state->documents());
  return state->search({.text = query.text,
                        .vector = query.vector,
                        .model_id = query.model_id,
                        .k = query.k,
                        .mode = query.mode,
                        .alpha = query.alpha,
                        .readable = *readable,
                        .deadline = query.deadline});
}

std::shared_ptr<const search::ReadableOrdinals> SegmentEngine::bind(
    const search::ReadableDocuments& readable, const std::shared_ptr<const search::DocumentSpace>& space) const {
  if (readable.all() || readable.ids()->size() < kIdsWorthKeeping)
    return std::make_shared<const search::ReadableOrdinals>(readable, space);
  const auto fits = [&](const Bound& bound) {
    return bound.ids.lock() == readable.ids() && bound.kind == readable.kind() &&
           bound.with_no_document == readable.with_no_document() && bound.numbers->space() == space &&
           bound.numbers->size() == space->size();  // a document that appeared since has no number in it
  };
  {
    const std::lock_guard lock(bound_mutex_);
    const auto known = std::find_if(bound_.begin(), bound_.end(), fits);
    if (known != bound_.end()) {
      bound_.splice(bound_.begin(), bound_, known);
      return bound_.front().numbers;
    }
  }
  auto numbers = std::make_shared<const search::ReadableOrdinals>(readable, space);
  const std::lock_guard lock(bound_mutex_);
  bound_.push_front({readable.ids(), readable.with_no_document(), readable.kind(), numbers});
  if (bound_.size() > kMostBound) bound_.pop_back();
  return numbers;
}

bool SegmentEngine::tidy_once(db::Database& db, const TenantScope& tenant, std::string_view corpus) const {
  return store_.merge_once(db, tenant, corpus);
}

}  // namespace nexus::retrieval

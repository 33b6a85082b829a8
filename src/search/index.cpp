#include "search/index.h"

#include "search/segment_builder.h"

#include <algorithm>
#include <map>
#include <set>
#include <stdexcept>
#include <tuple>

namespace nexus::search {
namespace {

void count_live(SegmentView& view) {
  view.live_chunks = 0;
  view.live_length = 0;
  const auto lengths = view.segment->lengths();
  for (std::uint32_t chunk = 0; chunk < view.segment->chunk_count(); ++chunk) {
    if (view.live && !view.live->test(chunk)) continue;
    ++view.live_chunks;
    view.live_length += lengths[chunk];
  }
}

[[nodiscard]] SegmentView make_view(const NewSegment& added, DocumentSpace& space) {
  if (!added.segment) throw std::invalid_argument("a segment is missing");
  if (added.live && added.live->size() != added.segment->chunk_count())
    throw std::invalid_argument("a segment's tombstones have another size");
  auto ordinals = std::make_shared<std::vector<std::uint32_t>>();
  for (std::uint32_t document = 0; document < added.segment->document_count(); ++document)
    ordinals->push_back(space.intern(added.segment->document_id(document)));
  SegmentView view{added.key, added.segment, added.live, std::move(ordinals)};
  count_live(view);
  return view;
}

// Copies the live set of a view on the first removal, so that other snapshots keep theirs.
class Remover {
 public:
  explicit Remover(SegmentView& view) : view_(view) {}

  void remove(std::uint32_t chunk) {
    if (!copy_) copy_ = std::make_shared<Bitmap>(view_.live ? *view_.live : Bitmap(view_.segment->chunk_count(), true));
    copy_->reset(chunk);
  }
  void finish() {
    if (!copy_) return;
    view_.live = std::move(copy_);
    count_live(view_);
  }

 private:
  SegmentView& view_;
  std::shared_ptr<Bitmap> copy_;
};

void remove_from(SegmentView& view, const Change& change, const std::set<ChunkId>& chunks) {
  Remover remover(view);
  const Segment& segment = *view.segment;
  for (const std::string& id : change.remove_documents) {
    const auto document = segment.find_document(id);
    if (!document) continue;
    for (std::uint32_t chunk = segment.first_chunk(*document); chunk < segment.first_chunk(*document + 1); ++chunk)
      remover.remove(chunk);
  }
  if (!chunks.empty())
    for (std::uint32_t chunk = 0; chunk < segment.chunk_count(); ++chunk)
      if (chunks.contains(segment.chunk_id(chunk))) remover.remove(chunk);
  remover.finish();
}

[[nodiscard]] std::size_t size_class(std::uint32_t chunks, std::size_t growth) {
  std::size_t level = 0;
  for (std::uint64_t bound = growth; bound <= chunks; bound *= growth) ++level;
  return level;
}

}  // namespace

Snapshot::Snapshot(std::shared_ptr<DocumentSpace> space, std::vector<SegmentView> segments)
    : space_(std::move(space)), segments_(std::move(segments)) {
  for (const SegmentView& view : segments_) {
    live_chunks_ += view.live_chunks;
    live_length_ += view.live_length;
    slot_count_ += view.segment->chunk_count();
  }
}

const SegmentView* Snapshot::find(std::string_view key) const noexcept {
  for (const SegmentView& view : segments_)
    if (view.key == key) return &view;
  return nullptr;
}

std::size_t Snapshot::memory_bytes() const noexcept {
  std::size_t total = 0;
  for (const SegmentView& view : segments_)
    total += view.segment->memory_bytes() + view.document_ordinals->size() * sizeof(std::uint32_t) +
             (view.live ? view.live->words().size_bytes() : 0);
  return total;
}

std::shared_ptr<const Snapshot> Snapshot::with(const Change& change) const {
  const std::set<ChunkId> chunks(change.remove_chunks.begin(), change.remove_chunks.end());
  std::vector<SegmentView> next;
  for (const SegmentView& view : segments_) {
    if (std::find(change.drop_segments.begin(), change.drop_segments.end(), view.key) != change.drop_segments.end())
      continue;
    next.push_back(view);
    remove_from(next.back(), change, chunks);
    if (next.back().live_chunks == 0) next.pop_back();
  }
  for (const NewSegment& added : change.add) {
    const bool taken =
        std::any_of(next.begin(), next.end(), [&](const SegmentView& view) { return view.key == added.key; });
    if (taken) throw std::invalid_argument("a segment of this key is already there");
    next.push_back(make_view(added, *space_));
  }
  return std::make_shared<const Snapshot>(space_, std::move(next));
}

CorpusIndex::CorpusIndex()
    : space_(std::make_shared<DocumentSpace>()),
      current_(std::make_shared<const Snapshot>(space_, std::vector<SegmentView>{})) {}

std::shared_ptr<const Snapshot> CorpusIndex::snapshot() const {
  const std::scoped_lock lock(published_);
  return current_;
}

std::shared_ptr<const Snapshot> CorpusIndex::apply_locked(const Change& change) {
  std::shared_ptr<const Snapshot> next = snapshot()->with(change);
  std::shared_ptr<const Snapshot> previous = next;  // freed outside the lock
  const std::scoped_lock lock(published_);
  current_.swap(previous);
  return next;
}

std::shared_ptr<const Snapshot> CorpusIndex::apply(const Change& change) {
  const std::scoped_lock lock(writer_);
  return apply_locked(change);
}

std::shared_ptr<const Snapshot> CorpusIndex::add_segment(NewSegment segment) {
  Change change;
  change.add.push_back(std::move(segment));
  return apply(change);
}

std::shared_ptr<const Snapshot> CorpusIndex::remove_document(std::string_view document_id) {
  Change change;
  change.remove_documents.emplace_back(document_id);
  return apply(change);
}

std::shared_ptr<const Snapshot> CorpusIndex::replace_document(std::string_view document_id, NewSegment segment) {
  Change change;
  change.remove_documents.emplace_back(document_id);
  change.add.push_back(std::move(segment));
  return apply(change);
}

std::vector<std::string> CorpusIndex::merge_candidates(const MergePolicy& policy) const {
  using Kind = std::tuple<VectorFormat, std::size_t, std::string_view, std::size_t>;
  const std::shared_ptr<const Snapshot> state = snapshot();
  std::map<Kind, std::vector<const SegmentView*>> classes;
  for (const SegmentView& view : state->segments()) {
    const Segment& segment = *view.segment;
    const std::uint32_t dead = segment.chunk_count() - view.live_chunks;
    if (dead > 0 && static_cast<double>(dead) > policy.max_dead * static_cast<double>(segment.chunk_count()))
      return {view.key};
    if (view.live_chunks < policy.max_chunks)
      classes[{segment.vector_format(), segment.dimension(), segment.model_id(),
               size_class(view.live_chunks, policy.growth)}]
          .push_back(&view);
  }
  for (const auto& entry : classes) {  // smallest classes of a kind come first
    if (entry.second.size() < policy.fan_in) continue;
    std::vector<std::string> keys;
    std::uint64_t total = 0;
    for (const SegmentView* view : entry.second) {
      total += view->live_chunks;
      if (total > policy.max_chunks) break;
      keys.push_back(view->key);
    }
    if (keys.size() > 1) return keys;
  }
  return {};
}

std::vector<std::byte> CorpusIndex::merge(const std::vector<std::string>& keys) const {
  const std::shared_ptr<const Snapshot> state = snapshot();
  std::vector<MergeInput> inputs;
  for (const std::string& key : keys) {
    const SegmentView* view = state->find(key);
    if (view == nullptr) throw std::invalid_argument("no segment of this key");
    inputs.push_back({view->segment, view->live});
  }
  return merge_segments(inputs);
}

bool CorpusIndex::finish_merge(const std::vector<std::string>& keys, NewSegment merged) {
  const std::scoped_lock lock(writer_);
  const std::shared_ptr<const Snapshot> state = snapshot();
  std::set<ChunkId> alive;
  for (const std::string& key : keys) {
    const SegmentView* view = state->find(key);
    if (view == nullptr) continue;  // died altogether, or another merge has its chunks: dead here either way
    for (std::uint32_t chunk = 0; chunk < view->segment->chunk_count(); ++chunk)
      if (!view->live || view->live->test(chunk)) alive.insert(view->segment->chunk_id(chunk));
  }
  if (alive.empty()) return false;
  if (!merged.segment) throw std::invalid_argument("a segment is missing");
  auto live = std::make_shared<Bitmap>(merged.segment->chunk_count(), true);
  bool died = false;
  for (std::uint32_t chunk = 0; chunk < merged.segment->chunk_count(); ++chunk) {
    if (alive.contains(merged.segment->chunk_id(chunk))) continue;
    live->reset(chunk);
    died = true;
  }
  if (died) merged.live = std::move(live);
  Change change;
  change.drop_segments = keys;
  change.add.push_back(std::move(merged));
  apply_locked(change);
  return true;
}

}  // namespace nexus::search

// The searchable state of one corpus: segments, what is deleted in them, and the statistics over what is left.
//
// Writers replace an immutable Snapshot; readers keep the one they took for as long as they like and never wait. A
// Change is atomic: a reader sees all of it or nothing.
#pragma once

#include "search/query.h"
#include "search/ranking.h"
#include "search/readable.h"
#include "search/segment.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace nexus::search {

struct NewSegment {
  std::string key;  // the caller's name for it: its row
  std::shared_ptr<const Segment> segment;
  std::shared_ptr<const Bitmap> live = {};  // null: all; see decode_tombstones
};

// Removals apply to what is there before, additions after them: replacing a document is removing it and adding a
// segment with its new chunks in one Change.
struct Change {
  std::vector<std::string> remove_documents;
  std::vector<ChunkId> remove_chunks;
  std::vector<std::string> drop_segments;  // by key; unknown keys are ignored
  std::vector<NewSegment> add;
};

struct SegmentView {
  std::string key;
  std::shared_ptr<const Segment> segment;
  std::shared_ptr<const Bitmap> live;                                   // null: every chunk
  std::shared_ptr<const std::vector<std::uint32_t>> document_ordinals;  // local document → DocumentSpace
  std::uint32_t live_chunks = 0;
  std::uint64_t live_length = 0;  // terms in live chunks
};

class Snapshot {
 public:
  Snapshot(std::shared_ptr<DocumentSpace> space, std::vector<SegmentView> segments);

  // The best chunks, best first; ties by chunk id. At most query.k (capped at kMaxResults). A chunk with nothing in
  // common with the query (score 0) is not a hit. Throws SearchTimeout, and std::invalid_argument when query.readable
  // was made for another index or k or alpha is out of range.
  [[nodiscard]] std::vector<Hit> search(const Query& query) const;

  // The state after a change; this one stays as it is. A segment whose last chunk is removed leaves the state: its row
  // can go. Throws std::invalid_argument when a key is added twice.
  [[nodiscard]] std::shared_ptr<const Snapshot> with(const Change& change) const;

  [[nodiscard]] const std::vector<SegmentView>& segments() const noexcept { return segments_; }
  [[nodiscard]] const SegmentView* find(std::string_view key) const noexcept;
  [[nodiscard]] std::uint64_t live_chunks() const noexcept { return live_chunks_; }
  [[nodiscard]] std::uint64_t live_length() const noexcept { return live_length_; }
  [[nodiscard]] std::uint64_t slot_count() const noexcept { return slot_count_; }  // live and dead chunks
  [[nodiscard]] std::size_t memory_bytes() const noexcept;
  [[nodiscard]] std::shared_ptr<const DocumentSpace> documents() const noexcept { return space_; }

 private:
  std::shared_ptr<DocumentSpace> space_;
  std::vector<SegmentView> segments_;
  std::uint64_t live_chunks_ = 0;
  std::uint64_t live_length_ = 0;
  std::uint64_t slot_count_ = 0;
};

struct MergePolicy {
  std::size_t fan_in = 8;              // segments of one size class that become one
  std::size_t growth = 4;              // size classes are powers of this
  std::uint32_t max_chunks = 200'000;  // no merge makes a larger segment
  double max_dead = 0.3;               // a segment with a larger dead part is rewritten alone
};

class CorpusIndex {
 public:
  CorpusIndex();

  // Any thread; never waits for a writer's work.
  [[nodiscard]] std::shared_ptr<const Snapshot> snapshot() const;
  [[nodiscard]] std::shared_ptr<const DocumentSpace> documents() const noexcept { return space_; }

  // Any thread; changes are applied one after the other. Returns the state that contains the change.
  std::shared_ptr<const Snapshot> apply(const Change& change);

  std::shared_ptr<const Snapshot> add_segment(NewSegment segment);
  std::shared_ptr<const Snapshot> remove_document(std::string_view document_id);
  std::shared_ptr<const Snapshot> replace_document(std::string_view document_id, NewSegment segment);

  // Keys of segments worth merging now, or nothing.
  [[nodiscard]] std::vector<std::string> merge_candidates(const MergePolicy& policy = {}) const;

  // The bytes of the merged segment, made from the current state; long work, no lock held. Throws std::invalid_argument
  // for an unknown key.
  [[nodiscard]] std::vector<std::byte> merge(const std::vector<std::string>& keys) const;

  // Puts a merged segment in the place of its sources. What died in them meanwhile is dead in it too. False, and
  // nothing happens, when a source is no longer there.
  bool finish_merge(const std::vector<std::string>& keys, NewSegment merged);

 private:
  std::shared_ptr<DocumentSpace> space_;
  std::mutex writer_;             // held while a change is made
  mutable std::mutex published_;  // held while the pointer is copied
  std::shared_ptr<const Snapshot> current_;

  std::shared_ptr<const Snapshot> apply_locked(const Change& change);
};

}  // namespace nexus::search

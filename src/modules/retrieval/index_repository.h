#pragma once

#include "base/principal.h"
#include "db/database.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace nexus::retrieval {

/// One stored segment of a corpus's index.
struct StoredSegment {
  std::int64_t seq = 0;
  std::vector<std::byte> bytes;
};

/// Chunks of `document_id` in segments with a smaller seq are gone.
struct Tombstone {
  std::string document_id;
  std::int64_t seq = 0;
};

struct SegmentInfo {
  std::int64_t seq = 0;
  std::int64_t generation = 0;  ///< changes when a merge rewrites the segment under the same seq
  std::int64_t chunk_count = 0;
};

/// All SQL on `index_segments`, `index_tombstones` and `index_state`. A change joins the transaction of the chunks it
/// belongs to, so that index and rows cannot disagree. Stateless.
class IndexRepository {
 public:
  /// 0 when the corpus has no index yet.
  std::int64_t version(db::Snapshot& db, const TenantScope& tenant, std::string_view corpus) const;

  void add_segment(db::Tx& tx, const TenantScope& tenant, std::string_view corpus, std::span<const std::byte> bytes,
                   std::int64_t chunk_count) const;
  /// Hides the document's chunks in every segment written so far.
  void bury_document(db::Tx& tx, const TenantScope& tenant, std::string_view corpus, std::string_view document) const;
  /// `merged` takes the place of `sources` (the highest of their seqs is kept). False when one of them has gone.
  bool replace_segments(db::Tx& tx, const TenantScope& tenant, std::string_view corpus,
                        std::span<const std::int64_t> sources, std::span<const std::byte> merged,
                        std::int64_t chunk_count) const;

  /// Nobody else changes the index of the corpus until the transaction ends.
  void take(db::Tx& tx, const TenantScope& tenant, std::string_view corpus) const;

  /// Drops every segment and tombstone: the corpus goes, or the transaction goes on to add a rebuilt index.
  /// Returns the version that the index has now.
  std::int64_t clear(db::Tx& tx, const TenantScope& tenant, std::string_view corpus) const;

  std::vector<SegmentInfo> list(db::Snapshot& db, const TenantScope& tenant, std::string_view corpus) const;
  std::vector<StoredSegment> load(db::Snapshot& db, const TenantScope& tenant, std::string_view corpus,
                                  std::span<const std::int64_t> seqs) const;
  std::vector<Tombstone> tombstones(db::Snapshot& db, const TenantScope& tenant, std::string_view corpus) const;

 private:
  std::int64_t advance(db::Tx& tx, const TenantScope& tenant, std::string_view corpus) const;
};

[[nodiscard]] db::StatementList index_statements();

}  // namespace nexus::retrieval

#include "modules/retrieval/index_repository.h"

#include "modules/documents/ports.h"

#include <algorithm>

namespace nexus::retrieval {
namespace {

using db::Statement;

constexpr Statement kVersion{"index.version",
                             "SELECT version FROM index_state WHERE tenant_id = $1 AND corpus_id = $2"};
constexpr Statement kTake{"index.take", R"(
  SELECT version FROM index_state WHERE tenant_id = $1 AND corpus_id = $2 {{for_update}})"};
// One counter serves as seq of what is added and as version of the whole.
constexpr Statement kAdvance{"index.advance", R"(
  INSERT INTO index_state (tenant_id, corpus_id, next_seq, version) VALUES ($1, $2, 2, 1)
  ON CONFLICT (tenant_id, corpus_id)
    DO UPDATE SET next_seq = index_state.next_seq + 1, version = index_state.version + 1
  RETURNING next_seq - 1)"};
constexpr Statement kInsertSegment{"index.insert_segment", R"(
  INSERT INTO index_segments (tenant_id, corpus_id, seq, generation, chunk_count, bytes)
  VALUES ($1, $2, $3, $4, $5, $6))"};
constexpr Statement kBury{"index.bury", R"(
  INSERT INTO index_tombstones (tenant_id, corpus_id, document_id, seq) VALUES ($1, $2, $3, $4)
  ON CONFLICT (tenant_id, corpus_id, document_id) DO UPDATE SET seq = excluded.seq)"};
constexpr Statement kDeleteSegment{"index.delete_segment",
                                   "DELETE FROM index_segments WHERE tenant_id = $1 AND corpus_id = $2 AND seq = $3"};
// A tombstone has done its work when no older segment is left.
constexpr Statement kSweep{"index.sweep_tombstones", R"(
  DELETE FROM index_tombstones WHERE tenant_id = $1 AND corpus_id = $2 AND seq <= coalesce(
    (SELECT min(seq) FROM index_segments WHERE tenant_id = $1 AND corpus_id = $2), seq))"};
constexpr Statement kDeleteSegments{"index.delete_segments",
                                    "DELETE FROM index_segments WHERE tenant_id = $1 AND corpus_id = $2"};
constexpr Statement kDeleteTombstones{"index.delete_tombstones",
                                      "DELETE FROM index_tombstones WHERE tenant_id = $1 AND corpus_id = $2"};
constexpr Statement kList{"index.list", R"(
  SELECT seq, generation, chunk_count FROM index_segments WHERE tenant_id = $1 AND corpus_id = $2 ORDER BY seq)"};
constexpr Statement kSegment{"index.segment", R"(
  SELECT seq, bytes FROM index_segments WHERE tenant_id = $1 AND corpus_id = $2 AND seq = $3)"};
constexpr Statement kTombstones{"index.tombstones", R"(
  SELECT document_id, seq FROM index_tombstones WHERE tenant_id = $1 AND corpus_id = $2)"};

constexpr const Statement* kIndexStatements[] = {
    &kVersion, &kTake,           &kAdvance,          &kInsertSegment, &kBury,    &kDeleteSegment,
    &kSweep,   &kDeleteSegments, &kDeleteTombstones, &kList,          &kSegment, &kTombstones};

StoredSegment segment_from(const db::Cursor& row) {
  const std::span<const std::byte> bytes = row.blob(1);
  return {.seq = row.i64(0), .bytes = {bytes.begin(), bytes.end()}};
}

}  // namespace

std::int64_t IndexRepository::version(db::Snapshot& db, const TenantScope& tenant, std::string_view corpus) const {
  db::Cursor row = db.query(kVersion, tenant.id(), corpus);
  return row.next() ? row.i64(0) : 0;
}

void IndexRepository::take(db::Tx& tx, const TenantScope& tenant, std::string_view corpus) const {
  (void)tx.query(kTake, tenant.id(), corpus).next();
}

std::int64_t IndexRepository::advance(db::Tx& tx, const TenantScope& tenant, std::string_view corpus) const {
  tx.touch(documents::corpus_scope(tenant, corpus));
  db::Cursor row = tx.query(kAdvance, tenant.id(), corpus);
  if (!row.next()) throw db::Error(db::ErrorCode::kOther, "index state did not advance");
  const std::int64_t seq = row.i64(0);
  while (row.next()) {
  }
  return seq;
}

void IndexRepository::add_segment(db::Tx& tx, const TenantScope& tenant, std::string_view corpus,
                                  std::span<const std::byte> bytes, std::int64_t chunk_count) const {
  const std::int64_t seq = advance(tx, tenant, corpus);
  tx.exec(kInsertSegment, tenant.id(), corpus, seq, seq, chunk_count, bytes);
}

void IndexRepository::bury_document(db::Tx& tx, const TenantScope& tenant, std::string_view corpus,
                                    std::string_view document) const {
  const std::int64_t seq = advance(tx, tenant, corpus);
  tx.exec(kBury, tenant.id(), corpus, document, seq);
}

std::int64_t IndexRepository::clear(db::Tx& tx, const TenantScope& tenant, std::string_view corpus) const {
  const std::int64_t version = advance(
      tx, tenant, corpus);  // the counter outlives the rows: a later corpus of that id must not repeat a version
  tx.exec(kDeleteSegments, tenant.id(), corpus);
  tx.exec(kDeleteTombstones, tenant.id(), corpus);
  return version;
}

bool IndexRepository::replace_segments(db::Tx& tx, const TenantScope& tenant, std::string_view corpus,
                                       std::span<const std::int64_t> sources, std::span<const std::byte> merged,
                                       std::int64_t chunk_count) const {
  for (const std::int64_t seq : sources)
    if (tx.exec(kDeleteSegment, tenant.id(), corpus, seq) != 1) return false;
  const std::int64_t generation = advance(tx, tenant, corpus);
  if (chunk_count > 0)
    tx.exec(kInsertSegment, tenant.id(), corpus, *std::max_element(sources.begin(), sources.end()), generation,
            chunk_count, merged);
  tx.exec(kSweep, tenant.id(), corpus);
  return true;
}

std::vector<SegmentInfo> IndexRepository::list(db::Snapshot& db, const TenantScope& tenant,
                                               std::string_view corpus) const {
  std::vector<SegmentInfo> out;
  for (db::Cursor row = db.query(kList, tenant.id(), corpus); row.next();)
    out.push_back({row.i64(0), row.i64(1), row.i64(2)});
  return out;
}

std::vector<StoredSegment> IndexRepository::load(db::Snapshot& db, const TenantScope& tenant, std::string_view corpus,
                                                 std::span<const std::int64_t> seqs) const {
  std::vector<StoredSegment> out;
  for (const std::int64_t seq : seqs) {
    db::Cursor row = db.query(kSegment, tenant.id(), corpus, seq);
    if (row.next()) out.push_back(segment_from(row));
  }
  return out;
}

std::vector<Tombstone> IndexRepository::tombstones(db::Snapshot& db, const TenantScope& tenant,
                                                   std::string_view corpus) const {
  std::vector<Tombstone> out;
  for (db::Cursor row = db.query(kTombstones, tenant.id(), corpus); row.next();)
    out.push_back({row.str(0), row.i64(1)});
  return out;
}

db::StatementList index_statements() {
  return kIndexStatements;
}

}  // namespace nexus::retrieval

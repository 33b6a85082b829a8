#include "modules/ingestion/chunks_repository.h"

#include <bit>

namespace nexus::ingestion {
namespace {

using db::Statement;

static_assert(std::endian::native == std::endian::little, "embeddings are stored little-endian");

constexpr Statement kInsertChunk{"chunks.insert", R"(
  INSERT INTO chunks (id, tenant_id, corpus_id, document_id, document_uri, chunk_index, text, embedding,
                      embedding_model, document_version, start_byte, end_byte, metadata_json, created_at)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14))"};
constexpr Statement kDeleteOfDocument{"chunks.delete_of_document",
                                      "DELETE FROM chunks WHERE tenant_id = $1 AND document_id = $2"};
constexpr Statement kCountOfCorpus{"chunks.count_of_corpus",
                                   "SELECT count(*) FROM chunks WHERE tenant_id = $1 AND corpus_id = $2"};
constexpr Statement kPageOfCorpus{"chunks.page_of_corpus", R"(
  SELECT id, document_id, text FROM chunks WHERE tenant_id = $1 AND corpus_id = $2 AND id > $3 ORDER BY id LIMIT $4)"};
/// Ids of chunks are UUIDs, and on PostgreSQL nothing else compares with them.
constexpr std::string_view kBeforeAllIds = "00000000-0000-0000-0000-000000000000";
constexpr Statement kSetEmbedding{"chunks.set_embedding", R"(
  UPDATE chunks SET embedding = $3, embedding_model = $4 WHERE tenant_id = $1 AND id = $2)"};

constexpr Statement kWithoutVectors{"chunks.corpora_without_vectors",
                                    R"(
  SELECT DISTINCT tenant_id, corpus_id FROM chunks
  WHERE embedding_model IS NULL AND embedding IS NULL AND tenant_id IS NOT NULL)"};

constexpr const Statement* kChunksStatements[] = {&kInsertChunk,  &kDeleteOfDocument, &kCountOfCorpus,
                                                  &kPageOfCorpus, &kSetEmbedding,     &kWithoutVectors};

}  // namespace

std::vector<retrieval::IndexChunk> index_chunks(std::string_view document, std::span<const NewChunk> chunks) {
  std::vector<retrieval::IndexChunk> out;
  out.reserve(chunks.size());
  for (const NewChunk& chunk : chunks) out.push_back({chunk.id, document, chunk.text, chunk.vector});
  return out;
}

void ChunksRepository::insert(db::Tx& tx, const TenantScope& tenant, const ChunkOwner& owner,
                              std::span<const NewChunk> chunks, Timestamp now) const {
  for (const NewChunk& chunk : chunks) {
    std::optional<db::Vector> embedding;
    if (!chunk.vector.empty()) embedding = db::Vector{chunk.vector};
    tx.exec(kInsertChunk, chunk.id, tenant.id(), owner.corpus_id, owner.document_id, owner.document_uri, chunk.index,
            chunk.text, embedding, embedding ? owner.embedding_model : std::nullopt, owner.document_version,
            chunk.start_byte, chunk.end_byte, db::Json{chunk.metadata_json}, now);
  }
}

void ChunksRepository::remove_of_document(db::Tx& tx, const TenantScope& tenant, std::string_view document) const {
  tx.exec(kDeleteOfDocument, tenant.id(), document);
}

std::vector<CorpusKey> ChunksRepository::corpora_without_vectors(db::Snapshot& db) const {
  std::vector<CorpusKey> out;
  for (db::Cursor row = db.query(kWithoutVectors); row.next();) out.push_back({row.str(0), row.str(1)});
  return out;
}

std::int64_t ChunksRepository::count(db::Snapshot& db, const TenantScope& tenant, std::string_view corpus) const {
  db::Cursor row = db.query(kCountOfCorpus, tenant.id(), corpus);
  return row.next() ? row.i64(0) : 0;
}

std::vector<StoredChunk> ChunksRepository::of_corpus(db::Snapshot& db, const TenantScope& tenant,
                                                     std::string_view corpus, std::string_view after_id,
                                                     std::int64_t limit) const {
  std::vector<StoredChunk> out;
  for (db::Cursor row =
           db.query(kPageOfCorpus, tenant.id(), corpus, after_id.empty() ? kBeforeAllIds : after_id, limit);
       row.next();)
    out.push_back({.id = row.str(0), .document_id = row.opt_str(1), .text = row.str(2)});
  return out;
}

bool ChunksRepository::set_embedding(db::Tx& tx, const TenantScope& tenant, std::string_view id, std::string_view model,
                                     std::span<const float> vector) const {
  return tx.exec(kSetEmbedding, tenant.id(), id, db::Vector{vector}, model) == 1;
}

db::StatementList chunks_statements() {
  return kChunksStatements;
}

}  // namespace nexus::ingestion

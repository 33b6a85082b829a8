#include "modules/retrieval/postgres_index_repository.h"

#include "modules/retrieval/postgres_text.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <stdexcept>
#include <utility>

namespace nexus::retrieval::postgres {
namespace {

using db::Statement;

// --- changes

constexpr Statement kNumber{"search.number",
                            "SELECT number FROM search_corpora WHERE tenant_id = $1 AND corpus_id = $2"};
constexpr Statement kAddCorpus{"search.add_corpus", R"(
  INSERT INTO search_corpora (tenant_id, corpus_id) VALUES ($1, $2)
  ON CONFLICT (tenant_id, corpus_id) DO UPDATE SET corpus_id = excluded.corpus_id RETURNING number)"};
constexpr Statement kInsertTerms{"search.insert_terms", R"(
  INSERT INTO search_chunks (chunk_id, tenant_id, corpus, document_id, length, terms, frequencies)
  SELECT r.chunk_id, $1, CAST($2 AS bigint), nullif(r.document_id, ''), r.length, CAST(r.terms AS tsvector),
         r.frequencies
  FROM unnest(CAST($3 AS uuid[]), CAST($4 AS text[]), CAST($5 AS integer[]), CAST($6 AS text[]), CAST($7 AS bytea[]))
    AS r (chunk_id, document_id, length, terms, frequencies)
  ON CONFLICT (chunk_id) DO NOTHING)"};
constexpr Statement kDeleteDocument{"search.delete_document", R"(
  DELETE FROM search_chunks WHERE document_id = $3 AND corpus =
    (SELECT number FROM search_corpora WHERE tenant_id = $1 AND corpus_id = $2))"};
// The corpus's row goes first: what is deleted after it is not counted any more.
constexpr Statement kDeleteCorpus{"search.delete_corpus", R"(
  DELETE FROM search_corpora WHERE tenant_id = $1 AND corpus_id = $2 RETURNING number)"};
constexpr Statement kDeleteTermsOfCorpus{"search.delete_terms_of_corpus",
                                         "DELETE FROM search_chunks WHERE corpus = CAST($1 AS bigint)"};
constexpr Statement kDeleteDeltas{"search.delete_deltas",
                                  "DELETE FROM search_deltas WHERE corpus = CAST($1 AS bigint)"};
constexpr Statement kDeleteLexemes{"search.delete_lexemes",
                                   "DELETE FROM search_terms WHERE lexeme >= $1 AND lexeme < $2"};

// --- searching

// Compiling a plan takes longer than any search may, and so does planning a statement again for each question, which
// would also read all chunks when a word is common.
constexpr Statement kBegin{"search.begin", R"(
  SELECT set_config('statement_timeout', coalesce($1, current_setting('statement_timeout')), true),
         set_config('jit', 'off', true),
         set_config('plan_cache_mode', 'force_generic_plan', true))"};
constexpr Statement kStatistics{"search.statistics", R"(
  WITH corpus AS MATERIALIZED (
    SELECT number, chunks, length FROM search_corpora WHERE tenant_id = $1 AND corpus_id = $2),
  asked AS MATERIALIZED (
    SELECT q.place, corpus.number || ':' || q.term AS lexeme
    FROM corpus, unnest(CAST($3 AS text[])) WITH ORDINALITY AS q (term, place)),
  waiting AS MATERIALIZED (
    SELECT chunks, length, lexemes, holders FROM search_deltas WHERE corpus = (SELECT number FROM corpus)),
  counted AS (
    SELECT a.place, t.chunks FROM asked a JOIN search_terms t ON t.lexeme = a.lexeme
    UNION ALL
    SELECT a.place, u.chunks
    FROM waiting, unnest(waiting.lexemes, waiting.holders) AS u (lexeme, chunks) JOIN asked a ON a.lexeme = u.lexeme)
  SELECT c.number, CAST(c.chunks + coalesce((SELECT sum(chunks) FROM waiting), 0) AS bigint),
         CAST(c.length + coalesce((SELECT sum(length) FROM waiting), 0) AS bigint),
         CAST(ARRAY(SELECT CAST(greatest(coalesce(sum(n.chunks), 0), 0) AS bigint)
                    FROM asked a LEFT JOIN counted n ON n.place = a.place GROUP BY a.place ORDER BY a.place) AS text)
  FROM corpus c)"};
constexpr Statement kHolders{"search.holders", R"(
  SELECT uuid_send(chunk_id), document_id, length, frequencies FROM search_chunks
  WHERE terms @@ CAST($4 AS tsquery) AND corpus = CAST($1 AS bigint)
    AND CASE CAST($2 AS integer)
          WHEN 0 THEN true
          WHEN 1 THEN coalesce(document_id, '') IN (SELECT unnest(CAST($3 AS text[])))
          ELSE coalesce(document_id, '') NOT IN (SELECT unnest(CAST($3 AS text[]))) END
  LIMIT CAST($5 AS bigint))"};
// The corpus's own count leaves out what waits in deltas and what has no words yet: rows are counted when it is small.
constexpr Statement kReach{"search.reach", R"(
  WITH known AS MATERIALIZED (
    SELECT coalesce((SELECT chunks FROM search_corpora WHERE tenant_id = $1 AND corpus_id = $2), 0) AS chunks)
  SELECT CASE WHEN known.chunks > CAST($5 AS bigint) THEN known.chunks ELSE
           (SELECT count(*) FROM (SELECT 1 FROM chunks WHERE tenant_id = $1 AND corpus_id = $2
                                  LIMIT CAST($5 AS bigint)) c) END,
         (SELECT count(*) FROM unnest(CAST($4 AS text[])) AS d (id) CROSS JOIN LATERAL (
            SELECT 1 FROM chunks WHERE tenant_id = $1 AND document_id = d.id AND corpus_id = $2
            LIMIT CAST($5 AS bigint)) c),
         CASE WHEN '' = ANY (CAST($3 AS text[])) THEN
           (SELECT count(*) FROM (SELECT 1 FROM chunks WHERE tenant_id = $1 AND document_id IS NULL AND corpus_id = $2
                                  LIMIT CAST($5 AS bigint)) c) ELSE 0 END,
         (SELECT CAST(reltuples AS bigint) FROM pg_class WHERE oid = to_regclass('chunks'))
  FROM known)"};
// Adding 0 keeps the vector index out of it.
constexpr Statement kNearestAll{"search.nearest_all", R"(
  SELECT uuid_send(c.id), c.document_id, 1 - c.distance FROM (
    SELECT id, document_id, embedding <=> $5 AS distance FROM chunks
    WHERE tenant_id = $1 AND corpus_id = $2 AND embedding IS NOT NULL AND coalesce(embedding_model, 'fake') = $6
      AND CASE CAST($3 AS integer)
            WHEN 0 THEN true
            WHEN 1 THEN coalesce(document_id, '') IN (SELECT unnest(CAST($4 AS text[])))
            ELSE coalesce(document_id, '') NOT IN (SELECT unnest(CAST($4 AS text[]))) END) c
  ORDER BY c.distance + 0, c.id LIMIT CAST($7 AS bigint))"};
constexpr Statement kNearestListed{"search.nearest_listed", R"(
  SELECT uuid_send(c.id), c.document_id, 1 - c.distance FROM (
    SELECT c.id, c.document_id, c.embedding <=> $4 AS distance
    FROM unnest(CAST($3 AS text[])) AS d (id)
    JOIN chunks c ON c.tenant_id = $1 AND c.document_id = d.id AND c.corpus_id = $2
    WHERE c.embedding IS NOT NULL AND coalesce(c.embedding_model, 'fake') = $5
    UNION ALL
    SELECT id, document_id, embedding <=> $4 FROM chunks
    WHERE tenant_id = $1 AND document_id IS NULL AND corpus_id = $2 AND '' = ANY (CAST($3 AS text[]))
      AND embedding IS NOT NULL AND coalesce(embedding_model, 'fake') = $5) c
  ORDER BY c.distance + 0, c.id LIMIT CAST($6 AS bigint))"};
// Whoever asks for the graph has compared the costs; left to itself the planner would fetch and sort a large corpus.
constexpr Statement kGraphOptions{"search.graph_options", R"(
  SELECT set_config('hnsw.ef_search', $1, true), set_config('hnsw.iterative_scan', 'relaxed_order', true),
         set_config('hnsw.max_scan_tuples', $2, true), set_config('hnsw.scan_mem_multiplier', '8', true),
         set_config('enable_sort', 'off', true), set_config('plan_cache_mode', 'force_custom_plan', true))"};
constexpr Statement kNearestByGraph{"search.nearest_by_graph", R"(
  WITH near AS MATERIALIZED (
    SELECT id, document_id, embedding <=> $5 AS distance FROM chunks
    WHERE tenant_id = $1 AND corpus_id = $2 AND coalesce(embedding_model, 'fake') = $6
      AND CASE CAST($3 AS integer)
            WHEN 0 THEN true
            WHEN 1 THEN coalesce(document_id, '') IN (SELECT unnest(CAST($4 AS text[])))
            ELSE coalesce(document_id, '') NOT IN (SELECT unnest(CAST($4 AS text[]))) END
    ORDER BY embedding <=> $5 LIMIT CAST($7 AS bigint))
  SELECT uuid_send(id), document_id, 1 - distance FROM near ORDER BY distance + 0, id)"};
// OFFSET 0 asks for one look into each primary key per chunk; hashing both tables is what the planner prefers for small
// ones, at several times the cost.
constexpr Statement kParts{"search.parts", R"(
  SELECT uuid_send(c.id), c.document_id, s.length, s.frequencies,
         CASE WHEN coalesce(c.embedding_model, 'fake') = $4 THEN 1 - (c.embedding <=> $3) END
  FROM unnest(CAST($2 AS uuid[])) AS i (id)
  CROSS JOIN LATERAL (SELECT id, document_id, embedding_model, embedding FROM chunks
                      WHERE id = i.id AND tenant_id = $1 OFFSET 0) c
  LEFT JOIN LATERAL (SELECT length, frequencies FROM search_chunks WHERE chunk_id = c.id OFFSET 0) s ON true)"};
constexpr Statement kForeignVectors{"search.foreign_vectors", R"(
  SELECT 1 FROM chunks WHERE tenant_id = $1 AND corpus_id = $2 AND embedding_model IS DISTINCT FROM $3 LIMIT 1)"};

// --- maintenance

constexpr Statement kCorporaWithDeltas{"search.corpora_with_deltas",
                                       "SELECT DISTINCT corpus FROM search_deltas LIMIT CAST($1 AS bigint)"};
constexpr Statement kClaimDeltas{"search.claim_deltas", R"(
  SELECT CAST(pg_try_advisory_xact_lock(hashtextextended('search_deltas', CAST($1 AS bigint))) AS integer))"};
constexpr Statement kSumDeltas{"search.sum_deltas", R"(
  WITH gone AS (
    DELETE FROM search_deltas
    WHERE id IN (SELECT id FROM search_deltas WHERE corpus = CAST($1 AS bigint) ORDER BY id LIMIT CAST($2 AS bigint))
    RETURNING chunks, length, lexemes, holders),
  counted AS (
    INSERT INTO search_terms (lexeme, chunks)
    SELECT u.lexeme, CAST(sum(u.chunks) AS bigint)
    FROM gone, unnest(gone.lexemes, gone.holders) AS u (lexeme, chunks)
    GROUP BY u.lexeme HAVING sum(u.chunks) <> 0 ORDER BY u.lexeme
    ON CONFLICT (lexeme) DO UPDATE SET chunks = search_terms.chunks + excluded.chunks)
  UPDATE search_corpora
  SET chunks = chunks + (SELECT coalesce(sum(chunks), 0) FROM gone),
      length = length + (SELECT coalesce(sum(length), 0) FROM gone)
  WHERE number = CAST($1 AS bigint)
  RETURNING (SELECT count(*) FROM gone))"};
constexpr Statement kUnindexed{"search.unindexed", R"(
  SELECT CAST(c.id AS text), c.tenant_id, c.corpus_id, coalesce(c.document_id, ''), c.text
  FROM chunks c
  WHERE c.id > CAST($1 AS uuid) AND c.tenant_id IS NOT NULL
    AND NOT EXISTS (SELECT 1 FROM search_chunks s WHERE s.chunk_id = c.id)
  ORDER BY c.id LIMIT CAST($2 AS bigint)
  FOR KEY SHARE OF c SKIP LOCKED)"};
constexpr Statement kHasVectorIndex{"search.has_vector_index", R"(
  SELECT 1 FROM pg_index WHERE indexrelid = to_regclass('ix_chunks_embedding') AND indisvalid)"};

constexpr const Statement* kStatements[] = {
    &kNumber,       &kAddCorpus,           &kInsertTerms,       &kDeleteDocument,
    &kDeleteCorpus, &kDeleteTermsOfCorpus, &kDeleteDeltas,      &kDeleteLexemes,
    &kBegin,        &kStatistics,          &kHolders,           &kReach,
    &kNearestAll,   &kNearestListed,       &kGraphOptions,      &kNearestByGraph,
    &kParts,        &kForeignVectors,      &kCorporaWithDeltas, &kClaimDeltas,
    &kSumDeltas,    &kUnindexed,           &kHasVectorIndex};

search::ChunkId chunk_id(const db::Cursor& row) {
  const std::span<const std::byte> bytes = row.blob(0);
  search::ChunkId out;
  if (bytes.size() != out.bytes.size()) throw std::logic_error("a chunk's id is not a UUID");
  std::memcpy(out.bytes.data(), bytes.data(), bytes.size());
  return out;
}

std::string_view bytes_of(const db::Cursor& row, int column) {
  const std::span<const std::byte> bytes = row.blob(column);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::vector<Near> nears(db::Cursor rows) {
  std::vector<Near> out;
  while (rows.next()) out.push_back({chunk_id(rows), rows.str(1), rows.real(2)});
  return out;
}

/// The numbers of `{1,0,2}`.
std::vector<std::uint64_t> numbers(std::string_view array) {
  std::vector<std::uint64_t> out;
  const char* at = array.data();
  const char* const end = at + array.size();
  while (at < end) {
    std::uint64_t value = 0;
    const auto [next, error] = std::from_chars(at, end, value);
    if (error == std::errc()) out.push_back(value);
    at = next == at ? at + 1 : next;
  }
  return out;
}

}  // namespace

std::int64_t PostgresIndexRepository::require_corpus(db::Tx& tx, std::string_view tenant,
                                                     std::string_view corpus) const {
  {
    db::Cursor known = tx.query(kNumber, tenant, corpus);
    if (known.next()) return known.i64(0);
  }
  db::Cursor added = tx.query(kAddCorpus, tenant, corpus);
  if (!added.next()) throw db::Error(db::ErrorCode::kOther, "a corpus got no number for its terms");
  return added.i64(0);
}

std::int64_t PostgresIndexRepository::insert_terms(db::Tx& tx, std::string_view tenant, std::int64_t corpus,
                                                   std::span<const TermsRow> rows) const {
  std::vector<std::string> ids;
  std::vector<std::string> documents;
  std::vector<std::string> lengths;
  std::vector<std::string> terms;
  std::vector<std::string> frequencies;
  for (const TermsRow& row : rows) {
    ids.push_back(row.chunk_id);
    documents.push_back(row.document_id);
    lengths.push_back(std::to_string(row.length));
    terms.push_back(row.terms);
    frequencies.push_back(row.frequencies);
  }
  return tx.exec(kInsertTerms, tenant, corpus, array_text(ids), array_text(documents), array_text(lengths),
                 array_text(terms), bytea_array_text(frequencies));
}

void PostgresIndexRepository::delete_document(db::Tx& tx, const TenantScope& tenant, std::string_view corpus,
                                              std::string_view document) const {
  tx.exec(kDeleteDocument, tenant.id(), corpus, document);
}

void PostgresIndexRepository::delete_corpus(db::Tx& tx, const TenantScope& tenant, std::string_view corpus) const {
  std::int64_t number = 0;
  {
    db::Cursor gone = tx.query(kDeleteCorpus, tenant.id(), corpus);
    if (!gone.next()) return;
    number = gone.i64(0);
  }
  tx.exec(kDeleteTermsOfCorpus, number);
  tx.exec(kDeleteDeltas, number);
  tx.exec(kDeleteLexemes, std::to_string(number) + ":", std::to_string(number) + ";");  // ';' follows ':'
}

void PostgresIndexRepository::begin_search(db::Snapshot& db, std::optional<std::int64_t> milliseconds) const {
  std::optional<std::string> limit;
  if (milliseconds) limit = std::to_string(std::max<std::int64_t>(*milliseconds, 1));
  (void)db.query(kBegin, limit).next();
}

std::optional<CorpusRow> PostgresIndexRepository::statistics(db::Snapshot& db, const TenantScope& tenant,
                                                             std::string_view corpus,
                                                             std::span<const std::string> terms) const {
  db::Cursor row = db.query(kStatistics, tenant.id(), corpus, array_text(terms));
  if (!row.next()) return std::nullopt;
  return CorpusRow{row.i64(0),
                   {static_cast<std::uint64_t>(row.i64(1)), static_cast<std::uint64_t>(row.i64(2))},
                   numbers(row.text(3))};
}

std::int64_t PostgresIndexRepository::each_holder(db::Snapshot& db, std::int64_t corpus, const ReadableFilter& readable,
                                                  std::string_view tsquery, std::int64_t most,
                                                  const std::function<void(const Holder&)>& visit) const {
  std::int64_t count = 0;
  for (db::Cursor row = db.query(kHolders, corpus, readable.kind, readable.ids, tsquery, most); row.next(); ++count)
    visit({chunk_id(row), row.text(1), static_cast<std::uint32_t>(row.i64(2)), bytes_of(row, 3)});
  return count;
}

Reach PostgresIndexRepository::reach(db::Snapshot& db, const TenantScope& tenant, std::string_view corpus,
                                     const ReadableFilter& readable, std::int64_t most) const {
  db::Cursor row = db.query(kReach, tenant.id(), corpus, readable.ids, readable.some, most);
  if (!row.next()) return {};
  return {.corpus = row.i64(0), .some = row.i64(1), .bare = row.i64(2), .table = row.i64(3)};
}

std::vector<Near> PostgresIndexRepository::nearest_exact(db::Snapshot& db, const TenantScope& tenant,
                                                         std::string_view corpus, const ReadableFilter& readable,
                                                         const DenseQuery& query) const {
  if (readable.kind == 1)
    return nears(db.query(kNearestListed, tenant.id(), corpus, readable.ids, db::Vector{query.vector}, query.model_id,
                          query.count));
  return nears(db.query(kNearestAll, tenant.id(), corpus, readable.kind, readable.ids, db::Vector{query.vector},
                        query.model_id, query.count));
}

std::vector<Near> PostgresIndexRepository::nearest_by_graph(db::Snapshot& db, const TenantScope& tenant,
                                                            std::string_view corpus, const ReadableFilter& readable,
                                                            const DenseQuery& query,
                                                            const GraphOptions& options) const {
  (void)db.query(kGraphOptions, std::to_string(options.ef_search), std::to_string(options.most_tuples)).next();
  return nears(db.query(kNearestByGraph, tenant.id(), corpus, readable.kind, readable.ids, db::Vector{query.vector},
                        query.model_id, query.count));
}

std::vector<Parts> PostgresIndexRepository::parts(db::Snapshot& db, const TenantScope& tenant,
                                                  std::span<const search::ChunkId> chunks,
                                                  const DenseQuery* query) const {
  std::vector<std::string> ids;
  for (const search::ChunkId& chunk : chunks) ids.push_back(chunk.to_string());
  std::optional<db::Vector> vector;
  std::optional<std::string_view> model;
  if (query != nullptr) {
    vector = db::Vector{query->vector};
    model = query->model_id;
  }
  std::vector<Parts> out;
  for (db::Cursor row = db.query(kParts, tenant.id(), array_text(ids), vector, model); row.next();) {
    Parts parts{.chunk = chunk_id(row),
                .document_id = row.str(1),
                .length = static_cast<std::uint32_t>(row.i64(2)),
                .frequencies = std::string(bytes_of(row, 3)),
                .cosine = {}};
    if (!row.is_null(4)) parts.cosine = row.real(4);
    out.push_back(std::move(parts));
  }
  return out;
}

bool PostgresIndexRepository::all_embedded_by(db::Snapshot& db, const TenantScope& tenant, std::string_view corpus,
                                              std::string_view model_id) const {
  return !db.query(kForeignVectors, tenant.id(), corpus, model_id).next();
}

std::vector<std::int64_t> PostgresIndexRepository::corpora_with_deltas(db::Snapshot& db, std::int64_t most) const {
  std::vector<std::int64_t> out;
  for (db::Cursor row = db.query(kCorporaWithDeltas, most); row.next();) out.push_back(row.i64(0));
  return out;
}

std::int64_t PostgresIndexRepository::sum_deltas(db::Tx& tx, std::int64_t corpus, std::int64_t most) const {
  {
    db::Cursor claimed = tx.query(kClaimDeltas, corpus);
    if (!claimed.next() || claimed.i64(0) == 0) return 0;
  }
  db::Cursor row = tx.query(kSumDeltas, corpus, most);
  return row.next() ? row.i64(0) : 0;
}

std::vector<UnindexedChunk> PostgresIndexRepository::unindexed(db::Tx& tx, std::string_view after_id,
                                                               std::int64_t most) const {
  std::vector<UnindexedChunk> out;
  for (db::Cursor row = tx.query(kUnindexed, after_id, most); row.next();)
    out.push_back({row.str(0), row.str(1), row.str(2), row.str(3), row.str(4)});
  return out;
}

bool PostgresIndexRepository::has_vector_index(db::Snapshot& db) const {
  return db.query(kHasVectorIndex).next();
}

void PostgresIndexRepository::build_vector_index(db::Tx& tx, std::string_view memory) const {
  tx.script("SET LOCAL statement_timeout = 0; SET LOCAL maintenance_work_mem = '" + std::string(memory) +
            "'; CREATE INDEX IF NOT EXISTS ix_chunks_embedding ON chunks USING hnsw (embedding vector_cosine_ops)");
}

db::StatementList postgres_index_statements() {
  return kStatements;
}

}  // namespace nexus::retrieval::postgres

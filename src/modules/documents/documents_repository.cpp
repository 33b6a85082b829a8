#include "modules/documents/documents_repository.h"

#include "json/json.h"

namespace nexus::documents {
namespace {

using db::Statement;

// --- corpora
constexpr Statement kListCorpora{"documents.list_corpora", R"(
  SELECT id, name, provider_config_json, embedding_model, embedding_dimension, created_at
  FROM corpora WHERE tenant_id = $1 ORDER BY created_at, id)"};
constexpr Statement kFindCorpus{"documents.find_corpus", R"(
  SELECT id, name, provider_config_json, embedding_model, embedding_dimension, created_at
  FROM corpora WHERE tenant_id = $1 AND id = $2)"};
constexpr Statement kTakeCorpus{"documents.take_corpus", R"(
  SELECT id, name, provider_config_json, embedding_model, embedding_dimension, created_at
  FROM corpora WHERE tenant_id = $1 AND id = $2 {{for_update}})"};
constexpr Statement kHoldCorpus{"documents.hold_corpus", R"(
  SELECT 1 FROM corpora WHERE tenant_id = $1 AND id = $2 {{for_key_share}})"};
constexpr Statement kInsertCorpus{"documents.insert_corpus", R"(
  INSERT INTO corpora (tenant_id, id, name, provider_config_json, created_at) VALUES ($1, $2, $3, $4, $5)
  ON CONFLICT DO NOTHING)"};
constexpr Statement kUpdateCorpus{"documents.update_corpus", R"(
  UPDATE corpora SET name = $3, provider_config_json = $4 WHERE tenant_id = $1 AND id = $2)"};
constexpr Statement kSetModel{"documents.set_model", R"(
  UPDATE corpora SET embedding_model = $3, embedding_dimension = $4 WHERE tenant_id = $1 AND id = $2)"};
constexpr Statement kAnyContent{"documents.any_content", R"(
  SELECT EXISTS (SELECT 1 FROM documents WHERE tenant_id = $1 AND corpus_id = $2)
      OR EXISTS (SELECT 1 FROM chunks WHERE tenant_id = $1 AND corpus_id = $2))"};
constexpr Statement kCorpusObjects{"documents.corpus_objects", R"(
  SELECT storage_path FROM documents WHERE tenant_id = $1 AND corpus_id = $2 AND storage_path IS NOT NULL)"};
constexpr Statement kDeleteCorpusTexts{"documents.delete_corpus_texts", R"(
  DELETE FROM document_texts WHERE tenant_id = $1
    AND document_id IN (SELECT id FROM documents WHERE tenant_id = $1 AND corpus_id = $2))"};
constexpr Statement kDeleteCorpusChunks{"documents.delete_corpus_chunks",
                                        "DELETE FROM chunks WHERE tenant_id = $1 AND corpus_id = $2"};
constexpr Statement kDeleteCorpusDocuments{"documents.delete_corpus_documents",
                                           "DELETE FROM documents WHERE tenant_id = $1 AND corpus_id = $2"};
constexpr Statement kDeleteCorpus{"documents.delete_corpus", "DELETE FROM corpora WHERE tenant_id = $1 AND id = $2"};

// --- documents
#define NEXUS_DOCUMENT_COLUMNS                                                                                        \
  "id, tenant_id, corpus_id, filename, content_type, source, ingest_source, status, "                                 \
  "coalesce(failure_reason, error_message), created_at, updated_at, queued_at, processing_started_at, completed_at, " \
  "last_reindexed_at, last_job_id, chunks_done, chunks_total, version, byte_count, sha256, storage_path, "            \
  "metadata_json"

constexpr Statement kListAll{"documents.list", "SELECT " NEXUS_DOCUMENT_COLUMNS
                                               ", '{}' FROM documents WHERE tenant_id = $1 ORDER BY created_at, id"};
constexpr Statement kListOfCorpus{
    "documents.list_of_corpus",
    "SELECT " NEXUS_DOCUMENT_COLUMNS
    ", '{}' FROM documents WHERE tenant_id = $1 AND corpus_id = $2 ORDER BY created_at, id"};
constexpr Statement kFindDocument{"documents.find", "SELECT " NEXUS_DOCUMENT_COLUMNS
                                                    ", metadata_json FROM documents WHERE tenant_id = $1 AND id = $2"};
constexpr Statement kTakeDocument{"documents.take",
                                  "SELECT " NEXUS_DOCUMENT_COLUMNS
                                  ", metadata_json FROM documents WHERE tenant_id = $1 AND id = $2 {{for_update}}"};
#undef NEXUS_DOCUMENT_COLUMNS

constexpr Statement kInsertDocument{"documents.insert", R"(
  INSERT INTO documents (tenant_id, id, corpus_id, filename, content_type, source, ingest_source, storage_path,
                         metadata_json, status, byte_count, sha256, queued_at, last_job_id, created_at, updated_at)
  VALUES ($1, $2, $3, $4, $5, $6, $6, $7, $8, 'queued', $9, $10, $12, $11, $12, $12)
  ON CONFLICT DO NOTHING)"};
constexpr Statement kReplaceSource{"documents.replace_source", R"(
  UPDATE documents SET filename = $3, content_type = $4, source = $5, ingest_source = $5, storage_path = $6,
    metadata_json = $7, byte_count = $8, sha256 = $9, status = 'queued', error_message = NULL, failure_reason = NULL,
    queued_at = $11, processing_started_at = NULL, completed_at = NULL, last_job_id = $10, chunks_done = 0,
    chunks_total = NULL, updated_at = $11
  WHERE tenant_id = $1 AND id = $2)"};
constexpr Statement kRequeue{"documents.requeue", R"(
  UPDATE documents SET status = 'queued', error_message = NULL, failure_reason = NULL, queued_at = $4,
    processing_started_at = NULL, completed_at = NULL, last_job_id = $3, chunks_done = 0, chunks_total = NULL,
    updated_at = $4
  WHERE tenant_id = $1 AND id = $2)"};
constexpr Statement kDeleteTexts{"documents.delete_text",
                                 "DELETE FROM document_texts WHERE tenant_id = $1 AND document_id = $2"};
constexpr Statement kDeleteChunks{"documents.delete_chunks",
                                  "DELETE FROM chunks WHERE tenant_id = $1 AND document_id = $2"};
constexpr Statement kDeleteDocument{"documents.delete", "DELETE FROM documents WHERE tenant_id = $1 AND id = $2"};

constexpr Statement kStart{"documents.start", R"(
  UPDATE documents SET status = 'processing', error_message = NULL, failure_reason = NULL, processing_started_at = $4,
    completed_at = NULL, chunks_done = 0, chunks_total = NULL, updated_at = $4
  WHERE tenant_id = $1 AND id = $2 AND last_job_id = $3)"};
constexpr Statement kSetProgress{"documents.set_progress", R"(
  UPDATE documents SET chunks_done = $4, chunks_total = $5
  WHERE tenant_id = $1 AND id = $2 AND last_job_id = $3 AND status = 'processing')"};
constexpr Statement kSucceed{"documents.succeed", R"(
  UPDATE documents SET status = 'succeeded', error_message = NULL, failure_reason = NULL, completed_at = $6,
    last_reindexed_at = CASE WHEN $5 THEN $6 ELSE last_reindexed_at END, chunks_done = $4, chunks_total = $4,
    updated_at = $6
  WHERE tenant_id = $1 AND id = $2 AND last_job_id = $3)"};
constexpr Statement kFail{"documents.fail", R"(
  UPDATE documents SET status = 'failed', error_message = CAST($4 AS TEXT), failure_reason = CAST($4 AS TEXT), completed_at = $5,
    updated_at = $5
  WHERE tenant_id = $1 AND id = $2 AND last_job_id = $3)"};

constexpr Statement kPutText{"documents.put_text", R"(
  INSERT INTO document_texts (tenant_id, document_id, version, text, sha256) VALUES ($1, $2, $3, $4, $5)
  ON CONFLICT (tenant_id, document_id)
    DO UPDATE SET version = excluded.version, text = excluded.text, sha256 = excluded.sha256)"};
constexpr Statement kSetVersion{"documents.set_version",
                                "UPDATE documents SET version = $3 WHERE tenant_id = $1 AND id = $2"};
constexpr Statement kFindText{"documents.find_text",
                              "SELECT text FROM document_texts WHERE tenant_id = $1 AND document_id = $2"};
constexpr Statement kTextVersion{"documents.text_version",
                                 "SELECT version FROM document_texts WHERE tenant_id = $1 AND document_id = $2"};
constexpr Statement kCountChunks{"documents.count_chunks",
                                 "SELECT count(*) FROM chunks WHERE tenant_id = $1 AND document_id = $2"};
constexpr Statement kListChunks{"documents.list_chunks", R"(
  SELECT id, chunk_index, text, start_byte, end_byte, metadata_json, embedding_model
  FROM chunks WHERE tenant_id = $1 AND document_id = $2 ORDER BY chunk_index LIMIT $4 OFFSET $3)"};

constexpr const Statement* kDocumentsStatements[] = {
    &kListCorpora,   &kFindCorpus,  &kTakeCorpus,    &kHoldCorpus,        &kInsertCorpus,       &kUpdateCorpus,
    &kSetModel,      &kAnyContent,  &kCorpusObjects, &kDeleteCorpusTexts, &kDeleteCorpusChunks, &kDeleteCorpusDocuments,
    &kDeleteCorpus,  &kListAll,     &kListOfCorpus,  &kFindDocument,      &kTakeDocument,       &kInsertDocument,
    &kReplaceSource, &kRequeue,     &kDeleteTexts,   &kDeleteChunks,      &kDeleteDocument,     &kStart,
    &kSetProgress,   &kSucceed,     &kFail,          &kPutText,           &kSetVersion,         &kFindText,
    &kTextVersion,   &kCountChunks, &kListChunks};

StoredCorpus corpus_from(const db::Cursor& row) {
  return {.id = row.str(0),
          .name = row.str(1),
          .provider_config_json = row.str(2),
          .embedding_model = row.opt_str(3),
          .embedding_dimension = row.opt_i64(4),
          .created_at = row.time(5)};
}

Document document_from(const db::Cursor& row) {
  return {.id = row.str(0),
          .tenant_id = row.str(1),
          .corpus_id = row.str(2),
          .filename = row.str(3),
          .content_type = row.str(4),
          .source = row.str(5),
          .ingest_source = row.str(6),
          .status = row.str(7),
          .failure_reason = row.opt_str(8),
          .created_at = row.time(9),
          .updated_at = row.time(10),
          .queued_at = row.opt_time(11),
          .processing_started_at = row.opt_time(12),
          .completed_at = row.opt_time(13),
          .last_reindexed_at = row.opt_time(14),
          .last_job_id = row.opt_str(15),
          .num_chunks = std::nullopt,
          .chunks_done = row.i64(16),
          .chunks_total = row.opt_i64(17),
          .version = row.i64(18),
          .byte_count = row.i64(19),
          .sha256 = row.opt_str(20),
          .storage_path = row.opt_str(21),
          .metadata_json = row.str(22)};
}

std::vector<Document> documents_from(db::Cursor rows) {
  std::vector<Document> out;
  while (rows.next()) out.push_back(document_from(rows));
  return out;
}

}  // namespace

std::string corpus_scope(const TenantScope& tenant, std::string_view corpus) {
  std::string scope;
  scope.reserve(tenant.id().size() + corpus.size() + 16);
  // With the length first, no two pairs of ids are the same text.
  return scope.append("corpus:")
      .append(std::to_string(tenant.id().size()))
      .append(":")
      .append(tenant.id())
      .append(corpus);
}

std::vector<StoredCorpus> DocumentsRepository::list_corpora(db::Snapshot& db, const TenantScope& tenant) const {
  std::vector<StoredCorpus> out;
  for (db::Cursor row = db.query(kListCorpora, tenant.id()); row.next();) out.push_back(corpus_from(row));
  return out;
}

std::optional<StoredCorpus> DocumentsRepository::find_corpus(db::Snapshot& db, const TenantScope& tenant,
                                                             std::string_view id) const {
  db::Cursor row = db.query(kFindCorpus, tenant.id(), id);
  if (!row.next()) return std::nullopt;
  return corpus_from(row);
}

std::optional<StoredCorpus> DocumentsRepository::take_corpus(db::Tx& tx, const TenantScope& tenant,
                                                             std::string_view id) const {
  db::Cursor row = tx.query(kTakeCorpus, tenant.id(), id);
  if (!row.next()) return std::nullopt;
  return corpus_from(row);
}

bool DocumentsRepository::hold_corpus(db::Tx& tx, const TenantScope& tenant, std::string_view id) const {
  return tx.query(kHoldCorpus, tenant.id(), id).next();
}

bool DocumentsRepository::insert_corpus(db::Tx& tx, const TenantScope& tenant, const StoredCorpus& corpus) const {
  tx.touch(corpus_scope(tenant, corpus.id));
  return tx.exec(kInsertCorpus, tenant.id(), corpus.id, corpus.name, db::Json{corpus.provider_config_json},
                 corpus.created_at) == 1;
}

void DocumentsRepository::update_corpus(db::Tx& tx, const TenantScope& tenant, const StoredCorpus& corpus) const {
  tx.touch(corpus_scope(tenant, corpus.id));
  tx.exec(kUpdateCorpus, tenant.id(), corpus.id, corpus.name, db::Json{corpus.provider_config_json});
}

void DocumentsRepository::set_embedding_model(db::Tx& tx, const TenantScope& tenant, std::string_view corpus,
                                              std::string_view model, std::int64_t dimension) const {
  tx.touch(corpus_scope(tenant, corpus));
  tx.exec(kSetModel, tenant.id(), corpus, model, dimension);
}

bool DocumentsRepository::corpus_is_empty(db::Snapshot& db, const TenantScope& tenant, std::string_view id) const {
  db::Cursor row = db.query(kAnyContent, tenant.id(), id);
  return row.next() && !row.boolean(0);
}

std::vector<std::string> DocumentsRepository::remove_corpus(db::Tx& tx, const TenantScope& tenant,
                                                            std::string_view id) const {
  tx.touch(corpus_scope(tenant, id));
  std::vector<std::string> objects;
  for (db::Cursor row = tx.query(kCorpusObjects, tenant.id(), id); row.next();) objects.push_back(row.str(0));
  tx.exec(kDeleteCorpusTexts, tenant.id(), id);
  tx.exec(kDeleteCorpusChunks, tenant.id(), id);
  tx.exec(kDeleteCorpusDocuments, tenant.id(), id);
  tx.exec(kDeleteCorpus, tenant.id(), id);
  return objects;
}

std::vector<Document> DocumentsRepository::list(db::Snapshot& db, const TenantScope& tenant,
                                                const std::optional<std::string>& corpus) const {
  return corpus ? documents_from(db.query(kListOfCorpus, tenant.id(), *corpus))
                : documents_from(db.query(kListAll, tenant.id()));
}

std::optional<Document> DocumentsRepository::find(db::Snapshot& db, const TenantScope& tenant,
                                                  std::string_view id) const {
  db::Cursor row = db.query(kFindDocument, tenant.id(), id);
  if (!row.next()) return std::nullopt;
  return document_from(row);
}

std::optional<Document> DocumentsRepository::take(db::Tx& tx, const TenantScope& tenant, std::string_view id) const {
  db::Cursor row = tx.query(kTakeDocument, tenant.id(), id);
  if (!row.next()) return std::nullopt;
  return document_from(row);
}

bool DocumentsRepository::insert(db::Tx& tx, const TenantScope& tenant, std::string_view id, std::string_view corpus,
                                 const Source& source, std::string_view job_id, Timestamp now) const {
  return tx.exec(kInsertDocument, tenant.id(), id, corpus, source.filename, source.content_type, source.ingest_source,
                 source.storage_path, db::Json{source.metadata_json}, source.byte_count, source.sha256, job_id,
                 now) == 1;
}

void DocumentsRepository::replace_source(db::Tx& tx, const TenantScope& tenant, std::string_view id,
                                         const Source& source, std::string_view job_id, Timestamp now) const {
  tx.exec(kReplaceSource, tenant.id(), id, source.filename, source.content_type, source.ingest_source,
          source.storage_path, db::Json{source.metadata_json}, source.byte_count, source.sha256, job_id, now);
}

void DocumentsRepository::requeue(db::Tx& tx, const TenantScope& tenant, std::string_view id, std::string_view job_id,
                                  Timestamp now) const {
  tx.exec(kRequeue, tenant.id(), id, job_id, now);
}

void DocumentsRepository::remove(db::Tx& tx, const TenantScope& tenant, std::string_view id) const {
  tx.exec(kDeleteTexts, tenant.id(), id);
  tx.exec(kDeleteChunks, tenant.id(), id);
  tx.exec(kDeleteDocument, tenant.id(), id);
}

bool DocumentsRepository::start(db::Tx& tx, const TenantScope& tenant, std::string_view id, std::string_view job_id,
                                Timestamp now) const {
  return tx.exec(kStart, tenant.id(), id, job_id, now) == 1;
}

bool DocumentsRepository::set_progress(db::Tx& tx, const TenantScope& tenant, std::string_view id,
                                       std::string_view job_id, std::int64_t done, std::int64_t total) const {
  return tx.exec(kSetProgress, tenant.id(), id, job_id, done, total) == 1;
}

bool DocumentsRepository::succeed(db::Tx& tx, const TenantScope& tenant, std::string_view id, std::string_view job_id,
                                  std::int64_t chunks, bool reindex, Timestamp now) const {
  return tx.exec(kSucceed, tenant.id(), id, job_id, chunks, reindex, now) == 1;
}

bool DocumentsRepository::fail(db::Tx& tx, const TenantScope& tenant, std::string_view id, std::string_view job_id,
                               std::string_view reason, Timestamp now) const {
  return tx.exec(kFail, tenant.id(), id, job_id, reason, now) == 1;
}

void DocumentsRepository::put_text(db::Tx& tx, const TenantScope& tenant, std::string_view id, std::int64_t version,
                                   std::string_view text, std::string_view sha256) const {
  tx.exec(kPutText, tenant.id(), id, version, text, sha256);
  tx.exec(kSetVersion, tenant.id(), id, version);
}

std::optional<std::int64_t> DocumentsRepository::text_version(db::Snapshot& db, const TenantScope& tenant,
                                                              std::string_view id) const {
  db::Cursor row = db.query(kTextVersion, tenant.id(), id);
  return row.next() ? row.opt_i64(0) : std::nullopt;
}

std::optional<std::string> DocumentsRepository::find_text(db::Snapshot& db, const TenantScope& tenant,
                                                          std::string_view id) const {
  db::Cursor row = db.query(kFindText, tenant.id(), id);
  if (!row.next()) return std::nullopt;
  return row.str(0);
}

std::int64_t DocumentsRepository::count_chunks(db::Snapshot& db, const TenantScope& tenant,
                                               std::string_view document) const {
  db::Cursor row = db.query(kCountChunks, tenant.id(), document);
  return row.next() ? row.i64(0) : 0;
}

std::vector<ChunkView> DocumentsRepository::chunks(db::Snapshot& db, const TenantScope& tenant,
                                                   std::string_view document, std::int64_t offset,
                                                   std::int64_t limit) const {
  std::vector<ChunkView> out;
  for (db::Cursor row = db.query(kListChunks, tenant.id(), document, offset, limit); row.next();)
    out.push_back({.id = row.str(0),
                   .chunk_index = row.i64(1),
                   .text = row.str(2),
                   .start = row.opt_i64(3),
                   .end = row.opt_i64(4),
                   .metadata = json::parse(row.text(5)).as_object(),
                   .embedding_model = row.opt_str(6)});
  return out;
}

db::StatementList documents_statements() {
  return kDocumentsStatements;
}

}  // namespace nexus::documents

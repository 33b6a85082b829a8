#include "modules/documents/documents_service.h"

#include "base/encoding.h"
#include "base/errors.h"
#include "base/ids.h"
#include "crypto/hash.h"
#include "json/json.h"
#include "modules/documents/upload_check.h"
#include "modules/ingestion/ports.h"
#include "modules/plans/plans_types.h"
#include "modules/retrieval/ports.h"
#include "observe/log.h"
#include "text/chunker.h"
#include "text/utf8.h"

#include <fmt/format.h>

#include <algorithm>
#include <system_error>
#include <utility>

namespace nexus::documents {
namespace {

boost::json::object normalised(const boost::json::object& config) {
  try {
    return retrieval::normalise_config(config);
  } catch (const retrieval::InvalidCorpusConfig& e) {
    throw ApiError(errors::kValidationError, e.what());
  }
}

/// File names are repeated in the metadata of every chunk.
void check_filename(std::string_view filename) {
  constexpr std::size_t kMostBytes = 1024;
  if (filename.size() > kMostBytes)
    throw ApiError(errors::kInvalidInput, fmt::format("filename is longer than {} bytes", kMostBytes));
}

/// Storage failures of the object store in the catalogue's terms.
template <class F>
auto storing(F&& work) -> decltype(work()) {
  try {
    return work();
  } catch (const std::system_error& e) {
    if (e.code() == std::errc::no_space_on_device || e.code() == std::errc::file_too_large)
      throw ApiError(errors::kInsufficientStorage).with_cause(e.what());
    throw ApiError(errors::kServiceUnavailable, "Document storage is unavailable").with_cause(e.what());
  }
}

}  // namespace

bool is_valid_id(std::string_view id) {
  if (id.empty() || id.size() > 128 || id.front() == '.') return false;
  return std::all_of(id.begin(), id.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
           c == ':' || c == '-';
  });
}

Corpus corpus_view(const TenantScope& tenant, const StoredCorpus& stored) {
  return {.id = stored.id,
          .tenant_id = tenant.id(),
          .name = stored.name,
          .provider_config_json = json::parse(stored.provider_config_json).as_object(),
          .created_at = stored.created_at};
}

DocumentsService::DocumentsService(db::Database& db, audit::Log& audit, ObjectStore& objects,
                                   const retrieval::IndexEngine& index, plans::Entitlements& entitlements,
                                   AfterEnqueue after_enqueue, DocumentOptions options)
    : db_(db),
      audit_(audit),
      objects_(objects),
      index_(index),
      entitlements_(entitlements),
      after_enqueue_(std::move(after_enqueue)),
      options_(options) {}

// --- corpora

StoredCorpus DocumentsService::require_corpus(db::Snapshot& db, const http::Call& call, std::string_view id) const {
  std::optional<StoredCorpus> corpus = documents_.find_corpus(db, call.tenant(), id);
  if (!corpus) throw ApiError(errors::kNotFound, "Corpus not found");
  return std::move(*corpus);
}

StoredCorpus DocumentsService::take_corpus(db::Tx& tx, const http::Call& call, std::string_view id) const {
  std::optional<StoredCorpus> corpus = documents_.take_corpus(tx, call.tenant(), id);
  if (!corpus) throw ApiError(errors::kNotFound, "Corpus not found");
  return std::move(*corpus);
}

std::vector<Corpus> DocumentsService::list_corpora(const http::Call& call) const {
  return db_.read([&](db::Snapshot& snapshot) {
    std::vector<Corpus> out;
    for (const StoredCorpus& corpus : documents_.list_corpora(snapshot, call.tenant()))
      out.push_back(corpus_view(call.tenant(), corpus));
    return out;
  });
}

Corpus DocumentsService::get_corpus(const http::Call& call, std::string_view id) const {
  return db_.read([&](db::Snapshot& db) { return corpus_view(call.tenant(), require_corpus(db, call, id)); });
}

void DocumentsService::require_provider(const http::Call& call, const boost::json::object& config) const {
  const std::string provider(config.at("retrieval").at("provider").as_string());
  const std::string_view feature = plans::feature_of_provider(provider);
  if (!feature.empty()) entitlements_.require(call.tenant(), feature);
}

Corpus DocumentsService::create_corpus(const http::Call& call, const NewCorpus& in) const {
  if (in.id && !is_valid_id(*in.id))
    throw ApiError(errors::kInvalidInput, "id may hold letters, digits and . _ : - and must not start with a dot");
  const boost::json::object config = normalised(in.provider_config_json.value_or(boost::json::object{}));
  if (in.provider_config_json) require_provider(call, config);
  const StoredCorpus corpus{.id = in.id ? *in.id : uuid4(),
                            .name = in.name,
                            .provider_config_json = json::write(config),
                            .embedding_model = std::nullopt,
                            .embedding_dimension = std::nullopt,
                            .created_at = call.now};
  db_.write([&](db::Tx& tx) {
    if (!documents_.insert_corpus(tx, call.tenant(), corpus))
      throw ApiError(errors::kConflict, "A corpus with this id exists already");
    record(tx, call, "corpora.created", "corpus", corpus.id, {{"name", corpus.name}});
  });
  return corpus_view(call.tenant(), corpus);
}

Corpus DocumentsService::patch_corpus(const http::Call& call, const CorpusPatch& in) const {
  std::optional<std::string> config;
  if (in.provider_config_json) {
    const boost::json::object checked = normalised(*in.provider_config_json);
    entitlements_.require(call.tenant(), plans::kCorporaPatchProviderConfig);
    require_provider(call, checked);
    config = json::write(checked);
  }
  return db_.write([&](db::Tx& tx) {
    StoredCorpus corpus = take_corpus(tx, call, in.corpus_id);
    boost::json::array updated;
    if (in.name) {
      corpus.name = *in.name;
      updated.emplace_back("name");
    }
    if (config) {
      corpus.provider_config_json = *config;
      updated.emplace_back("provider_config_json");
    }
    documents_.update_corpus(tx, call.tenant(), corpus);
    record(tx, call, "corpora.updated", "corpus", corpus.id, {{"updated_fields", std::move(updated)}});
    return corpus_view(call.tenant(), corpus);
  });
}

void DocumentsService::delete_corpus(const http::Call& call, const CorpusRemoval& in) const {
  const std::vector<std::string> leftover = db_.write([&](db::Tx& tx) {
    const StoredCorpus corpus = take_corpus(tx, call, in.corpus_id);
    if (!documents_.corpus_is_empty(tx, call.tenant(), corpus.id) && in.confirm != corpus.id)
      throw ApiError(errors::kConflict, "The corpus is not empty; repeat its id in ?confirm= to delete it");
    index_.clear(tx, call.tenant(), corpus.id);
    std::vector<std::string> objects = documents_.remove_corpus(tx, call.tenant(), corpus.id);
    record(tx, call, "corpora.deleted", "corpus", corpus.id,
           {{"corpus_id", corpus.id}, {"document_count", static_cast<std::int64_t>(objects.size())}});
    return objects;
  });
  for (const std::string& key : leftover) objects_.remove(key);
}

// --- documents

Document DocumentsService::require_document(db::Snapshot& db, const http::Call& call, std::string_view id) const {
  std::optional<Document> document = documents_.find(db, call.tenant(), id);
  if (!document) throw ApiError(errors::kNotFound, "Document not found");
  return std::move(*document);
}

Document DocumentsService::take_document(db::Tx& tx, const http::Call& call, std::string_view id) const {
  std::optional<Document> document = documents_.take(tx, call.tenant(), id);
  if (!document) throw ApiError(errors::kNotFound, "Document not found");
  return std::move(*document);
}

std::vector<Document> DocumentsService::list(const http::Call& call, const DocumentQuery& in) const {
  return db_.read([&](db::Snapshot& db) { return documents_.list(db, call.tenant(), in.corpus_id); });
}

Document DocumentsService::get(const http::Call& call, std::string_view id) const {
  return db_.read([&](db::Snapshot& db) {
    Document document = require_document(db, call, id);
    if (document.status == "succeeded") document.num_chunks = documents_.count_chunks(db, call.tenant(), id);
    return document;
  });
}

Accepted DocumentsService::accepted(const http::Call& call, const Document& document) const {
  return {.document_id = document.id,
          .status = document.status,
          .job_id = document.last_job_id,
          .status_url = std::string(call.versioned ? "/v1" : "") + "/documents/" + document.id};
}

void DocumentsService::check_chunking(const Chunking& chunking) const {
  const ingestion::ChunkSizes sizes = ingestion::chunk_sizes(chunking.size, chunking.overlap,
                                                             {options_.chunk_size_chars, options_.chunk_overlap_chars});
  if (sizes.size > options_.max_chunk_chars)
    throw ApiError(errors::kIngestValidationError,
                   fmt::format("chunk_size_chars must be at most {}", options_.max_chunk_chars));
  try {
    text::validate(text::ParagraphOptions{.size = sizes.size, .overlap = sizes.overlap});
  } catch (const std::invalid_argument& e) {
    throw ApiError(errors::kIngestValidationError, e.what());
  }
}

std::optional<Outcome> DocumentsService::existing(const http::Call& call, const std::optional<Document>& found,
                                                  std::string_view corpus, bool overwrite) const {
  if (!found) return std::nullopt;
  if (found->corpus_id != corpus) throw ApiError(errors::kConflict, "Document belongs to a different corpus");
  if (found->in_flight() || !overwrite) return Outcome{.status = 200, .accepted = accepted(call, *found)};
  return std::nullopt;
}

Outcome DocumentsService::upload(const http::Call& call, const UploadForm& form, const http::UploadedFile& file) const {
  const std::optional<std::string> id =
      form.document_id && !form.document_id->empty() ? form.document_id : std::nullopt;
  if (id && !is_valid_id(*id))
    throw ApiError(errors::kInvalidInput,
                   "document_id may hold letters, digits and . _ : - and must not start with a dot");
  const std::optional<Outcome> known = db_.read([&](db::Snapshot& db) {
    (void)require_corpus(db, call, form.corpus_id);
    return existing(call, id ? documents_.find(db, call.tenant(), *id) : std::nullopt, form.corpus_id, form.overwrite);
  });
  if (known) return *known;

  const std::string content_type =
      file.content_type.empty() ? "application/octet-stream" : text::replace_invalid(file.content_type);
  const std::string filename = file.filename.empty() ? "upload" : text::replace_invalid(file.filename);
  check_filename(filename);
  check_upload(file, filename, content_type, options_.max_text_bytes);
  const std::string key = storing([&] { return objects_.take(file.path); });
  try {
    return store(call, id, form.corpus_id, form.overwrite,
                 {.filename = filename,
                  .content_type = content_type,
                  .ingest_source = "upload_file",
                  .storage_path = key,
                  .metadata_json = "{}",
                  .byte_count = static_cast<std::int64_t>(file.size),
                  .sha256 = file.sha256},
                 {}, {{"file_mime", content_type}, {"byte_count", file.size}});
  } catch (const std::exception&) {
    objects_.remove(key);
    throw;
  }
}

Outcome DocumentsService::add_text(const http::Call& call, const TextUpload& in) const {
  if (text::trim(in.text).empty()) throw ApiError(errors::kIngestValidationError, "Text must not be empty");
  if (std::cmp_greater(in.text.size(), options_.max_text_bytes))
    throw ApiError(errors::kIngestValidationError,
                   fmt::format("Text is longer than {} bytes", options_.max_text_bytes));
  if (in.metadata_json) {
    if (const boost::json::value* labels = in.metadata_json->if_contains("labels"); labels && !labels->is_object())
      throw ApiError(errors::kIngestValidationError, "labels must be an object");
  }
  if (in.filename) check_filename(*in.filename);
  const std::string metadata = json::write(in.metadata_json.value_or(boost::json::object{}));
  if (std::cmp_greater(metadata.size(), options_.max_metadata_bytes))
    throw ApiError(errors::kIngestValidationError,
                   fmt::format("metadata_json is longer than {} bytes", options_.max_metadata_bytes));
  const Chunking chunking{in.chunk_size_chars, in.chunk_overlap_chars};
  check_chunking(chunking);
  const std::optional<std::string> id = in.document_id && !in.document_id->empty() ? in.document_id : std::nullopt;
  if (id && !is_valid_id(*id))
    throw ApiError(errors::kInvalidInput,
                   "document_id may hold letters, digits and . _ : - and must not start with a dot");
  const std::optional<Outcome> known = db_.read([&](db::Snapshot& db) {
    (void)require_corpus(db, call, in.corpus_id);
    return existing(call, id ? documents_.find(db, call.tenant(), *id) : std::nullopt, in.corpus_id, in.overwrite);
  });
  if (known) return *known;

  boost::json::array keys;
  if (in.metadata_json) {
    std::vector<std::string> names;
    for (const auto& member : *in.metadata_json) names.emplace_back(member.key());
    std::sort(names.begin(), names.end());
    for (const std::string& name : names) keys.emplace_back(name);
  }
  const std::string key = storing([&] { return objects_.put(in.text); });
  try {
    return store(call, id, in.corpus_id, in.overwrite,
                 {.filename = in.filename.value_or("raw_text.txt"),
                  .content_type = "text/plain",
                  .ingest_source = "raw_text",
                  .storage_path = key,
                  .metadata_json = metadata,
                  .byte_count = static_cast<std::int64_t>(in.text.size()),
                  .sha256 = crypto::sha256_hex(in.text)},
                 chunking,
                 {{"char_count", static_cast<std::int64_t>(text::count_code_points(in.text))},
                  {"metadata_keys", std::move(keys)}});
  } catch (const std::exception&) {
    objects_.remove(key);
    throw;
  }
}

Outcome DocumentsService::store(const http::Call& call, const std::optional<std::string>& id, std::string_view corpus,
                                bool overwrite, const Source& source, const Chunking& chunking,
                                boost::json::object audit_metadata) const {
  const std::string job_id = uuid4();
  std::optional<std::string> replaced;
  Outcome outcome = db_.write([&](db::Tx& tx) {
    replaced.reset();
    if (!documents_.hold_corpus(tx, call.tenant(), corpus)) throw ApiError(errors::kNotFound, "Corpus not found");
    const std::optional<Document> found = id ? documents_.take(tx, call.tenant(), *id) : std::nullopt;
    if (std::optional<Outcome> known = existing(call, found, corpus, overwrite)) {
      replaced = source.storage_path;  // another request was quicker: its document stands, this object is not needed
      return *known;
    }
    const Ingest ingest{.document_id = found ? found->id
                                       : id  ? *id
                                             : uuid4(),
                        .corpus_id = std::string(corpus),
                        .chunking = chunking,
                        .reindex = false};
    if (found) {
      documents_.replace_source(tx, call.tenant(), ingest.document_id, source, job_id, call.now);
      replaced = found->storage_path;
    } else if (!documents_.insert(tx, call.tenant(), ingest.document_id, corpus, source, job_id, call.now)) {
      // Another process was quicker than the look, or another tenant of an adopted database has the id.
      if (std::optional<Outcome> known =
              existing(call, documents_.find(tx, call.tenant(), ingest.document_id), corpus, overwrite)) {
        replaced = source.storage_path;
        return *known;
      }
      throw ApiError(errors::kConflict, "A document with this id is being created");
    }
    enqueue(tx, call, ingest, job_id);
    boost::json::object metadata{
        {"corpus_id", corpus}, {"ingest_source", source.ingest_source}, {"file_name", source.filename}};
    for (auto& member : audit_metadata) metadata[member.key()] = member.value();
    metadata["overwrite"] = overwrite;
    record(tx, call, "documents.ingest.enqueued", "document", ingest.document_id, std::move(metadata), job_id);
    return Outcome{
        .status = 202,
        .accepted = {.document_id = ingest.document_id,
                     .status = "queued",
                     .job_id = job_id,
                     .status_url = std::string(call.versioned ? "/v1" : "") + "/documents/" + ingest.document_id}};
  });
  if (replaced) objects_.remove(*replaced);
  if (outcome.status == 202) enqueued(job_id);
  return outcome;
}

void DocumentsService::enqueued(std::string_view job_id) const {
  try {
    after_enqueue_(job_id);
  } catch (const std::exception& e) {
    // The job is committed: whoever polls the queue runs it, and the caller's object must stay.
    observe::log_warn("job was enqueued but nobody was told", {{"job_id", job_id}, {"reason", e.what()}});
  }
}

std::string DocumentsService::enqueue(db::Tx& tx, const http::Call& call, const Ingest& ingest,
                                      std::string job_id) const {
  const std::int64_t most = options_.max_queued_per_tenant;
  if (most > 0 && jobs_.waiting_of(tx, call.tenant(), ingestion::kIngestJob, most) >= most)
    throw ApiError(errors::kServiceBusy, "Ingestion service busy; retry later").with_header("Retry-After", "1");
  jobs_.enqueue(tx,
                {.id = job_id,
                 .tenant_id = call.tenant().id(),
                 .kind = std::string(ingestion::kIngestJob),
                 .payload = ingestion::payload({.document_id = ingest.document_id,
                                                .chunk_size_chars = ingest.chunking.size,
                                                .chunk_overlap_chars = ingest.chunking.overlap,
                                                .is_reindex = ingest.reindex}),
                 .dedupe_key = std::nullopt,
                 .run_at = call.now},
                call.now);
  return job_id;
}

Outcome DocumentsService::reindex(const http::Call& call, const Reindex& in) const {
  const Chunking chunking{in.chunk_size_chars, in.chunk_overlap_chars};
  check_chunking(chunking);
  const std::string job_id = uuid4();
  Outcome outcome = db_.write([&](db::Tx& tx) {
    const Document document = take_document(tx, call, in.document_id);
    if (document.in_flight()) throw ApiError(errors::kIngestInProgress, "Document ingestion is already in progress");
    if (!document.storage_path)
      throw ApiError(errors::kIngestSourceMissing, "Document source text is not available for reindexing");
    documents_.requeue(tx, call.tenant(), document.id, job_id, call.now);
    enqueue(tx, call,
            {.document_id = document.id, .corpus_id = document.corpus_id, .chunking = chunking, .reindex = true},
            job_id);
    const ingestion::ChunkSizes sizes = ingestion::chunk_sizes(
        chunking.size, chunking.overlap, {options_.chunk_size_chars, options_.chunk_overlap_chars});
    record(tx, call, "documents.reindex.enqueued", "document", document.id,
           {{"corpus_id", document.corpus_id},
            {"chunk_size_chars", sizes.size},
            {"chunk_overlap_chars", sizes.overlap},
            {"ingest_source", document.ingest_source}},
           job_id);
    Outcome queued{.status = 202, .accepted = accepted(call, document)};
    queued.accepted.status = "queued";
    queued.accepted.job_id = job_id;
    return queued;
  });
  enqueued(job_id);
  return outcome;
}

void DocumentsService::remove(const http::Call& call, std::string_view id) const {
  const std::optional<std::string> object = db_.write([&](db::Tx& tx) {
    const Document document = take_document(tx, call, id);
    if (document.in_flight()) throw ApiError(errors::kIngestInProgress, "Document ingestion is already in progress");
    index_.remove_document(tx, call.tenant(), document.corpus_id, id);
    documents_.remove(tx, call.tenant(), id);
    record(tx, call, "document.deleted", "document", id,
           {{"doc_id", id},
            {"corpus_id", document.corpus_id},
            {"tenant_id", call.tenant().id()},
            {"deleted_at", iso(call.now)}});
    record(tx, call, "documents.deleted", "document", id,
           {{"corpus_id", document.corpus_id}, {"had_storage", document.storage_path.has_value()}});
    return document.storage_path;
  });
  if (object) objects_.remove(*object);
}

ChunkPage DocumentsService::chunks(const http::Call& call, const ChunkQuery& in) const {
  return db_.read([&](db::Snapshot& db) {
    const Document document = require_document(db, call, in.document_id);
    ChunkPage page{.document_id = document.id, .version = document.version, .items = {}, .next_offset = std::nullopt};
    page.items = documents_.chunks(db, call.tenant(), document.id, in.offset, in.limit + 1);
    if (std::cmp_greater(page.items.size(), in.limit)) {
      page.items.pop_back();
      page.next_offset = in.offset + in.limit;
    }
    return page;
  });
}

std::string DocumentsService::text(const http::Call& call, std::string_view id) const {
  return db_.read([&](db::Snapshot& db) {
    (void)require_document(db, call, id);
    std::optional<std::string> text = documents_.find_text(db, call.tenant(), id);
    if (!text) throw ApiError(errors::kConflict, "The document's text has not been extracted yet");
    return std::move(*text);
  });
}

std::filesystem::path DocumentsService::original(const Document& document) const {
  if (!document.storage_path) throw ApiError(errors::kNotFound, "The document's source file is not stored");
  return objects_.path(*document.storage_path);
}

JobView DocumentsService::job(const http::Call& call, std::string_view id) const {
  return db_.read([&](db::Snapshot& db) {
    const std::optional<jobs::Job> job = jobs_.find(db, call.tenant(), id);
    if (!job) throw ApiError(errors::kNotFound, "Job not found");
    return JobView{.id = job->id,
                   .kind = job->kind,
                   .state = job->state,
                   .attempts = job->attempts,
                   // The stored text is the exception's; people read the document's failure_reason.
                   .last_error = job->last_error ? std::optional<std::string>("The last attempt failed") : std::nullopt,
                   .run_at = job->run_at,
                   .created_at = job->created_at,
                   .updated_at = job->updated_at};
  });
}

void DocumentsService::record(db::Tx& tx, const http::Call& call, std::string_view event,
                              std::string_view resource_type, std::string_view resource_id,
                              boost::json::object metadata, std::optional<std::string> job_id) const {
  audit::Event entry = audit::event_of(call, event);
  entry.resource_type = resource_type;
  entry.resource_id = resource_id;
  entry.metadata = std::move(metadata);
  if (job_id) entry.metadata["job_id"] = *job_id;  // the event keeps the id of its request
  audit_.record(tx, entry);
}

}  // namespace nexus::documents

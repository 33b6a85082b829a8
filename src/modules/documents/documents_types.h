#pragma once

#include "base/time.h"
#include "json/schema.h"

#include <boost/json/object.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace nexus::documents {

// --- corpora

struct Corpus {
  std::string id;
  std::string tenant_id;
  std::string name;
  boost::json::object provider_config_json;
  Timestamp created_at;
};
struct NewCorpus {
  std::optional<std::string> id;
  std::string name;
  std::optional<boost::json::object> provider_config_json;
};
struct CorpusPath {
  std::string corpus_id;
};
struct CorpusPatch {
  std::string corpus_id;
  std::optional<std::string> name;
  std::optional<boost::json::object> provider_config_json;
};
struct CorpusRemoval {
  std::string corpus_id;
  std::optional<std::string> confirm;
};

// --- documents

/// A document as the API shows it (contract 02 §9.1, then our additions).
struct Document {
  std::string id;
  std::string tenant_id;
  std::string corpus_id;
  std::string filename;
  std::string content_type;
  std::string source;
  std::string ingest_source;  ///< "upload_file" or "raw_text"
  std::string status;         ///< "queued", "processing", "succeeded", "failed"
  std::optional<std::string> failure_reason;
  Timestamp created_at;
  Timestamp updated_at;
  std::optional<Timestamp> queued_at;
  std::optional<Timestamp> processing_started_at;
  std::optional<Timestamp> completed_at;
  std::optional<Timestamp> last_reindexed_at;
  std::optional<std::string> last_job_id;
  std::optional<std::int64_t> num_chunks;  ///< single GET of a succeeded document only
  std::int64_t chunks_done = 0;
  std::optional<std::int64_t> chunks_total;
  std::int64_t version = 1;
  std::int64_t byte_count = 0;
  std::optional<std::string> sha256;  ///< of the source bytes

  // Not shown.
  std::optional<std::string> storage_path;
  std::string metadata_json = "{}";

  [[nodiscard]] bool in_flight() const { return status == "queued" || status == "processing"; }
};

struct Accepted {
  std::string document_id;
  std::string status;
  std::optional<std::string> job_id;
  std::string status_url;
};

struct UploadForm {
  std::string corpus_id;
  std::optional<std::string> document_id;
  bool overwrite = false;
};
struct TextUpload {
  std::string corpus_id;
  std::string text;
  std::optional<std::string> document_id;
  std::optional<std::string> filename;
  std::optional<boost::json::object> metadata_json;
  std::optional<std::int64_t> chunk_size_chars;
  std::optional<std::int64_t> chunk_overlap_chars;
  bool overwrite = false;
};
struct Reindex {
  std::string document_id;
  std::optional<std::int64_t> chunk_size_chars;
  std::optional<std::int64_t> chunk_overlap_chars;
};
struct DocumentQuery {
  std::optional<std::string> corpus_id;
};
struct DocumentPath {
  std::string document_id;
};
struct ContentQuery {
  std::string document_id;
  std::string format = "original";
};
struct ChunkQuery {
  std::string document_id;
  std::int64_t offset = 0;
  std::int64_t limit = 100;
};
struct ChunkView {
  std::string id;
  std::int64_t chunk_index = 0;
  std::string text;
  std::optional<std::int64_t> start;
  std::optional<std::int64_t> end;
  boost::json::object metadata;
  std::optional<std::string> embedding_model;
};
struct ChunkPage {
  std::string document_id;
  std::int64_t version = 1;
  std::vector<ChunkView> items;
  std::optional<std::int64_t> next_offset;
};
struct JobPath {
  std::string job_id;
};
struct JobView {
  std::string id;
  std::string kind;
  std::string state;
  std::int64_t attempts = 0;
  std::optional<std::string> last_error;
  Timestamp run_at;
  Timestamp created_at;
  Timestamp updated_at;
};

}  // namespace nexus::documents

namespace nexus::schema {
template <>
const Fields<documents::Corpus>& fields_of();
template <>
const Fields<documents::NewCorpus>& fields_of();
template <>
const Fields<documents::CorpusPath>& fields_of();
template <>
const Fields<documents::CorpusPatch>& fields_of();
template <>
const Fields<documents::CorpusRemoval>& fields_of();
template <>
const Fields<documents::Document>& fields_of();
template <>
const Fields<documents::Accepted>& fields_of();
template <>
const Fields<documents::UploadForm>& fields_of();
template <>
const Fields<documents::TextUpload>& fields_of();
template <>
const Fields<documents::Reindex>& fields_of();
template <>
const Fields<documents::DocumentQuery>& fields_of();
template <>
const Fields<documents::DocumentPath>& fields_of();
template <>
const Fields<documents::ContentQuery>& fields_of();
template <>
const Fields<documents::ChunkQuery>& fields_of();
template <>
const Fields<documents::ChunkView>& fields_of();
template <>
const Fields<documents::ChunkPage>& fields_of();
template <>
const Fields<documents::JobPath>& fields_of();
template <>
const Fields<documents::JobView>& fields_of();
}  // namespace nexus::schema

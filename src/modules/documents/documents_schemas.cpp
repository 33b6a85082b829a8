#include "modules/documents/documents_types.h"

namespace nexus::schema {

using namespace documents;  // the structs whose tables stand here

template <>
const Fields<Corpus>& fields_of() {
  static const Fields<Corpus> fields{
      field("id", &Corpus::id), field("tenant_id", &Corpus::tenant_id), field("name", &Corpus::name),
      field("provider_config_json", &Corpus::provider_config_json), field("created_at", &Corpus::created_at)};
  return fields;
}

template <>
const Fields<NewCorpus>& fields_of() {
  static const auto fields = Fields<NewCorpus>::closed(
      {field("id", &NewCorpus::id, min_length(1), max_length(128), doc("Yours to choose; generated when absent.")),
       field("name", &NewCorpus::name, min_length(1), max_length(200)),
       field("provider_config_json", &NewCorpus::provider_config_json, doc("Absent: local hybrid retrieval."))});
  return fields;
}

template <>
const Fields<CorpusPath>& fields_of() {
  static const Fields<CorpusPath> fields{path_field("corpus_id", &CorpusPath::corpus_id)};
  return fields;
}

template <>
const Fields<CorpusPatch>& fields_of() {
  static const auto fields =
      Fields<CorpusPatch>::closed({path_field("corpus_id", &CorpusPatch::corpus_id), field("name", &CorpusPatch::name),
                                   field("provider_config_json", &CorpusPatch::provider_config_json)});
  return fields;
}

template <>
const Fields<CorpusRemoval>& fields_of() {
  static const Fields<CorpusRemoval> fields{
      path_field("corpus_id", &CorpusRemoval::corpus_id),
      query_field("confirm", &CorpusRemoval::confirm, doc("The corpus id again, when the corpus is not empty."))};
  return fields;
}

template <>
const Fields<Document>& fields_of() {
  static const Fields<Document> fields{
      field("id", &Document::id),
      field("tenant_id", &Document::tenant_id),
      field("corpus_id", &Document::corpus_id),
      field("filename", &Document::filename),
      field("content_type", &Document::content_type),
      field("source", &Document::source),
      field("ingest_source", &Document::ingest_source),
      field("status", &Document::status),
      field("failure_reason", &Document::failure_reason),
      field("created_at", &Document::created_at),
      field("updated_at", &Document::updated_at),
      field("queued_at", &Document::queued_at),
      field("processing_started_at", &Document::processing_started_at),
      field("completed_at", &Document::completed_at),
      field("last_reindexed_at", &Document::last_reindexed_at),
      field("last_job_id", &Document::last_job_id),
      field("num_chunks", &Document::num_chunks),
      field("chunks_done", &Document::chunks_done, doc("Chunks embedded so far by the current ingestion.")),
      field("chunks_total", &Document::chunks_total),
      field("version", &Document::version, doc("Grows whenever the document's chunks are replaced.")),
      field("byte_count", &Document::byte_count),
      field("sha256", &Document::sha256, doc("Of the source bytes, lower-case hex.")),
  };
  return fields;
}

template <>
const Fields<Accepted>& fields_of() {
  static const Fields<Accepted> fields{field("document_id", &Accepted::document_id), field("status", &Accepted::status),
                                       field("job_id", &Accepted::job_id), field("status_url", &Accepted::status_url)};
  return fields;
}

template <>
const Fields<UploadForm>& fields_of() {
  static const Fields<UploadForm> fields{form_field("corpus_id", &UploadForm::corpus_id),
                                         file_field<UploadForm>("file"),
                                         form_field("document_id", &UploadForm::document_id),
                                         form_field("overwrite", &UploadForm::overwrite, defaulted())};
  return fields;
}

template <>
const Fields<TextUpload>& fields_of() {
  static const auto fields = Fields<TextUpload>::closed(
      {field("corpus_id", &TextUpload::corpus_id), field("text", &TextUpload::text),
       field("document_id", &TextUpload::document_id), field("filename", &TextUpload::filename),
       field("metadata_json", &TextUpload::metadata_json),
       field("chunk_size_chars", &TextUpload::chunk_size_chars, ge(1)),
       field("chunk_overlap_chars", &TextUpload::chunk_overlap_chars, ge(0)),
       field("overwrite", &TextUpload::overwrite, defaulted())});
  return fields;
}

template <>
const Fields<Reindex>& fields_of() {
  static const auto fields = Fields<Reindex>::closed(
      {path_field("document_id", &Reindex::document_id), field("chunk_size_chars", &Reindex::chunk_size_chars, ge(1)),
       field("chunk_overlap_chars", &Reindex::chunk_overlap_chars, ge(0))});
  return fields;
}

template <>
const Fields<DocumentQuery>& fields_of() {
  static const Fields<DocumentQuery> fields{query_field("corpus_id", &DocumentQuery::corpus_id)};
  return fields;
}

template <>
const Fields<DocumentPath>& fields_of() {
  static const Fields<DocumentPath> fields{path_field("document_id", &DocumentPath::document_id)};
  return fields;
}

template <>
const Fields<ContentQuery>& fields_of() {
  static const Fields<ContentQuery> fields{
      path_field("document_id", &ContentQuery::document_id),
      query_field("format", &ContentQuery::format, one_of({"original", "text"}), defaulted(),
                  doc("`text`: the extracted text that citations point into."))};
  return fields;
}

template <>
const Fields<ChunkQuery>& fields_of() {
  static const Fields<ChunkQuery> fields{path_field("document_id", &ChunkQuery::document_id),
                                         query_field("offset", &ChunkQuery::offset, ge(0), defaulted()),
                                         query_field("limit", &ChunkQuery::limit, ge(1), le(500), defaulted())};
  return fields;
}

template <>
const Fields<ChunkView>& fields_of() {
  static const Fields<ChunkView> fields{field("id", &ChunkView::id),
                                        field("chunk_index", &ChunkView::chunk_index),
                                        field("text", &ChunkView::text),
                                        field("start", &ChunkView::start),
                                        field("end", &ChunkView::end),
                                        field("metadata", &ChunkView::metadata),
                                        field("embedding_model", &ChunkView::embedding_model)};
  return fields;
}

template <>
const Fields<ChunkPage>& fields_of() {
  static const Fields<ChunkPage> fields{field("document_id", &ChunkPage::document_id),
                                        field("version", &ChunkPage::version), field("items", &ChunkPage::items),
                                        field("next_offset", &ChunkPage::next_offset)};
  return fields;
}

template <>
const Fields<JobPath>& fields_of() {
  static const Fields<JobPath> fields{path_field("job_id", &JobPath::job_id)};
  return fields;
}

template <>
const Fields<JobView>& fields_of() {
  static const Fields<JobView> fields{field("id", &JobView::id),
                                      field("kind", &JobView::kind),
                                      field("state", &JobView::state),
                                      field("attempts", &JobView::attempts),
                                      field("last_error", &JobView::last_error),
                                      field("run_at", &JobView::run_at),
                                      field("created_at", &JobView::created_at),
                                      field("updated_at", &JobView::updated_at)};
  return fields;
}

}  // namespace nexus::schema

#include "modules/documents/documents_api.h"

#include "base/encoding.h"
#include "base/errors.h"
#include "http/plain.h"
#include "json/json.h"

#include <utility>

namespace nexus::documents {

using enum http::Verb;
using enum http::RouteClass;

namespace {

/// Rows that answer 202 or 200 build their reply; OpenAPI still learns its shape.
http::Endpoint accepting(http::Endpoint row) {
  row.response_schema = [] { return schema::openapi<Accepted>(); };
  return row;
}

http::Reply reply_with(const Outcome& outcome) {
  return http::Reply::json(schema::write(outcome.accepted), outcome.status);
}

}  // namespace

std::vector<http::Endpoint> DocumentsApi::endpoints() const {
  using Api = DocumentsApi;
  return {
      http::plain<&Api::list_corpora>(*this, {.verb = kGet,
                                              .path = "/corpora",
                                              .operation = "list_corpora",
                                              .role = Role::kReader,
                                              .route_class = kRead,
                                              .tag = "corpora",
                                              .summary = "List corpora"}),
      http::plain<&Api::create_corpus>(*this, {.verb = kPost,
                                               .path = "/corpora",
                                               .operation = "create_corpus",
                                               .role = Role::kEditor,
                                               .route_class = kMutation,
                                               .body = http::BodyKind::kJson,
                                               .forbids_tenant_in_body = true,
                                               .legacy_alias = false,
                                               .success = 201,
                                               .tag = "corpora",
                                               .summary = "Create a corpus"}),
      http::plain<&Api::get_corpus>(*this, {.verb = kGet,
                                            .path = "/corpora/{corpus_id}",
                                            .operation = "get_corpus",
                                            .role = Role::kReader,
                                            .route_class = kRead,
                                            .tag = "corpora",
                                            .summary = "Read a corpus"}),
      http::plain<&Api::patch_corpus>(*this, {.verb = kPatch,
                                              .path = "/corpora/{corpus_id}",
                                              .operation = "patch_corpus",
                                              .role = Role::kEditor,
                                              .route_class = kMutation,
                                              .body = http::BodyKind::kJson,
                                              .forbids_tenant_in_body = true,
                                              .tag = "corpora",
                                              .summary = "Change a corpus"}),
      http::plain<&Api::delete_corpus>(*this, {.verb = kDelete,
                                               .path = "/corpora/{corpus_id}",
                                               .operation = "delete_corpus",
                                               .role = Role::kAdmin,
                                               .route_class = kMutation,
                                               .legacy_alias = false,
                                               .success = 204,
                                               .tag = "corpora",
                                               .summary = "Delete a corpus with everything in it"}),
      accepting(http::plain<&Api::upload>(*this, {.verb = kPost,
                                                  .path = "/documents",
                                                  .operation = "upload_document",
                                                  .role = Role::kEditor,
                                                  .route_class = kMutation,
                                                  .body = http::BodyKind::kMultipart,
                                                  .lane = http::LaneKind::kBulk,
                                                  .kill_switch = "kill.ingest",
                                                  .other_success = http::OtherSuccess::kDoneOrMany,
                                                  .success = 202,
                                                  .tag = "documents",
                                                  .summary = "Upload one or more files"})),
      http::plain<&Api::list>(*this, {.verb = kGet,
                                      .path = "/documents",
                                      .operation = "list_documents",
                                      .role = Role::kReader,
                                      .route_class = kRead,
                                      .tag = "documents",
                                      .summary = "List documents"}),
      accepting(http::plain<&Api::add_text>(*this, {.verb = kPost,
                                                    .path = "/documents/text",
                                                    .operation = "ingest_text_document",
                                                    .role = Role::kEditor,
                                                    .route_class = kMutation,
                                                    .body = http::BodyKind::kJson,
                                                    .lane = http::LaneKind::kBulk,
                                                    .kill_switch = "kill.ingest",
                                                    .forbids_tenant_in_body = true,
                                                    .other_success = http::OtherSuccess::kDone,
                                                    .success = 202,
                                                    .tag = "documents",
                                                    .summary = "Add a document from text"})),
      http::plain<&Api::get>(*this, {.verb = kGet,
                                     .path = "/documents/{document_id}",
                                     .operation = "get_document",
                                     .role = Role::kReader,
                                     .route_class = kRead,
                                     .tag = "documents",
                                     .summary = "Read a document's state"}),
      http::plain<&Api::remove>(*this, {.verb = kDelete,
                                        .path = "/documents/{document_id}",
                                        .operation = "delete_document",
                                        .role = Role::kEditor,
                                        .route_class = kMutation,
                                        .success = 204,
                                        .tag = "documents",
                                        .summary = "Delete a document"}),
      accepting(http::plain<&Api::reindex>(*this, {.verb = kPost,
                                                   .path = "/documents/{document_id}/reindex",
                                                   .operation = "reindex_document",
                                                   .role = Role::kEditor,
                                                   .route_class = kMutation,
                                                   .body = http::BodyKind::kOptionalJson,
                                                   .kill_switch = "kill.ingest",
                                                   .forbids_tenant_in_body = true,
                                                   .other_success = http::OtherSuccess::kDone,
                                                   .success = 202,
                                                   .tag = "documents",
                                                   .summary = "Chunk and index a document again"})),
      http::plain<&Api::content>(*this, {.verb = kGet,
                                         .path = "/documents/{document_id}/content",
                                         .operation = "get_document_content",
                                         .role = Role::kReader,
                                         .route_class = kRead,
                                         .legacy_alias = false,
                                         .enveloped = false,
                                         .answers_file = true,
                                         .tag = "documents",
                                         .summary = "Download the source file or the extracted text"}),
      http::plain<&Api::chunks>(*this, {.verb = kGet,
                                        .path = "/documents/{document_id}/chunks",
                                        .operation = "list_document_chunks",
                                        .role = Role::kReader,
                                        .route_class = kRead,
                                        .legacy_alias = false,
                                        .tag = "documents",
                                        .summary = "List a document's chunks"}),
      http::plain<&Api::job>(*this, {.verb = kGet,
                                     .path = "/jobs/{job_id}",
                                     .operation = "get_job",
                                     .role = Role::kReader,
                                     .route_class = kRead,
                                     .legacy_alias = false,
                                     .tag = "documents",
                                     .summary = "Read the state of a background job"}),
  };
}

std::vector<Corpus> DocumentsApi::list_corpora(http::Call& call) const {
  return service_.list_corpora(call);
}
Corpus DocumentsApi::get_corpus(http::Call& call, const CorpusPath& in) const {
  return service_.get_corpus(call, in.corpus_id);
}
Corpus DocumentsApi::create_corpus(http::Call& call, const NewCorpus& in) const {
  return service_.create_corpus(call, in);
}
Corpus DocumentsApi::patch_corpus(http::Call& call, const CorpusPatch& in) const {
  return service_.patch_corpus(call, in);
}
void DocumentsApi::delete_corpus(http::Call& call, const CorpusRemoval& in) const {
  service_.delete_corpus(call, in);
}

std::vector<Document> DocumentsApi::list(http::Call& call, const DocumentQuery& in) const {
  return service_.list(call, in);
}
Document DocumentsApi::get(http::Call& call, const DocumentPath& in) const {
  return service_.get(call, in.document_id);
}

http::Reply DocumentsApi::upload(http::Call& call, const UploadForm& in) const {
  std::vector<const http::UploadedFile*> files;
  for (const http::UploadedFile& file : call.request.files)
    if (file.field == "file") files.push_back(&file);
  if (files.size() == 1) return reply_with(service_.upload(call, in, *files.front()));
  if (in.document_id && !in.document_id->empty())
    throw ApiError(errors::kInvalidInput, "document_id names one document; leave it out when several files are sent");
  if (std::cmp_greater(files.size(), service_.max_bulk_files()))
    throw ApiError(errors::kInvalidInput, "too many files in one upload", {{"most", service_.max_bulk_files()}});
  return upload_all(call, in, files);
}

http::Reply DocumentsApi::add_text(http::Call& call, const TextUpload& in) const {
  return reply_with(service_.add_text(call, in));
}
http::Reply DocumentsApi::reindex(http::Call& call, const Reindex& in) const {
  return reply_with(service_.reindex(call, in));
}
void DocumentsApi::remove(http::Call& call, const DocumentPath& in) const {
  service_.remove(call, in.document_id);
}

http::Reply DocumentsApi::content(http::Call& call, const ContentQuery& in) const {
  if (in.format == "text") return http::Reply::raw(service_.text(call, in.document_id), "text/plain; charset=utf-8");
  const Document document = service_.get(call, in.document_id);
  http::Reply reply = http::Reply::raw({}, document.content_type);
  reply.file = service_.original(document);
  reply.headers.emplace_back("Content-Disposition",
                             "attachment; filename*=UTF-8''" + percent_encode(document.filename));
  // What was uploaded is never rendered as part of this site.
  reply.headers.emplace_back("X-Content-Type-Options", "nosniff");
  reply.headers.emplace_back("Content-Security-Policy", "sandbox; default-src 'none'");
  return reply;
}

ChunkPage DocumentsApi::chunks(http::Call& call, const ChunkQuery& in) const {
  return service_.chunks(call, in);
}
JobView DocumentsApi::job(http::Call& call, const JobPath& in) const {
  return service_.job(call, in.job_id);
}

http::Reply DocumentsApi::upload_all(http::Call& call, const UploadForm& in,
                                     const std::vector<const http::UploadedFile*>& files) const {
  std::string out;
  json::Writer w(out);
  w.begin_object().key("items").begin_array();
  for (const http::UploadedFile* file : files) {
    w.begin_object().field("filename", file->filename);
    try {
      const Outcome outcome = service_.upload(call, in, *file);
      w.field("status_code", outcome.status).key("document").raw(schema::write(outcome.accepted));
    } catch (const ApiError& e) {
      w.field("status_code", e.kind().status).key("error").begin_object();
      w.field("code", e.kind().code).field("message", e.message()).end_object();
    } catch (const db::Error& e) {  // what was accepted before stays accepted, so the answer must still say so
      const ErrorKind& kind = e.code() == db::ErrorCode::kFull ? errors::kInsufficientStorage : errors::kServiceBusy;
      w.field("status_code", kind.status).key("error").begin_object();
      w.field("code", kind.code).field("message", kind.message).end_object();
    }
    w.end_object();
  }
  w.end_array().end_object();
  return http::Reply::json(std::move(out), 207);
}

}  // namespace nexus::documents

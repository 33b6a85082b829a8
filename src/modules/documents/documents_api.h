#pragma once

#include "http/endpoint.h"
#include "modules/documents/documents_service.h"
#include "modules/documents/documents_types.h"

#include <vector>

namespace nexus::documents {

/// Rows of corpora, documents and jobs; the rules are DocumentsService's.
class DocumentsApi {
 public:
  explicit DocumentsApi(const DocumentsService& service) : service_(service) {}

  [[nodiscard]] std::vector<http::Endpoint> endpoints() const;

  std::vector<Corpus> list_corpora(http::Call& call) const;
  Corpus get_corpus(http::Call& call, const CorpusPath& in) const;
  Corpus create_corpus(http::Call& call, const NewCorpus& in) const;
  Corpus patch_corpus(http::Call& call, const CorpusPatch& in) const;
  void delete_corpus(http::Call& call, const CorpusRemoval& in) const;

  std::vector<Document> list(http::Call& call, const DocumentQuery& in) const;
  Document get(http::Call& call, const DocumentPath& in) const;
  http::Reply upload(http::Call& call, const UploadForm& in) const;
  http::Reply add_text(http::Call& call, const TextUpload& in) const;
  http::Reply reindex(http::Call& call, const Reindex& in) const;
  void remove(http::Call& call, const DocumentPath& in) const;
  http::Reply content(http::Call& call, const ContentQuery& in) const;
  ChunkPage chunks(http::Call& call, const ChunkQuery& in) const;
  JobView job(http::Call& call, const JobPath& in) const;

 private:
  /// Several files in one call: each is accepted or refused on its own, and the answer (207) says which.
  http::Reply upload_all(http::Call& call, const UploadForm& in,
                         const std::vector<const http::UploadedFile*>& files) const;

  const DocumentsService& service_;
};

}  // namespace nexus::documents

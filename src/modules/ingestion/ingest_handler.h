#pragma once

#include "base/time.h"
#include "db/database.h"
#include "modules/documents/ports.h"
#include "modules/ingestion/chunks_repository.h"
#include "modules/ingestion/ports.h"
#include "modules/jobs/ports.h"
#include "modules/retrieval/ports.h"
#include "observe/segment.h"
#include "text/extract/extract.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace nexus::observe {
class Metrics;
}

namespace nexus::ingestion {

struct IngestOptions {
  ChunkSizes chunks{.size = 1200, .overlap = 150};
  std::int64_t max_chunks = 50'000;   ///< of one document
  std::int64_t progress_every = 500;  ///< chunks between two updates of the document's progress
  text::extract::Limits extract;
};

/// Turns the source of a document into chunks, vectors and index entries, and commits them together with the document's
/// state and the job's end (contract 02 §10.3). Until that commit the previous chunks stay searchable. Thread-safe.
class IngestHandler final : public jobs::Handler {
 public:
  IngestHandler(db::Database& db, const Clock& clock, const documents::ObjectStore& objects,
                const retrieval::Embedders& embedders, const retrieval::IndexEngine& index,
                const text::extract::Extractor& extractor, IngestOptions options, observe::Metrics& metrics);

  [[nodiscard]] std::string_view kind() const override { return kIngestJob; }
  void run(jobs::Lease& lease) override;
  void on_dead(db::Tx& tx, const TenantScope& tenant, const jobs::Job& job, std::string_view reason,
               bool permanent) override;

 private:
  struct Work;

  [[nodiscard]] std::optional<Work> begin(jobs::Lease& lease) const;
  [[nodiscard]] text::extract::Extracted read_source(const Work& work, const jobs::Lease& lease) const;
  [[nodiscard]] std::vector<NewChunk> chunk(Work& work, std::string_view text) const;
  void embed(const Work& work, const jobs::Lease& lease, std::vector<NewChunk>& chunks) const;
  void commit(const Work& work, jobs::Lease& lease, const std::vector<NewChunk>& chunks) const;

  db::Database& db_;
  const Clock& clock_;
  const documents::ObjectStore& objects_;
  const retrieval::Embedders& embedders_;
  const retrieval::IndexEngine& index_;
  const text::extract::Extractor& extractor_;
  IngestOptions options_;
  observe::Metrics& metrics_;
  documents::DocumentsRepository documents_;
  ChunksRepository chunks_;
  observe::Gauge& in_flight_;
  observe::Segment queue_wait_;  // these two are measured whatever INSTRUMENTATION_DETAILED_TIMERS says
  observe::Segment processing_;
};

}  // namespace nexus::ingestion

#pragma once

#include "base/time.h"
#include "db/database.h"
#include "modules/documents/ports.h"
#include "modules/ingestion/chunks_repository.h"
#include "modules/jobs/ports.h"
#include "modules/retrieval/ports.h"

#include <string>
#include <string_view>
#include <vector>

namespace nexus::observe {
class Metrics;
}

namespace nexus::ingestion {

inline constexpr std::string_view kReembedJob = "reembed";

/// Gives a corpus the vectors it lacks, because its chunks came before a model was installed: embeds every chunk with
/// the current model and swaps the index in one transaction. Readers see the old index until then. When the corpus
/// changes meanwhile, the job is tried again. Holds the vectors of one corpus in memory.
class ReembedHandler final : public jobs::Handler {
 public:
  ReembedHandler(db::Database& db, const Clock& clock, const retrieval::Embedders& embedders,
                 const retrieval::IndexEngine& index, observe::Metrics& metrics);

  [[nodiscard]] std::string_view kind() const override { return kReembedJob; }
  void run(jobs::Lease& lease) override;
  void on_dead(db::Tx& tx, const TenantScope& tenant, const jobs::Job& job, std::string_view reason,
               bool permanent) override;

  /// Enqueues a job for every corpus that has chunks without vectors, when a model is there. Returns how many.
  std::size_t enqueue_missing();

 private:
  db::Database& db_;
  const Clock& clock_;
  const retrieval::Embedders& embedders_;
  const retrieval::IndexEngine& index_;
  ChunksRepository chunks_;
  documents::DocumentsRepository documents_;
  jobs::JobsRepository jobs_;
  observe::Metrics& metrics_;
};

}  // namespace nexus::ingestion

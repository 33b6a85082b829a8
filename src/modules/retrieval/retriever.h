#pragma once

#include "base/error.h"
#include "base/principal.h"
#include "db/database.h"
#include "modules/authz/ports.h"
#include "modules/documents/ports.h"
#include "modules/retrieval/corpus_cache.h"
#include "modules/retrieval/embedders.h"
#include "modules/retrieval/index_engine.h"
#include "modules/retrieval/passage_cache.h"
#include "modules/retrieval/passages_repository.h"
#include "modules/retrieval/retrieval_types.h"

#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace nexus::observe {
class Histogram;
class Metrics;
}  // namespace nexus::observe

namespace nexus::retrieval {

/// A retrieval that failed, with the code that clients know (contract 02 §2.7).
class RetrievalError : public std::runtime_error {
 public:
  RetrievalError(const ErrorKind& kind, const std::string& message) : std::runtime_error(message), kind_(kind) {}
  [[nodiscard]] const ErrorKind& kind() const noexcept { return kind_; }

 private:
  ErrorKind kind_;
};

class CorpusNotFound : public RetrievalError {
 public:
  CorpusNotFound();
};

/// Most passages that a run, or a search, may ask for.
inline constexpr std::int64_t kMostForRun = 20;
inline constexpr std::int64_t kMostForSearch = 100;

struct Question {
  const TenantScope& tenant;
  const Principal& principal;
  std::string_view corpus_id;
  std::string_view query;
  std::optional<std::int64_t> top_k;  ///< empty: the corpus's default
  std::int64_t most = kMostForRun;
  std::optional<search::Mode> mode;  ///< empty: the corpus's
};

struct Answer {
  std::string provider;
  search::Mode mode = search::Mode::kHybrid;  ///< the one that was used
  std::int64_t top_k = 0;                     ///< effective
  std::vector<Passage> passages;
};

/// Finds the passages of a corpus that fit a question, among those the caller may read. Blocks (database, CPU); thread-
/// safe.
class Retriever {
 public:
  Retriever(db::Database& db, const Embedders& embedders, const IndexEngine& index, const authz::DocumentAccess& access,
            observe::Metrics& metrics, const Clock& clock, std::int64_t timeout_us,
            std::size_t passage_cache_bytes = std::size_t{16} << 20);

  /// Throws RetrievalError.
  [[nodiscard]] Answer retrieve(const Question& question) const;

 private:
  struct Attempt {
    Answer answer;
    bool stale = false;  ///< the index was newer than the snapshot: look again
  };
  /// `changes` was counted before the snapshot; a corpus that has not changed since it was last asked is searched
  /// without touching the database.
  [[nodiscard]] Attempt attempt(db::Snapshot& snapshot, const Question& question, const std::string& scope,
                                std::uint64_t changes) const;
  [[nodiscard]] std::shared_ptr<const KnownCorpus> corpus(db::Snapshot& snapshot, const Question& question,
                                                          const std::string& scope, std::uint64_t changes) const;
  [[nodiscard]] std::vector<search::Hit> search(db::Snapshot& snapshot, const Question& question,
                                                const KnownCorpus& corpus, std::uint64_t changes, Answer& answer) const;
  [[nodiscard]] std::optional<Passage> passage(db::Snapshot& snapshot, const TenantScope& tenant,
                                               const search::ChunkId& chunk) const;

  db::Database& db_;
  const Embedders& embedders_;
  const IndexEngine& index_;
  const authz::DocumentAccess& access_;
  observe::Metrics& metrics_;
  const Clock& clock_;
  std::int64_t timeout_us_;
  documents::DocumentsRepository corpora_;
  PassagesRepository passages_;
  mutable CorpusCache known_;
  mutable PassageCache recent_;
  observe::Histogram& access_seconds_;
  observe::Histogram& embed_seconds_;
  observe::Histogram& rank_seconds_;
  observe::Histogram& passages_seconds_;
  observe::Histogram& hits_;
};

}  // namespace nexus::retrieval

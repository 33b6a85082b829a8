#pragma once

#include "base/principal.h"
#include "base/time.h"
#include "db/database.h"
#include "opensearch/layout.h"
#include "search/chunk_id.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace nexus::opensearch {

/// What an outbox row is about.
enum class Kind : std::uint8_t {
  kDocument,  ///< make the index hold what the rows hold of this document
  kCorpus,    ///< everything of the corpus that is older than this row goes
};
[[nodiscard]] std::string_view to_string(Kind kind);

struct Subject {
  std::string tenant_id;
  std::string corpus_id;
  std::string document_id;  ///< "" : the chunks of no document
  Kind kind = Kind::kDocument;
};

/// A row of the outbox in somebody's hands.
struct Claim {
  Subject subject;
  std::int64_t seq = 0;
  std::int64_t attempts = 0;  ///< this one included
};

struct Backlog {
  std::int64_t pending = 0;
  std::int64_t dead = 0;
  std::optional<Timestamp> oldest;  ///< change that is pending
};

struct CorpusKey {
  std::string tenant_id;
  std::string corpus_id;
};

/// A document that could not be indexed, and why.
struct DeadDelivery {
  Subject subject;
  std::string fault;
};

/// All SQL of this room: on `index_outbox` and `index_outbox_seq`, and reading `chunks` and `corpora` for delivery,
/// the check of hits, and comparison. Functions without a TenantScope are maintenance: they serve every tenant, as the
/// deliverer and the commands do. Stateless.
class OutboxRepository {
 public:
  // --- the writers' side, in the transaction that changes the chunks

  void document_changed(db::Tx& tx, const TenantScope& tenant, std::string_view corpus, std::string_view document,
                        Timestamp now) const;
  /// The corpus goes. Deliveries under way of its documents are repeated after it.
  void corpus_cleared(db::Tx& tx, const TenantScope& tenant, std::string_view corpus, Timestamp now) const;
  /// Every document of the corpus changed: new vectors.
  void corpus_changed(db::Tx& tx, const TenantScope& tenant, std::string_view corpus, Timestamp now) const;
  /// The last number given; changes when anything of the corpus changes. 0: none yet.
  [[nodiscard]] std::int64_t last_seq(db::Snapshot& db, const TenantScope& tenant, std::string_view corpus) const;

  // --- the searching side

  /// Which of these chunks the rows have, in the order asked.
  [[nodiscard]] std::vector<bool> in_rows(db::Snapshot& db, const TenantScope& tenant, std::string_view corpus,
                                          std::span<const search::ChunkId> chunks) const;

  // --- delivery (maintenance)

  /// The next tenant after `after` in alphabetical order that has something due; empty when there is none.
  [[nodiscard]] std::optional<std::string> next_tenant(db::Snapshot& db, std::string_view after, Timestamp now) const;
  [[nodiscard]] std::vector<Claim> claim(db::Tx& tx, std::string_view tenant_id, std::string_view owner, Timestamp now,
                                         Timestamp until, std::int64_t most) const;
  enum class Finish : std::uint8_t {
    kDone,
    kChanged,  ///< the document changed meanwhile: due again
    kLost,     ///< the lease had ended: due again, because somebody newer may have been overwritten
  };
  Finish finish(db::Tx& tx, const Claim& claim, std::string_view owner, Timestamp now) const;
  void postpone(db::Tx& tx, const Claim& claim, std::string_view owner, Timestamp due, std::string_view fault) const;
  void bury(db::Tx& tx, const Claim& claim, std::string_view owner, std::string_view fault) const;

  /// The vectors' own length in a corpus; 0 while it has none. Columns of PostgreSQL are padded beyond it.
  [[nodiscard]] std::size_t dimension(db::Snapshot& db, std::string_view tenant_id, std::string_view corpus) const;
  /// Chunks of a document ("" : of none) with a larger id, in the order of ids; at most `most`. Vectors are cut to
  /// `dimension` (0: as they are).
  [[nodiscard]] std::vector<ChunkRow> chunks(db::Snapshot& db, const Subject& subject, std::string_view after,
                                             std::size_t dimension, std::int64_t most) const;
  [[nodiscard]] Backlog backlog(db::Snapshot& db) const;
  [[nodiscard]] std::vector<DeadDelivery> dead(db::Snapshot& db, std::int64_t most) const;

  // --- rebuild and verify (maintenance)

  /// Corpora that have chunks or that the outbox still speaks of.
  [[nodiscard]] std::vector<CorpusKey> corpora(db::Snapshot& db) const;
  /// Numbers given from now on are larger than `least`.
  void raise_seq(db::Tx& tx, const CorpusKey& corpus, std::int64_t least) const;
  /// Every document of the corpus is due, under one new number.
  struct Order {
    std::int64_t seq = 0;
    std::int64_t documents = 0;
  };
  Order rebuild_corpus(db::Tx& tx, const CorpusKey& corpus, Timestamp now) const;
  [[nodiscard]] std::int64_t waiting(db::Snapshot& db, const CorpusKey& corpus, Kind kind) const;
  [[nodiscard]] std::int64_t dead_of(db::Snapshot& db, const CorpusKey& corpus) const;
  [[nodiscard]] bool is_waiting(db::Snapshot& db, const Subject& subject) const;
  /// Documents with chunks, in an order of the database's own; "" for the chunks of none never among them.
  [[nodiscard]] std::vector<std::string> documents(db::Snapshot& db, const CorpusKey& corpus, std::string_view after,
                                                   std::int64_t most) const;
  [[nodiscard]] bool has_chunks(db::Snapshot& db, const Subject& subject) const;

 private:
  std::int64_t advance(db::Tx& tx, std::string_view tenant_id, std::string_view corpus) const;
  void put(db::Tx& tx, const Subject& subject, std::int64_t seq, Timestamp now) const;
};

[[nodiscard]] db::StatementList outbox_statements();

}  // namespace nexus::opensearch

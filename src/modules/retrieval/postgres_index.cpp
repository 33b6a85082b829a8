#include "modules/retrieval/postgres_index.h"

#include "db/value.h"
#include "modules/documents/ports.h"
#include "modules/retrieval/postgres_text.h"
#include "modules/retrieval/postgres_words.h"
#include "search/analyzer.h"
#include "search/vectors.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <stdexcept>
#include <utility>

namespace nexus::retrieval {
namespace {

using postgres::DenseQuery;
using postgres::Near;
using postgres::Parts;
using postgres::ReadableFilter;
using postgres::TermCount;
using postgres::TermsRow;

constexpr std::string_view kFirstId = "00000000-0000-0000-0000-000000000000";
constexpr std::size_t kRowsPerStatement = 500;
// A tsvector holds a megabyte of lexemes; a chunk of ordinary size has some hundred terms.
constexpr std::size_t kMostTermBytes = 512 * 1024;
// Listed documents whose chunks are counted to guess how many all of them have.
constexpr std::size_t kSampledDocuments = 16;

/// What is stored for a chunk, but for the number of its corpus.
struct ChunkTerms {
  std::string id;
  std::string document;
  std::int64_t length = 0;
  std::vector<TermCount> terms;
};

struct PreparedTerms final : PreparedChunks {
  std::vector<ChunkTerms> chunks;
};

ChunkTerms terms_of(std::string_view id, std::string_view document, std::string_view text) {
  thread_local search::TermList list;
  ChunkTerms out{.id = std::string(id), .document = std::string(document)};
  out.length = static_cast<std::int64_t>(search::analyze_document(text, list));
  std::map<std::string_view, std::uint32_t> counts;
  for (std::size_t i = 0; i < list.size(); ++i) ++counts[list[i]];
  std::size_t bytes = 0;
  for (const auto& [term, count] : counts) {
    bytes += term.size() + 16;
    if (bytes > kMostTermBytes) break;
    out.terms.push_back({std::string(term), count});
  }
  return out;
}

void store(db::Tx& tx, const postgres::PostgresIndexRepository& rows, std::string_view tenant, std::string_view corpus,
           std::span<const ChunkTerms> chunks) {
  if (chunks.empty()) return;
  const std::int64_t number = rows.require_corpus(tx, tenant, corpus);
  std::vector<TermsRow> page;
  for (std::size_t at = 0; at < chunks.size(); at += kRowsPerStatement) {
    page.clear();
    for (const ChunkTerms& chunk : chunks.subspan(at, std::min(kRowsPerStatement, chunks.size() - at)))
      page.push_back({chunk.id, chunk.document, chunk.length, postgres::tsvector_text(number, chunk.terms),
                      postgres::pack_terms(chunk.terms)});
    rows.insert_terms(tx, tenant, number, page);
  }
}

ReadableFilter filter_of(const search::ReadableDocuments& readable) {
  if (readable.all()) return {};
  const bool only = readable.kind() == search::ReadableDocuments::Kind::kOnly;
  std::vector<std::string> ids = *readable.ids();
  std::vector<std::string> some;
  const std::size_t step = std::max<std::size_t>(1, ids.size() / kSampledDocuments);
  for (std::size_t i = 0; i < ids.size() && some.size() < kSampledDocuments; i += step) some.push_back(ids[i]);
  ReadableFilter filter{.kind = only ? 1 : 2, .listed = static_cast<std::int64_t>(ids.size())};
  filter.some = postgres::array_text(some);
  filter.some_count = static_cast<std::int64_t>(some.size());
  if (readable.with_no_document() == only) ids.emplace_back();
  filter.ids = postgres::array_text(ids);
  return filter;
}

/// The new vectors stand in the rows already; all that is left is to see that none was missed.
class VectorRebuild final : public IndexRebuild {
 public:
  VectorRebuild(const postgres::PostgresIndexRepository& rows, const TenantScope& tenant, std::string_view corpus,
                std::string_view model_id)
      : rows_(rows), tenant_(tenant), corpus_(corpus), model_id_(model_id) {}

  void add(const IndexChunk& chunk) override {
    if (chunk.vector.size() > db::kVectorColumnSize) throw std::invalid_argument("vectors have at most 768 elements");
  }
  void swap(db::Tx& tx) override {
    if (!rows_.all_embedded_by(tx, tenant_, corpus_, model_id_))
      throw std::runtime_error("the corpus changed while it was embedded");
  }

 private:
  const postgres::PostgresIndexRepository& rows_;
  TenantScope tenant_;
  std::string corpus_;
  std::string model_id_;
};

}  // namespace

PostgresIndex::PostgresIndex(PostgresIndexOptions options) : options_(std::move(options)), backfilled_to_(kFirstId) {}

std::unique_ptr<const PreparedChunks> PostgresIndex::prepare(const embed::Embedder* /*model*/,
                                                             std::span<const IndexChunk> chunks) const {
  auto prepared = std::make_unique<PreparedTerms>();
  for (const IndexChunk& chunk : chunks) {
    if (!search::ChunkId::parse(chunk.id)) throw std::invalid_argument("chunk id is not a UUID");
    if (chunk.vector.size() > db::kVectorColumnSize) throw std::invalid_argument("vectors have at most 768 elements");
    prepared->chunks.push_back(terms_of(chunk.id, chunk.document, chunk.text));
  }
  return prepared;
}

void PostgresIndex::add(db::Tx& tx, const TenantScope& tenant, std::string_view corpus,
                        const PreparedChunks& prepared) const {
  tx.touch(documents::corpus_scope(tenant, corpus));
  store(tx, rows_, tenant.id(), corpus, dynamic_cast<const PreparedTerms&>(prepared).chunks);
}

void PostgresIndex::remove_document(db::Tx& tx, const TenantScope& tenant, std::string_view corpus,
                                    std::string_view document) const {
  tx.touch(documents::corpus_scope(tenant, corpus));
  rows_.delete_document(tx, tenant, corpus, document);
}

void PostgresIndex::clear(db::Tx& tx, const TenantScope& tenant, std::string_view corpus) const {
  tx.touch(documents::corpus_scope(tenant, corpus));
  rows_.delete_corpus(tx, tenant, corpus);
}

std::unique_ptr<IndexRebuild> PostgresIndex::rebuild(db::Database& /*db*/, const TenantScope& tenant,
                                                     std::string_view corpus, const embed::Embedder& model) const {
  return std::make_unique<VectorRebuild>(rows_, tenant, corpus, model.model_id());
}

PostgresIndex::Estimate PostgresIndex::estimate(db::Snapshot& db, const TenantScope& tenant, std::string_view corpus,
                                                const ReadableFilter& readable) const {
  const postgres::Reach reach = rows_.reach(db, tenant, corpus, readable, options_.exact_max + 1);
  Estimate out{.visible = reach.corpus, .table = std::max(reach.table, reach.corpus)};
  if (readable.kind == 0) return out;
  std::int64_t listed = reach.bare > options_.exact_max ? reach.corpus : reach.bare;
  if (readable.some_count > 0) listed += reach.some * readable.listed / readable.some_count;
  out.visible = readable.kind == 1 ? std::min(listed, reach.corpus) : std::max<std::int64_t>(reach.corpus - listed, 0);
  return out;
}

std::vector<Near> PostgresIndex::nearest(db::Snapshot& db, const TenantScope& tenant, std::string_view corpus,
                                         const ReadableFilter& readable, const DenseQuery& query) const {
  const auto [visible, all] = estimate(db, tenant, corpus, readable);
  if (visible <= options_.exact_max) return rows_.nearest_exact(db, tenant, corpus, readable, query);
  // A walk of the graph meets readable chunks as often as they are in the whole table, and each node costs about as
  // much as ten rows of a scan.
  const std::int64_t nodes = std::max(options_.ef_search, query.count) * (all / visible + 1);
  if (nodes * 10 > visible && all > visible * 2) return rows_.nearest_exact(db, tenant, corpus, readable, query);
  std::vector<Near> found =
      rows_.nearest_by_graph(db, tenant, corpus, readable, query,
                             {.ef_search = std::clamp<std::int64_t>(std::max(options_.ef_search, query.count), 1, 1000),
                              .most_tuples = std::clamp<std::int64_t>(nodes * 4, 20'000, 1'000'000)});
  if (std::cmp_less(found.size(), std::min(query.count, visible)))
    found = rows_.nearest_exact(db, tenant, corpus, readable, query);
  return found;
}

namespace {

float cosine_of(double cosine) {
  if (!(cosine > 0)) return 0.0F;  // NaN: a vector without direction
  return static_cast<float>(std::min(cosine, 1.0));
}

/// In the order of exact distances, which floats could blur.
std::vector<search::Hit> dense_hits(const std::vector<Near>& near, const search::ReadableDocuments& readable,
                                    std::size_t k) {
  std::vector<search::Hit> hits;
  for (const Near& chunk : near) {
    const float cosine = cosine_of(chunk.cosine);
    if (cosine > 0 && hits.size() < k && readable.contains(chunk.document_id))
      hits.push_back({chunk.chunk, chunk.document_id, cosine, 0, cosine});
  }
  return hits;
}

/// Those that both sides found, each once.
std::vector<search::ChunkId> united(const std::vector<postgres::WordHit>& lexical, const std::vector<Near>& near) {
  std::vector<search::ChunkId> out;
  for (const postgres::WordHit& hit : lexical) out.push_back(hit.chunk);
  for (const Near& chunk : near) out.push_back(chunk.chunk);
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

void check(const std::optional<search::SearchDeadline>& deadline) {
  if (deadline && std::chrono::steady_clock::now() >= *deadline) throw search::SearchTimeout();
}

std::int64_t milliseconds_left(search::SearchDeadline deadline) {
  return std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now()).count();
}

}  // namespace

std::vector<search::Hit> PostgresIndex::search(db::Snapshot& db, const TenantScope& tenant, std::string_view corpus,
                                               std::uint64_t /*changes*/, const IndexQuery& query) const {
  if (query.k == 0) throw std::invalid_argument("k must be at least 1");
  if (!(query.alpha >= 0 && query.alpha <= 1)) throw std::invalid_argument("alpha must be between 0 and 1");
  try {
    check(query.deadline);
    rows_.begin_search(db, query.deadline ? std::optional(milliseconds_left(*query.deadline)) : std::nullopt);
    return ranked(db, tenant, corpus, query);
  } catch (const db::Error&) {
    check(query.deadline);  // the server stopped the statement at the deadline
    throw;
  }
}

std::vector<search::Hit> PostgresIndex::ranked(db::Snapshot& db, const TenantScope& tenant, std::string_view corpus,
                                               const IndexQuery& query) const {
  const std::size_t k = std::min(query.k, search::kMaxResults);
  const std::size_t pool = std::max(search::kCandidates, k);
  const ReadableFilter readable = filter_of(query.readable);
  const DenseQuery dense{query.model_id, query.vector, static_cast<std::int64_t>(pool)};
  const bool by_vector = query.mode != search::Mode::kLexical && search::has_direction(query.vector);

  // Words first: the vector index wants its statements planned in another way, up to the end of the transaction.
  postgres::Words words(query.mode == search::Mode::kDense ? std::string_view() : query.text);
  std::vector<postgres::WordHit> lexical;
  if (!words.terms().empty()) {
    if (const auto row = rows_.statistics(db, tenant, corpus, words.terms())) words.weigh(*row);
    lexical =
        words.best(db, rows_, readable, by_vector ? pool : k,
                   {.first_rows = options_.first_rows, .most_rows = options_.lexical_rows, .deadline = query.deadline});
    check(query.deadline);
  }
  std::vector<Near> near;
  if (by_vector) {
    near = nearest(db, tenant, corpus, readable, dense);
    check(query.deadline);
  }
  if (query.mode == search::Mode::kDense) return dense_hits(near, query.readable, k);

  // The filter again, on what comes back: a mistake in one statement must not show a document.
  std::vector<search::ScoredChunk> scored;
  if (near.empty()) {
    for (const postgres::WordHit& hit : lexical)
      if (query.readable.contains(hit.document_id)) scored.push_back({hit.chunk, hit.document_id, hit.score});
  } else {
    for (const Parts& parts : rows_.parts(db, tenant, united(lexical, near), &dense)) {
      if (!query.readable.contains(parts.document_id)) continue;
      search::ScoredChunk chunk{parts.chunk, parts.document_id, words.score(parts.frequencies, parts.length)};
      if (parts.cosine) chunk.dense = cosine_of(*parts.cosine);
      scored.push_back(std::move(chunk));
    }
  }
  return search::rank(std::move(scored), query.mode, !near.empty(), query.alpha, k);
}

bool PostgresIndex::sum_deltas(db::Database& db, std::int64_t corpus) const {
  return db.write([&](db::Tx& tx) {
    // READ COMMITTED, as every write that begins with a script: an advisory lock keeps summers apart, and writers of
    // new deltas must not collide with them.
    tx.script("SET LOCAL lock_timeout = '5s'");
    return rows_.sum_deltas(tx, corpus, options_.deltas);
  }) == options_.deltas;
}

bool PostgresIndex::tidy_once(db::Database& db, const TenantScope& tenant, std::string_view corpus) const {
  const std::optional<postgres::CorpusRow> row =
      db.read([&](db::Snapshot& s) { return rows_.statistics(s, tenant, corpus, {}); });
  if (!row) return false;
  return sum_deltas(db, row->number);
}

bool PostgresIndex::tidy_all_once(db::Database& db) const {
  bool more = false;
  for (const std::int64_t corpus : db.read([&](db::Snapshot& s) { return rows_.corpora_with_deltas(s, 100); }))
    more = sum_deltas(db, corpus) || more;
  return more;
}

std::size_t PostgresIndex::backfill_once(db::Database& db) const {
  const std::lock_guard lock(backfill_);
  const bool whole_round = backfilled_to_ == kFirstId;
  std::string last;
  const std::size_t indexed = db.write([&](db::Tx& tx) {
    const std::vector<postgres::UnindexedChunk> page = rows_.unindexed(tx, backfilled_to_, options_.page);
    std::map<std::pair<std::string, std::string>, std::vector<ChunkTerms>> by_corpus;
    for (const postgres::UnindexedChunk& chunk : page)
      by_corpus[{chunk.tenant_id, chunk.corpus_id}].push_back(terms_of(chunk.id, chunk.document_id, chunk.text));
    for (const auto& [corpus, chunks] : by_corpus) store(tx, rows_, corpus.first, corpus.second, chunks);
    last = page.empty() ? std::string() : page.back().id;
    return page.size();
  });
  backfilled_to_ = last.empty() ? std::string(kFirstId) : last;
  if (indexed == 0 && !whole_round) return 1;  // the end of a round that found something: one more look from the start
  return indexed;
}

bool PostgresIndex::build_vector_index(db::Database& db) const {
  if (db.read([&](db::Snapshot& s) { return rows_.has_vector_index(s); })) return false;
  db.write([&](db::Tx& tx) { rows_.build_vector_index(tx, options_.build_memory); });
  return true;
}

}  // namespace nexus::retrieval

#include "cli/copy_repository.h"

#include <cstring>

namespace nexus::cli {
namespace {

using db::Statement;

constexpr Statement kServers{"copy.servers", "SELECT count(*) FROM uptime_minutes WHERE minute >= $1"};
constexpr Statement kWorkers{"copy.workers", "SELECT count(*) FROM worker_heartbeats WHERE seen_at > $1"};
constexpr Statement kCorpora{
    "copy.corpora",
    "SELECT tenant_id, id, embedding_model, coalesce(embedding_dimension, 0) FROM corpora ORDER BY tenant_id, id"};
constexpr Statement kFirstChunks{"copy.first_chunks",
                                 "SELECT id, document_id, text, embedding, embedding_model FROM chunks "
                                 "WHERE tenant_id = $1 AND corpus_id = $2 ORDER BY id LIMIT $3"};
constexpr Statement kNextChunks{"copy.next_chunks",
                                "SELECT id, document_id, text, embedding, embedding_model FROM chunks "
                                "WHERE tenant_id = $1 AND corpus_id = $2 AND id > $3 ORDER BY id LIMIT $4"};
constexpr const Statement* kAll[] = {&kServers, &kWorkers, &kCorpora, &kFirstChunks, &kNextChunks};

constexpr std::int64_t kRecentUs = 2 * 60 * Timestamp::kSecond;
constexpr std::int64_t kMinuteUs = 60 * Timestamp::kSecond;

std::int64_t count(db::Cursor row) {
  return row.next() ? row.i64(0) : 0;
}

std::vector<float> floats(std::span<const std::byte> bytes) {
  std::vector<float> out(bytes.size() / sizeof(float));
  if (!out.empty()) std::memcpy(out.data(), bytes.data(), out.size() * sizeof(float));
  return out;
}

}  // namespace

db::copy::Rules CopyRepository::rules(std::string_view from, std::string_view to) {
  db::copy::Rules rules{
      // Of one database or one process, and what PostgreSQL's search derives from chunks.
      .left_out = {"alembic_version", "worker_heartbeats", "search_corpora", "search_chunks", "search_terms",
                   "search_deltas"},
      .seeded = {"plans", "plan_features"},
      .vector_lengths = {{"chunks.embedding",
                          "(SELECT k.embedding_dimension FROM corpora k WHERE k.tenant_id = t.tenant_id "
                          "AND k.id = t.corpus_id)"}}};
  if (from != to) rules.left_out.insert({"index_segments", "index_tombstones", "index_state"});
  return rules;
}

std::string CopyRepository::who_runs(db::Snapshot& snapshot, Timestamp now) const {
  if (count(snapshot.query(kServers, (now.us - kRecentUs) / kMinuteUs)) > 0) return "a server ran";
  if (count(snapshot.query(kWorkers, Timestamp{now.us - kRecentUs})) > 0) return "a worker ran";
  return {};
}

std::vector<CopyRepository::Corpus> CopyRepository::corpora(db::Snapshot& snapshot) const {
  std::vector<Corpus> out;
  for (db::Cursor row = snapshot.query(kCorpora); row.next();)
    out.push_back({.tenant = row.str(0), .id = row.str(1), .model = row.opt_str(2), .dimension = row.i64(3)});
  return out;
}

std::vector<CopyRepository::Chunk> CopyRepository::chunks(db::Snapshot& snapshot, const Corpus& corpus,
                                                          std::string_view after, std::int64_t limit) const {
  std::vector<Chunk> out;
  db::Cursor row = after.empty() ? snapshot.query(kFirstChunks, corpus.tenant, corpus.id, limit)
                                 : snapshot.query(kNextChunks, corpus.tenant, corpus.id, after, limit);
  while (row.next()) {
    Chunk chunk{.id = row.str(0), .document = row.opt_str(1).value_or(""), .text = row.str(2), .vector = {}};
    // An adopted vector names no model: it is of the corpus's.
    const std::optional<std::string> model = row.opt_str(4);
    if (!row.is_null(3) && corpus.model && model.value_or(*corpus.model) == *corpus.model) {
      chunk.vector = floats(row.blob(3));
      if (corpus.dimension > 0 && chunk.vector.size() > static_cast<std::size_t>(corpus.dimension))
        chunk.vector.resize(static_cast<std::size_t>(corpus.dimension));
    }
    out.push_back(std::move(chunk));
  }
  return out;
}

db::StatementList CopyRepository::statements() {
  return kAll;
}

}  // namespace nexus::cli

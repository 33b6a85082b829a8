#include "opensearch/outbox_repository.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <set>

namespace nexus::opensearch {
namespace {

using db::Statement;

// By two: a deletion by query leaves the version that it found plus one behind, and that must not be a number of ours.
constexpr Statement kAdvance{"index_outbox.advance", R"(
  INSERT INTO index_outbox_seq (tenant_id, corpus_id, seq) VALUES ($1, $2, 2)
  ON CONFLICT (tenant_id, corpus_id) DO UPDATE SET seq = index_outbox_seq.seq + 2
  RETURNING seq)"};
constexpr Statement kRaise{"index_outbox.raise_seq", R"(
  INSERT INTO index_outbox_seq (tenant_id, corpus_id, seq) VALUES ($1, $2, $3)
  ON CONFLICT (tenant_id, corpus_id)
    DO UPDATE SET seq = CASE WHEN index_outbox_seq.seq < excluded.seq THEN excluded.seq
                             ELSE index_outbox_seq.seq END)"};
constexpr Statement kLastSeq{"index_outbox.last_seq",
                             "SELECT seq FROM index_outbox_seq WHERE tenant_id = $1 AND corpus_id = $2"};
// A row that somebody is delivering stays his until he is done; the new number tells him that it changed.
constexpr Statement kPut{"index_outbox.put", R"(
  INSERT INTO index_outbox (tenant_id, corpus_id, document_id, kind, seq, due_at, created_at)
  VALUES ($1, $2, $3, $4, $5, $6, $6)
  ON CONFLICT (tenant_id, corpus_id, document_id, kind) DO UPDATE SET
    seq = excluded.seq, attempts = 0, last_error = NULL,
    created_at = CASE WHEN index_outbox.state = 'dead' THEN excluded.created_at ELSE index_outbox.created_at END,
    due_at = CASE WHEN index_outbox.lease_owner IS NULL THEN excluded.due_at ELSE index_outbox.due_at END,
    state = 'pending')"};
constexpr Statement kRenumber{"index_outbox.renumber", R"(
  UPDATE index_outbox SET seq = $3, state = 'pending', attempts = 0
  WHERE tenant_id = $1 AND corpus_id = $2 AND kind = 'document')"};
constexpr Statement kPutAll{"index_outbox.put_all", R"(
  INSERT INTO index_outbox (tenant_id, corpus_id, document_id, kind, seq, due_at, created_at)
  SELECT d.tenant_id, d.corpus_id, d.document_id, 'document', $3, $4, $4
  FROM (SELECT DISTINCT tenant_id, corpus_id, coalesce(document_id, '') AS document_id FROM chunks
        WHERE tenant_id = $1 AND corpus_id = $2) d
  WHERE true
  ON CONFLICT (tenant_id, corpus_id, document_id, kind) DO UPDATE SET
    seq = excluded.seq, attempts = 0, last_error = NULL,
    created_at = CASE WHEN index_outbox.state = 'dead' THEN excluded.created_at ELSE index_outbox.created_at END,
    due_at = CASE WHEN index_outbox.lease_owner IS NULL THEN excluded.due_at ELSE index_outbox.due_at END,
    state = 'pending')"};

constexpr Statement kInRows{"index_outbox.in_rows", R"(
  SELECT id FROM chunks WHERE tenant_id = $1 AND corpus_id = $2
    AND id IN ($3, $4, $5, $6, $7, $8, $9, $10, $11, $12))"};
constexpr std::size_t kIdsAtOnce = 10;

constexpr Statement kNextTenant{"index_outbox.next_tenant", R"(
  SELECT tenant_id FROM index_outbox WHERE state = 'pending' AND tenant_id > $1 AND due_at <= $2
  ORDER BY tenant_id LIMIT 1)"};
constexpr Statement kDue{"index_outbox.due", R"(
  SELECT corpus_id, document_id, kind, seq, attempts FROM index_outbox
  WHERE state = 'pending' AND tenant_id = $1 AND due_at <= $2
  ORDER BY due_at, corpus_id, document_id LIMIT $3 {{for_update_skip_locked}})"};
constexpr Statement kLease{"index_outbox.lease", R"(
  UPDATE index_outbox SET lease_owner = $5, due_at = $6, attempts = attempts + 1
  WHERE tenant_id = $1 AND corpus_id = $2 AND document_id = $3 AND kind = $4)"};
constexpr Statement kDone{"index_outbox.done", R"(
  DELETE FROM index_outbox WHERE tenant_id = $1 AND corpus_id = $2 AND document_id = $3 AND kind = $4
    AND lease_owner = $5 AND seq = $6)"};
constexpr Statement kRelease{"index_outbox.release", R"(
  UPDATE index_outbox SET lease_owner = NULL, due_at = $6
  WHERE tenant_id = $1 AND corpus_id = $2 AND document_id = $3 AND kind = $4 AND lease_owner = $5)"};
constexpr Statement kPostpone{"index_outbox.postpone", R"(
  UPDATE index_outbox SET lease_owner = NULL, due_at = $6, last_error = $7
  WHERE tenant_id = $1 AND corpus_id = $2 AND document_id = $3 AND kind = $4 AND lease_owner = $5)"};
// What changed since the claim has not been tried in its new form: it stays pending.
constexpr Statement kBury{"index_outbox.bury", R"(
  UPDATE index_outbox SET lease_owner = NULL, last_error = $7,
    state = CASE WHEN seq = $6 THEN 'dead' ELSE 'pending' END
  WHERE tenant_id = $1 AND corpus_id = $2 AND document_id = $3 AND kind = $4 AND lease_owner = $5)"};

constexpr Statement kDimension{"index_outbox.dimension",
                               "SELECT embedding_dimension FROM corpora WHERE tenant_id = $1 AND id = $2"};
constexpr Statement kChunks{"index_outbox.chunks_of_document", R"(
  SELECT id, text, embedding_model, embedding FROM chunks
  WHERE tenant_id = $1 AND document_id = $2 AND corpus_id = $3 AND id > $4 ORDER BY id LIMIT $5)"};
constexpr Statement kLooseChunks{"index_outbox.chunks_of_none", R"(
  SELECT id, text, embedding_model, embedding FROM chunks
  WHERE tenant_id = $1 AND document_id IS NULL AND corpus_id = $2 AND id > $3 ORDER BY id LIMIT $4)"};

constexpr Statement kBacklog{"index_outbox.backlog", R"(
  SELECT count(*) FILTER (WHERE state = 'pending'), count(*) FILTER (WHERE state = 'dead'),
         min(created_at) FILTER (WHERE state = 'pending') FROM index_outbox)"};
constexpr Statement kDead{"index_outbox.dead", R"(
  SELECT tenant_id, corpus_id, document_id, kind, last_error FROM index_outbox WHERE state = 'dead'
  ORDER BY tenant_id, corpus_id, document_id, kind LIMIT $1)"};

constexpr Statement kCorpora{"index_outbox.corpora", R"(
  SELECT tenant_id, corpus_id FROM chunks WHERE tenant_id IS NOT NULL
  UNION SELECT tenant_id, corpus_id FROM index_outbox_seq ORDER BY 1, 2)"};
constexpr Statement kWaiting{"index_outbox.waiting", R"(
  SELECT count(*) FROM index_outbox WHERE tenant_id = $1 AND corpus_id = $2 AND kind = $3 AND state = 'pending')"};
constexpr Statement kDeadOf{"index_outbox.dead_of", R"(
  SELECT count(*) FROM index_outbox WHERE tenant_id = $1 AND corpus_id = $2 AND state = 'dead')"};
constexpr Statement kIsWaiting{"index_outbox.is_waiting", R"(
  SELECT 1 FROM index_outbox WHERE tenant_id = $1 AND corpus_id = $2 AND document_id = $3 AND kind = $4)"};
constexpr Statement kDocuments{"index_outbox.documents", R"(
  SELECT DISTINCT document_id FROM chunks WHERE tenant_id = $1 AND corpus_id = $2 AND document_id > $3
  ORDER BY document_id LIMIT $4)"};
constexpr Statement kHasChunks{"index_outbox.has_chunks", R"(
  SELECT 1 FROM chunks WHERE tenant_id = $1 AND corpus_id = $2 AND document_id = $3 LIMIT 1)"};
constexpr Statement kHasLooseChunks{"index_outbox.has_loose_chunks", R"(
  SELECT 1 FROM chunks WHERE tenant_id = $1 AND corpus_id = $2 AND document_id IS NULL LIMIT 1)"};

constexpr const Statement* kOutboxStatements[] = {
    &kAdvance, &kRaise,   &kLastSeq, &kPut,      &kRenumber,  &kPutAll,    &kInRows,    &kNextTenant,    &kDue,
    &kLease,   &kDone,    &kRelease, &kPostpone, &kBury,      &kDimension, &kChunks,    &kLooseChunks,   &kBacklog,
    &kDead,    &kCorpora, &kWaiting, &kDeadOf,   &kIsWaiting, &kDocuments, &kHasChunks, &kHasLooseChunks};

/// Smaller than every id, and an id as far as PostgreSQL's type is concerned.
constexpr std::string_view kBeforeAll = "00000000-0000-0000-0000-000000000000";

Kind kind_from(std::string_view text) {
  return text == "corpus" ? Kind::kCorpus : Kind::kDocument;
}

std::vector<float> vector_from(std::span<const std::byte> bytes, std::size_t dimension) {
  std::size_t count = bytes.size() / sizeof(float);
  if (dimension > 0) count = std::min(count, dimension);
  std::vector<float> out(count);
  std::memcpy(out.data(), bytes.data(), count * sizeof(float));
  return out;
}

ChunkRow chunk_from(const db::Cursor& row, std::string_view document, std::size_t dimension) {
  ChunkRow out{.id = row.str(0), .document = std::string(document), .text = row.str(1), .model = {}, .vector = {}};
  if (row.is_null(2) || row.is_null(3)) return out;  // a vector of no known model cannot be compared with anything
  out.model = row.str(2);
  out.vector = vector_from(row.blob(3), dimension);
  return out;
}

std::int64_t only_number(db::Cursor row) {
  return row.next() ? row.i64(0) : 0;
}

}  // namespace

std::string_view to_string(Kind kind) {
  return kind == Kind::kCorpus ? "corpus" : "document";
}

std::int64_t OutboxRepository::advance(db::Tx& tx, std::string_view tenant_id, std::string_view corpus) const {
  db::Cursor row = tx.query(kAdvance, tenant_id, corpus);
  if (!row.next()) throw db::Error(db::ErrorCode::kOther, "the index outbox gave no number");
  const std::int64_t seq = row.i64(0);
  while (row.next()) {
  }
  return seq;
}

void OutboxRepository::put(db::Tx& tx, const Subject& subject, std::int64_t seq, Timestamp now) const {
  tx.exec(kPut, subject.tenant_id, subject.corpus_id, subject.document_id, to_string(subject.kind), seq, now);
}

void OutboxRepository::document_changed(db::Tx& tx, const TenantScope& tenant, std::string_view corpus,
                                        std::string_view document, Timestamp now) const {
  put(tx, {tenant.id(), std::string(corpus), std::string(document), Kind::kDocument}, advance(tx, tenant.id(), corpus),
      now);
}

void OutboxRepository::corpus_cleared(db::Tx& tx, const TenantScope& tenant, std::string_view corpus,
                                      Timestamp now) const {
  const std::int64_t seq = advance(tx, tenant.id(), corpus);
  tx.exec(kRenumber, tenant.id(), corpus, seq);
  put(tx, {tenant.id(), std::string(corpus), {}, Kind::kCorpus}, seq, now);
}

void OutboxRepository::corpus_changed(db::Tx& tx, const TenantScope& tenant, std::string_view corpus,
                                      Timestamp now) const {
  tx.exec(kPutAll, tenant.id(), corpus, advance(tx, tenant.id(), corpus), now);
}

std::int64_t OutboxRepository::last_seq(db::Snapshot& db, const TenantScope& tenant, std::string_view corpus) const {
  return only_number(db.query(kLastSeq, tenant.id(), corpus));
}

std::vector<bool> OutboxRepository::in_rows(db::Snapshot& db, const TenantScope& tenant, std::string_view corpus,
                                            std::span<const search::ChunkId> chunks) const {
  std::set<std::string, std::less<>> found;
  std::vector<std::string> ids;
  for (const search::ChunkId& chunk : chunks) ids.push_back(chunk.to_string());
  for (std::size_t at = 0; at < ids.size(); at += kIdsAtOnce) {
    std::vector<db::Value> values{db::Value(tenant.id()), db::Value(corpus)};
    for (std::size_t i = 0; i < kIdsAtOnce; ++i) values.emplace_back(ids[std::min(at + i, ids.size() - 1)]);
    for (db::Cursor row = db.query_span(kInRows, values); row.next();) found.insert(row.str(0));
  }
  std::vector<bool> out;
  for (const std::string& id : ids) out.push_back(found.contains(id));
  return out;
}

std::optional<std::string> OutboxRepository::next_tenant(db::Snapshot& db, std::string_view after,
                                                         Timestamp now) const {
  db::Cursor row = db.query(kNextTenant, after, now);
  if (!row.next()) return std::nullopt;
  return row.str(0);
}

std::vector<Claim> OutboxRepository::claim(db::Tx& tx, std::string_view tenant_id, std::string_view owner,
                                           Timestamp now, Timestamp until, std::int64_t most) const {
  std::vector<Claim> out;
  for (db::Cursor row = tx.query(kDue, tenant_id, now, most); row.next();)
    out.push_back({.subject = {std::string(tenant_id), row.str(0), row.str(1), kind_from(row.text(2))},
                   .seq = row.i64(3),
                   .attempts = row.i64(4) + 1});
  for (const Claim& claim : out)
    tx.exec(kLease, tenant_id, claim.subject.corpus_id, claim.subject.document_id, to_string(claim.subject.kind), owner,
            until);
  return out;
}

OutboxRepository::Finish OutboxRepository::finish(db::Tx& tx, const Claim& claim, std::string_view owner,
                                                  Timestamp now) const {
  const Subject& s = claim.subject;
  if (tx.exec(kDone, s.tenant_id, s.corpus_id, s.document_id, to_string(s.kind), owner, claim.seq) == 1)
    return Finish::kDone;
  if (tx.exec(kRelease, s.tenant_id, s.corpus_id, s.document_id, to_string(s.kind), owner, now) == 1)
    return Finish::kChanged;
  put(tx, s, advance(tx, s.tenant_id, s.corpus_id), now);
  return Finish::kLost;
}

void OutboxRepository::postpone(db::Tx& tx, const Claim& claim, std::string_view owner, Timestamp due,
                                std::string_view fault) const {
  const Subject& s = claim.subject;
  tx.exec(kPostpone, s.tenant_id, s.corpus_id, s.document_id, to_string(s.kind), owner, due, fault);
}

void OutboxRepository::bury(db::Tx& tx, const Claim& claim, std::string_view owner, std::string_view fault) const {
  const Subject& s = claim.subject;
  tx.exec(kBury, s.tenant_id, s.corpus_id, s.document_id, to_string(s.kind), owner, claim.seq, fault);
}

std::size_t OutboxRepository::dimension(db::Snapshot& db, std::string_view tenant_id, std::string_view corpus) const {
  return static_cast<std::size_t>(std::max<std::int64_t>(only_number(db.query(kDimension, tenant_id, corpus)), 0));
}

std::vector<ChunkRow> OutboxRepository::chunks(db::Snapshot& db, const Subject& subject, std::string_view after,
                                               std::size_t dimension, std::int64_t most) const {
  const std::string_view start = after.empty() ? kBeforeAll : after;
  std::vector<ChunkRow> out;
  db::Cursor row = subject.document_id.empty()
                       ? db.query(kLooseChunks, subject.tenant_id, subject.corpus_id, start, most)
                       : db.query(kChunks, subject.tenant_id, subject.document_id, subject.corpus_id, start, most);
  while (row.next()) out.push_back(chunk_from(row, subject.document_id, dimension));
  return out;
}

Backlog OutboxRepository::backlog(db::Snapshot& db) const {
  db::Cursor row = db.query(kBacklog);
  if (!row.next()) return {};
  return {.pending = row.i64(0), .dead = row.i64(1), .oldest = row.opt_time(2)};
}

std::vector<DeadDelivery> OutboxRepository::dead(db::Snapshot& db, std::int64_t most) const {
  std::vector<DeadDelivery> out;
  for (db::Cursor row = db.query(kDead, most); row.next();)
    out.push_back({{row.str(0), row.str(1), row.str(2), kind_from(row.text(3))}, row.str(4)});
  return out;
}

std::vector<CorpusKey> OutboxRepository::corpora(db::Snapshot& db) const {
  std::vector<CorpusKey> out;
  for (db::Cursor row = db.query(kCorpora); row.next();) out.push_back({row.str(0), row.str(1)});
  return out;
}

void OutboxRepository::raise_seq(db::Tx& tx, const CorpusKey& corpus, std::int64_t least) const {
  tx.exec(kRaise, corpus.tenant_id, corpus.corpus_id, least);
}

OutboxRepository::Order OutboxRepository::rebuild_corpus(db::Tx& tx, const CorpusKey& corpus, Timestamp now) const {
  const std::int64_t seq = advance(tx, corpus.tenant_id, corpus.corpus_id);
  const std::int64_t documents = tx.exec(kPutAll, corpus.tenant_id, corpus.corpus_id, seq, now);
  return {seq, documents};
}

std::int64_t OutboxRepository::waiting(db::Snapshot& db, const CorpusKey& corpus, Kind kind) const {
  return only_number(db.query(kWaiting, corpus.tenant_id, corpus.corpus_id, to_string(kind)));
}
std::int64_t OutboxRepository::dead_of(db::Snapshot& db, const CorpusKey& corpus) const {
  return only_number(db.query(kDeadOf, corpus.tenant_id, corpus.corpus_id));
}
bool OutboxRepository::is_waiting(db::Snapshot& db, const Subject& subject) const {
  return db.query(kIsWaiting, subject.tenant_id, subject.corpus_id, subject.document_id, to_string(subject.kind))
      .next();
}

std::vector<std::string> OutboxRepository::documents(db::Snapshot& db, const CorpusKey& corpus, std::string_view after,
                                                     std::int64_t most) const {
  std::vector<std::string> out;
  for (db::Cursor row = db.query(kDocuments, corpus.tenant_id, corpus.corpus_id, after, most); row.next();)
    out.push_back(row.str(0));
  return out;
}

bool OutboxRepository::has_chunks(db::Snapshot& db, const Subject& subject) const {
  if (subject.document_id.empty()) return db.query(kHasLooseChunks, subject.tenant_id, subject.corpus_id).next();
  return db.query(kHasChunks, subject.tenant_id, subject.corpus_id, subject.document_id).next();
}

db::StatementList outbox_statements() {
  return kOutboxStatements;
}

}  // namespace nexus::opensearch

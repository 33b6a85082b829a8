#include "modules/rag/sessions_repository.h"

#include <algorithm>

namespace nexus::rag {
namespace {

using db::Statement;

constexpr Statement kOpenSession{"rag.open_session", R"(
  INSERT INTO sessions (tenant_id, id, subject_id, created_at, last_seen_at) VALUES ($1, $2, $3, $4, $4)
  ON CONFLICT (tenant_id, id) DO UPDATE SET last_seen_at = excluded.last_seen_at
    WHERE sessions.subject_id IS NULL OR sessions.subject_id = excluded.subject_id)"};

constexpr Statement kTakeSeq{"rag.take_seq", R"(
  UPDATE sessions SET next_seq = next_seq + 1 WHERE tenant_id = $1 AND id = $2 RETURNING next_seq - 1)"};

constexpr Statement kInsertMessage{"rag.insert_message", R"(
  INSERT INTO messages (tenant_id, session_id, seq, id, role, content, status, created_at)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8))"};

constexpr Statement kInsertCheckpoint{"rag.insert_checkpoint", R"(
  INSERT INTO checkpoints (id, tenant_id, session_id, state_json, created_at) VALUES ($1, $2, $3, $4, $5))"};

constexpr Statement kInsertQueryLog{"rag.insert_query_log", R"(
  INSERT INTO query_log (id, query_id, started_at, completed_at, latency_ms, retrieved_chunks, status)
  VALUES ($1, $2, $3, $4, $5, $6, $7))"};

constexpr Statement kRecentMessages{"rag.recent_messages", R"(
  SELECT seq, id, role, content, status, created_at FROM messages
  WHERE tenant_id = $1 AND session_id = $2 AND seq < $3 ORDER BY seq DESC LIMIT $4)"};

constexpr Statement kFindSession{"rag.find_session", R"(
  SELECT id, subject_id, created_at, last_seen_at FROM sessions WHERE tenant_id = $1 AND id = $2)"};

constexpr Statement kListSessions{"rag.list_sessions", R"(
  SELECT id, subject_id, created_at, last_seen_at FROM sessions
  WHERE tenant_id = $1 AND (CAST($2 AS TEXT) IS NULL OR subject_id = $2) ORDER BY last_seen_at DESC, id LIMIT $3)"};

constexpr Statement kMessagesAfter{"rag.messages_after", R"(
  SELECT seq, id, role, content, status, created_at FROM messages
  WHERE tenant_id = $1 AND session_id = $2 AND seq > $3 ORDER BY seq LIMIT $4)"};

constexpr Statement kTakeSession{"rag.take_session", R"(
  SELECT 1 FROM sessions WHERE tenant_id = $1 AND id = $2 {{for_update}})"};
constexpr Statement kDeleteMessages{"rag.delete_messages",
                                    "DELETE FROM messages WHERE tenant_id = $1 AND session_id = $2"};
constexpr Statement kDeleteCheckpoints{"rag.delete_checkpoints",
                                       "DELETE FROM checkpoints WHERE tenant_id = $1 AND session_id = $2"};
constexpr Statement kDeleteSession{"rag.delete_session", "DELETE FROM sessions WHERE tenant_id = $1 AND id = $2"};

constexpr const Statement* kSessionsStatements[] = {
    &kOpenSession,    &kTakeSession,       &kTakeSeq,      &kInsertMessage, &kInsertCheckpoint,
    &kInsertQueryLog, &kRecentMessages,    &kFindSession,  &kListSessions,  &kMessagesAfter,
    &kDeleteMessages, &kDeleteCheckpoints, &kDeleteSession};

StoredMessage message_from(const db::Cursor& row) {
  return {.seq = row.i64(0),
          .id = row.str(1),
          .role = row.str(2),
          .content = row.str(3),
          .status = row.str(4),
          .created_at = row.time(5)};
}

StoredSession session_from(const db::Cursor& row) {
  return {.id = row.str(0), .subject_id = row.opt_str(1), .created_at = row.time(2), .last_seen_at = row.time(3)};
}

}  // namespace

bool SessionsRepository::open(db::Tx& tx, const TenantScope& tenant, std::string_view id, std::string_view subject,
                              Timestamp now) const {
  return tx.exec(kOpenSession, tenant.id(), id, subject, now) == 1;
}

std::int64_t SessionsRepository::append(db::Tx& tx, const TenantScope& tenant, std::string_view session,
                                        std::string_view id, std::string_view role, std::string_view content,
                                        std::string_view status, Timestamp now) const {
  std::int64_t seq = 0;
  {
    db::Cursor row = tx.query(kTakeSeq, tenant.id(), session);
    if (!row.next()) throw db::Error(db::ErrorCode::kConstraint, "message for a session that does not exist");
    seq = row.i64(0);
    while (row.next()) {
    }
  }
  tx.exec(kInsertMessage, tenant.id(), session, seq, id, role, content, status, now);
  return seq;
}

void SessionsRepository::add_checkpoint(db::Tx& tx, const TenantScope& tenant, std::string_view session,
                                        std::string_view id, std::string_view state_json, Timestamp now) const {
  tx.exec(kInsertCheckpoint, id, tenant.id(), session, db::Json{state_json}, now);
}

void SessionsRepository::add_query_log(db::Tx& tx, const QueryLogRow& row) const {
  const std::int64_t latency_ms = std::max<std::int64_t>(0, (row.completed_at - row.started_at) / 1000);
  tx.exec(kInsertQueryLog, row.id, row.query_id, row.started_at, row.completed_at, latency_ms, row.retrieved_chunks,
          row.status);
}

std::vector<StoredMessage> SessionsRepository::recent(db::Snapshot& db, const TenantScope& tenant,
                                                      std::string_view session, std::int64_t before_seq,
                                                      std::int64_t limit) const {
  std::vector<StoredMessage> out;
  for (db::Cursor row = db.query(kRecentMessages, tenant.id(), session, before_seq, limit); row.next();)
    out.push_back(message_from(row));
  std::reverse(out.begin(), out.end());
  return out;
}

std::optional<StoredSession> SessionsRepository::find(db::Snapshot& db, const TenantScope& tenant,
                                                      std::string_view id) const {
  db::Cursor row = db.query(kFindSession, tenant.id(), id);
  if (!row.next()) return std::nullopt;
  return session_from(row);
}

std::vector<StoredSession> SessionsRepository::list(db::Snapshot& db, const TenantScope& tenant,
                                                    std::optional<std::string_view> subject, std::int64_t limit) const {
  std::vector<StoredSession> out;
  for (db::Cursor row = db.query(kListSessions, tenant.id(), subject, limit); row.next();)
    out.push_back(session_from(row));
  return out;
}

std::vector<StoredMessage> SessionsRepository::messages(db::Snapshot& db, const TenantScope& tenant,
                                                        std::string_view session, std::int64_t after_seq,
                                                        std::int64_t limit) const {
  std::vector<StoredMessage> out;
  for (db::Cursor row = db.query(kMessagesAfter, tenant.id(), session, after_seq, limit); row.next();)
    out.push_back(message_from(row));
  return out;
}

void SessionsRepository::remove(db::Tx& tx, const TenantScope& tenant, std::string_view id) const {
  if (!tx.query(kTakeSession, tenant.id(), id).next()) return;  // no turn is added behind the deletion
  tx.exec(kDeleteMessages, tenant.id(), id);
  tx.exec(kDeleteCheckpoints, tenant.id(), id);
  tx.exec(kDeleteSession, tenant.id(), id);
}

db::StatementList sessions_statements() {
  return kSessionsStatements;
}

}  // namespace nexus::rag

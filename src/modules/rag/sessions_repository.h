#pragma once

#include "base/principal.h"
#include "base/time.h"
#include "db/database.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace nexus::rag {

struct StoredMessage {
  std::int64_t seq = 0;
  std::string id;
  std::string role;
  std::string content;
  std::string status;  ///< "complete" or "partial"
  Timestamp created_at;
};

struct StoredSession {
  std::string id;
  std::optional<std::string> subject_id;
  Timestamp created_at;
  Timestamp last_seen_at;
};

struct QueryLogRow {
  std::string id;
  std::string query_id;
  Timestamp started_at;
  Timestamp completed_at;
  std::int64_t retrieved_chunks = 0;
  std::string_view status;  ///< "ok", "error", "cancelled"
};

/// All SQL on sessions, messages, checkpoints and query_log. Stateless.
class SessionsRepository {
 public:
  /// Opens the session or touches it. False when it belongs to another principal (its id is then unknown to this one).
  bool open(db::Tx& tx, const TenantScope& tenant, std::string_view id, std::string_view subject, Timestamp now) const;
  /// Appends a message and returns its place in the session.
  std::int64_t append(db::Tx& tx, const TenantScope& tenant, std::string_view session, std::string_view id,
                      std::string_view role, std::string_view content, std::string_view status, Timestamp now) const;
  void add_checkpoint(db::Tx& tx, const TenantScope& tenant, std::string_view session, std::string_view id,
                      std::string_view state_json, Timestamp now) const;
  void add_query_log(db::Tx& tx, const QueryLogRow& row) const;

  /// The newest `limit` messages before `before_seq`, oldest first.
  std::vector<StoredMessage> recent(db::Snapshot& db, const TenantScope& tenant, std::string_view session,
                                    std::int64_t before_seq, std::int64_t limit) const;
  std::optional<StoredSession> find(db::Snapshot& db, const TenantScope& tenant, std::string_view id) const;
  /// Newest first; `subject` empty: of everybody.
  std::vector<StoredSession> list(db::Snapshot& db, const TenantScope& tenant, std::optional<std::string_view> subject,
                                  std::int64_t limit) const;
  std::vector<StoredMessage> messages(db::Snapshot& db, const TenantScope& tenant, std::string_view session,
                                      std::int64_t after_seq, std::int64_t limit) const;
  void remove(db::Tx& tx, const TenantScope& tenant, std::string_view id) const;
};

[[nodiscard]] db::StatementList sessions_statements();

}  // namespace nexus::rag

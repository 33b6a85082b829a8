#include "modules/audit/audit_repository.h"

#include "base/encoding.h"

#include <algorithm>
#include <limits>

namespace nexus::audit {
namespace {

using db::Statement;

constexpr Statement kInsertEvent{"audit.insert_event", R"(
  INSERT INTO audit_events (occurred_at, tenant_id, actor_type, actor_id, actor_role, event_type, outcome,
    resource_type, resource_id, request_id, ip_address, user_agent, metadata_json, error_code, created_at)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
  RETURNING id)"};

constexpr Statement kLockChain{"audit.lock_chain", R"(SELECT {{lock_name $1}})"};

constexpr Statement kHead{"audit.head", R"(
  SELECT seq, hash FROM audit_chain WHERE tenant_id = $1 ORDER BY seq DESC LIMIT 1)"};

constexpr Statement kLink{"audit.link", R"(
  INSERT INTO audit_chain (tenant_id, seq, event_id, prev_hash, hash) VALUES ($1, $2, $3, $4, $5))"};

// The lists differ in what leads their index; each reads one range of it, in order, down to its page. The end of the
// range is one row value, because SQLite takes only one upper bound of a column: a second would be a filter, and deep
// pages would walk past all that is newer.
constexpr Statement kList{"audit.list", R"(
  SELECT id, occurred_at, tenant_id, actor_type, actor_id, actor_role, event_type, outcome, resource_type, resource_id,
    request_id, ip_address, user_agent, metadata_json, error_code, created_at
  FROM audit_events
  WHERE tenant_id = $1 AND occurred_at >= $2 AND (occurred_at, id) < ($3, $4)
    AND (CAST($5 AS TEXT) IS NULL OR event_type = $5) AND (CAST($6 AS TEXT) IS NULL OR outcome = $6)
    AND (CAST($7 AS TEXT) IS NULL OR resource_type = $7) AND (CAST($8 AS TEXT) IS NULL OR resource_id = $8)
  ORDER BY occurred_at DESC, id DESC LIMIT $9 OFFSET $10)"};
constexpr Statement kListOfType{"audit.list_of_type", R"(
  SELECT id, occurred_at, tenant_id, actor_type, actor_id, actor_role, event_type, outcome, resource_type, resource_id,
    request_id, ip_address, user_agent, metadata_json, error_code, created_at
  FROM audit_events
  WHERE tenant_id = $1 AND occurred_at >= $2 AND (occurred_at, id) < ($3, $4)
    AND event_type = $5 AND (CAST($6 AS TEXT) IS NULL OR outcome = $6)
    AND (CAST($7 AS TEXT) IS NULL OR resource_type = $7) AND (CAST($8 AS TEXT) IS NULL OR resource_id = $8)
  ORDER BY occurred_at DESC, id DESC LIMIT $9 OFFSET $10)"};
constexpr Statement kListOfResource{"audit.list_of_resource", R"(
  SELECT id, occurred_at, tenant_id, actor_type, actor_id, actor_role, event_type, outcome, resource_type, resource_id,
    request_id, ip_address, user_agent, metadata_json, error_code, created_at
  FROM audit_events
  WHERE tenant_id = $1 AND occurred_at >= $2 AND (occurred_at, id) < ($3, $4)
    AND (CAST($5 AS TEXT) IS NULL OR event_type = $5) AND (CAST($6 AS TEXT) IS NULL OR outcome = $6)
    AND (CAST($7 AS TEXT) IS NULL OR resource_type = $7) AND resource_id = $8
  ORDER BY occurred_at DESC, id DESC LIMIT $9 OFFSET $10)"};
constexpr Statement kListFailures{"audit.list_failures", R"(
  SELECT id, occurred_at, tenant_id, actor_type, actor_id, actor_role, event_type, outcome, resource_type, resource_id,
    request_id, ip_address, user_agent, metadata_json, error_code, created_at
  FROM audit_events
  WHERE tenant_id = $1 AND occurred_at >= $2 AND (occurred_at, id) < ($3, $4)
    AND (CAST($5 AS TEXT) IS NULL OR event_type = $5) AND outcome = $6 AND outcome = 'failure'
    AND (CAST($7 AS TEXT) IS NULL OR resource_type = $7) AND (CAST($8 AS TEXT) IS NULL OR resource_id = $8)
  ORDER BY occurred_at DESC, id DESC LIMIT $9 OFFSET $10)"};
// $1 is null: it is here for its number.
constexpr Statement kListPlatform{"audit.list_platform", R"(
  SELECT id, occurred_at, tenant_id, actor_type, actor_id, actor_role, event_type, outcome, resource_type, resource_id,
    request_id, ip_address, user_agent, metadata_json, error_code, created_at
  FROM audit_events
  WHERE (tenant_id IS NULL AND CAST($1 AS TEXT) IS NULL) AND occurred_at >= $2 AND (occurred_at, id) < ($3, $4)
    AND (CAST($5 AS TEXT) IS NULL OR event_type = $5) AND (CAST($6 AS TEXT) IS NULL OR outcome = $6)
    AND (CAST($7 AS TEXT) IS NULL OR resource_type = $7) AND (CAST($8 AS TEXT) IS NULL OR resource_id = $8)
  ORDER BY occurred_at DESC, id DESC LIMIT $9 OFFSET $10)"};

constexpr Statement kFind{"audit.find", R"(
  SELECT id, occurred_at, tenant_id, actor_type, actor_id, actor_role, event_type, outcome, resource_type, resource_id,
    request_id, ip_address, user_agent, metadata_json, error_code, created_at
  FROM audit_events WHERE id = $1 AND tenant_id = $2)"};

constexpr Statement kFindPlatform{"audit.find_platform", R"(
  SELECT id, occurred_at, tenant_id, actor_type, actor_id, actor_role, event_type, outcome, resource_type, resource_id,
    request_id, ip_address, user_agent, metadata_json, error_code, created_at
  FROM audit_events WHERE id = $1 AND tenant_id IS NULL)"};

// A loose index scan: one probe per chain, however long each is.
constexpr Statement kChains{"audit.chains", R"(
  WITH RECURSIVE chain(tenant_id) AS (
    SELECT min(tenant_id) FROM audit_chain
    UNION ALL
    SELECT (SELECT min(c.tenant_id) FROM audit_chain c WHERE c.tenant_id > chain.tenant_id)
    FROM chain WHERE chain.tenant_id IS NOT NULL)
  SELECT tenant_id FROM chain WHERE tenant_id IS NOT NULL)"};

constexpr Statement kWalk{"audit.walk", R"(
  SELECT c.seq, c.event_id, c.prev_hash, c.hash, e.id, e.occurred_at, e.tenant_id, e.actor_type, e.actor_id,
    e.actor_role, e.event_type, e.outcome, e.resource_type, e.resource_id, e.request_id, e.ip_address, e.user_agent,
    e.metadata_json, e.error_code, e.created_at
  FROM audit_chain c LEFT JOIN audit_events e ON e.id = c.event_id
  WHERE c.tenant_id = $1 ORDER BY c.seq)"};

constexpr Statement kHashes{"audit.hashes", R"(
  SELECT seq, prev_hash, hash FROM audit_chain WHERE tenant_id = $1 AND seq > $2 ORDER BY seq)"};

constexpr Statement kSeqOfHash{"audit.seq_of_hash", R"(
  SELECT seq FROM audit_chain WHERE tenant_id = $1 AND hash = $2 LIMIT 1)"};

constexpr Statement kHashAt{"audit.hash_at", R"(
  SELECT hash FROM audit_chain WHERE tenant_id = $1 AND seq = $2)"};

constexpr Statement kCountTenant{"audit.count_tenant", R"(
  SELECT count(*) FROM audit_events WHERE tenant_id = $1)"};
constexpr Statement kCountPlatform{"audit.count_platform", R"(
  SELECT count(*) FROM audit_events WHERE tenant_id IS NULL)"};

constexpr Statement kUnlinkedTenant{"audit.unlinked_tenant", R"(
  SELECT min(id) FROM audit_events
  WHERE tenant_id = $1 AND id NOT IN (SELECT event_id FROM audit_chain WHERE tenant_id = $1))"};
constexpr Statement kUnlinkedPlatform{"audit.unlinked_platform", R"(
  SELECT min(id) FROM audit_events
  WHERE tenant_id IS NULL AND id NOT IN (SELECT event_id FROM audit_chain WHERE tenant_id = ''))"};

constexpr Statement kLastCheckpoint{"audit.last_checkpoint", R"(
  SELECT tenant_id, seq, prev_seq, hash, merkle_root, created_at, key_id, signature
  FROM audit_checkpoints WHERE tenant_id = $1 ORDER BY seq DESC LIMIT 1)"};

constexpr Statement kCheckpoints{"audit.checkpoints", R"(
  SELECT tenant_id, seq, prev_seq, hash, merkle_root, created_at, key_id, signature
  FROM audit_checkpoints WHERE tenant_id = $1 ORDER BY seq)"};

constexpr Statement kInsertCheckpoint{"audit.insert_checkpoint", R"(
  INSERT INTO audit_checkpoints (tenant_id, seq, prev_seq, hash, merkle_root, created_at, key_id, signature)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING)"};

constexpr Statement kFirstPresent{"audit.first_present", R"(
  SELECT c.seq FROM audit_chain c JOIN audit_events e ON e.id = c.event_id
  WHERE c.tenant_id = $1 ORDER BY c.seq LIMIT 1)"};

constexpr Statement kFirstYounger{"audit.first_younger", R"(
  SELECT c.seq FROM audit_chain c JOIN audit_events e ON e.id = c.event_id
  WHERE c.tenant_id = $1 AND c.seq >= $2 AND c.seq <= $3 AND e.occurred_at >= $4 ORDER BY c.seq LIMIT 1)"};

constexpr Statement kCheckpointBefore{"audit.checkpoint_before", R"(
  SELECT max(seq) FROM audit_checkpoints WHERE tenant_id = $1 AND seq <= $2)"};

constexpr Statement kPrune{"audit.prune", R"(
  DELETE FROM audit_events WHERE id IN (
    SELECT event_id FROM audit_chain WHERE tenant_id = $1 AND seq >= $2 AND seq <= $3))"};

constexpr const Statement* kAuditStatements[] = {&kInsertEvent,
                                                 &kLockChain,
                                                 &kHead,
                                                 &kLink,
                                                 &kList,
                                                 &kListOfType,
                                                 &kListOfResource,
                                                 &kListFailures,
                                                 &kListPlatform,
                                                 &kFind,
                                                 &kFindPlatform,
                                                 &kChains,
                                                 &kWalk,
                                                 &kHashes,
                                                 &kSeqOfHash,
                                                 &kHashAt,
                                                 &kCountTenant,
                                                 &kCountPlatform,
                                                 &kUnlinkedTenant,
                                                 &kUnlinkedPlatform,
                                                 &kLastCheckpoint,
                                                 &kCheckpoints,
                                                 &kInsertCheckpoint,
                                                 &kFirstPresent,
                                                 &kFirstYounger,
                                                 &kCheckpointBefore,
                                                 &kPrune};

/// Bounds that every stored time lies between and that both engines can bind.
constexpr Timestamp kEarliest{0};
constexpr Timestamp kLatest{253'402'300'799'000'000};

Digest digest_of(std::span<const std::byte> blob) {
  Digest digest{};
  std::copy_n(blob.begin(), std::min(blob.size(), digest.size()), digest.begin());
  return digest;
}

std::span<const std::byte> blob_of(const Digest& digest) {
  return digest;
}

std::optional<std::string_view> optional_text(const db::Cursor& row, int column) {
  if (row.is_null(column)) return std::nullopt;
  return row.text(column);
}

StoredEvent stored_event(const db::Cursor& row) {
  return {.id = row.i64(0),
          .occurred_at = row.time(1),
          .tenant_id = row.opt_str(2),
          .actor_type = row.str(3),
          .actor_id = row.opt_str(4),
          .actor_role = row.opt_str(5),
          .event_type = row.str(6),
          .outcome = row.str(7),
          .resource_type = row.opt_str(8),
          .resource_id = row.opt_str(9),
          .request_id = row.opt_str(10),
          .ip_address = row.opt_str(11),
          .user_agent = row.opt_str(12),
          .metadata_json = row.opt_str(13),
          .error_code = row.opt_str(14),
          .created_at = row.time(15)};
}

std::vector<StoredEvent> list_by(db::Snapshot& db, const Statement& statement, std::optional<std::string_view> tenant,
                                 const EventFilter& filter, const Page& page) {
  // A cursor lies within its own list, so it is never later than `to`.
  const Position before =
      page.after.value_or(Position{filter.to.value_or(kLatest), std::numeric_limits<std::int64_t>::max()});
  auto rows =
      db.query(statement, tenant, filter.from.value_or(kEarliest), before.occurred_at, before.id, filter.event_type,
               filter.outcome, filter.resource_type, filter.resource_id, page.limit, page.offset);
  std::vector<StoredEvent> events;
  while (rows.next()) events.push_back(stored_event(rows));
  return events;
}

}  // namespace

std::int64_t AuditRepository::insert(db::Tx& tx, const RowView& row) const {
  const auto metadata = row.metadata_json ? std::optional(db::Json{*row.metadata_json}) : std::nullopt;
  auto inserted = tx.query(kInsertEvent, row.occurred_at, row.tenant_id, row.actor_type, row.actor_id, row.actor_role,
                           row.event_type, row.outcome, row.resource_type, row.resource_id, row.request_id,
                           row.ip_address, row.user_agent, metadata, row.error_code, row.created_at);
  if (!inserted.next()) throw db::Error(db::ErrorCode::kOther, "audit event was not inserted");
  return inserted.i64(0);
}

Head AuditRepository::head(db::Snapshot& db, std::string_view chain) const {
  auto row = db.query(kHead, chain);
  if (!row.next()) return {};
  return {row.i64(0), digest_of(row.blob(1))};
}

Head AuditRepository::take_head(db::Tx& tx, std::string_view chain) const {
  (void)tx.query(kLockChain, std::string("audit:").append(chain)).next();
  return head(tx, chain);
}

void AuditRepository::link(db::Tx& tx, std::string_view chain, const Link& link) const {
  tx.exec(kLink, chain, link.seq, link.event_id, blob_of(link.prev_hash), blob_of(link.hash));
}

std::vector<StoredEvent> AuditRepository::list(db::Snapshot& db, const TenantScope& tenant, const EventFilter& filter,
                                               const Page& page) const {
  // The filter that keeps the fewest rows leads.
  const Statement& statement = filter.resource_id            ? kListOfResource
                               : filter.event_type           ? kListOfType
                               : filter.outcome == "failure" ? kListFailures
                                                             : kList;
  return list_by(db, statement, tenant.id(), filter, page);
}

std::vector<StoredEvent> AuditRepository::list_platform(db::Snapshot& db, const EventFilter& filter,
                                                        const Page& page) const {
  return list_by(db, kListPlatform, std::nullopt, filter, page);
}

std::optional<StoredEvent> AuditRepository::find(db::Snapshot& db, const TenantScope& tenant, std::int64_t id) const {
  auto row = db.query(kFind, id, tenant.id());
  if (!row.next()) return std::nullopt;
  return stored_event(row);
}

std::optional<StoredEvent> AuditRepository::find_platform(db::Snapshot& db, std::int64_t id) const {
  auto row = db.query(kFindPlatform, id);
  if (!row.next()) return std::nullopt;
  return stored_event(row);
}

std::vector<std::string> AuditRepository::chains(db::Snapshot& db) const {
  auto rows = db.query(kChains);
  std::vector<std::string> names;
  while (rows.next()) names.push_back(rows.str(0));
  return names;
}

db::Cursor AuditRepository::walk(db::Snapshot& db, std::string_view chain) const {
  return db.query(kWalk, chain);
}

db::Cursor AuditRepository::hashes(db::Snapshot& db, std::string_view chain, std::int64_t after_seq) const {
  return db.query(kHashes, chain, after_seq);
}

std::optional<std::int64_t> AuditRepository::seq_of_hash(db::Snapshot& db, std::string_view chain,
                                                         const Digest& hash) const {
  auto row = db.query(kSeqOfHash, chain, blob_of(hash));
  if (!row.next()) return std::nullopt;
  return row.i64(0);
}

std::optional<Digest> AuditRepository::hash_at(db::Snapshot& db, std::string_view chain, std::int64_t seq) const {
  auto row = db.query(kHashAt, chain, seq);
  if (!row.next()) return std::nullopt;
  return digest_of(row.blob(0));
}

std::int64_t AuditRepository::count_events(db::Snapshot& db, std::string_view chain) const {
  auto row = chain.empty() ? db.query(kCountPlatform) : db.query(kCountTenant, chain);
  return row.next() ? row.i64(0) : 0;
}

std::optional<std::int64_t> AuditRepository::unlinked_event(db::Snapshot& db, std::string_view chain) const {
  auto row = chain.empty() ? db.query(kUnlinkedPlatform) : db.query(kUnlinkedTenant, chain);
  return row.next() ? row.opt_i64(0) : std::nullopt;
}

std::optional<Checkpoint> AuditRepository::last_checkpoint(db::Snapshot& db, std::string_view chain) const {
  auto row = db.query(kLastCheckpoint, chain);
  if (!row.next()) return std::nullopt;
  return checkpoint_of(row);
}

db::Cursor AuditRepository::checkpoints(db::Snapshot& db, std::string_view chain) const {
  return db.query(kCheckpoints, chain);
}

Checkpoint AuditRepository::checkpoint_of(const db::Cursor& row) {
  return {.tenant_id = row.str(0),
          .seq = row.i64(1),
          .prev_seq = row.i64(2),
          .hash = digest_of(row.blob(3)),
          .merkle_root = digest_of(row.blob(4)),
          .created_at = row.time(5),
          .key_id = row.str(6),
          .signature = std::string(as_text(row.blob(7)))};
}

bool AuditRepository::insert_checkpoint(db::Tx& tx, const Checkpoint& checkpoint) const {
  return tx.exec(kInsertCheckpoint, checkpoint.tenant_id, checkpoint.seq, checkpoint.prev_seq, blob_of(checkpoint.hash),
                 blob_of(checkpoint.merkle_root), checkpoint.created_at, checkpoint.key_id,
                 as_bytes(checkpoint.signature)) == 1;
}

std::optional<std::int64_t> AuditRepository::first_present(db::Snapshot& db, std::string_view chain) const {
  auto row = db.query(kFirstPresent, chain);
  if (!row.next()) return std::nullopt;
  return row.i64(0);
}

std::int64_t AuditRepository::last_older(db::Snapshot& db, std::string_view chain, Timestamp cutoff,
                                         std::int64_t from_seq, std::int64_t limit_seq) const {
  auto row = db.query(kFirstYounger, chain, from_seq, limit_seq, cutoff);
  return row.next() ? row.i64(0) - 1 : limit_seq;
}

std::int64_t AuditRepository::checkpoint_before(db::Snapshot& db, std::string_view chain, std::int64_t seq) const {
  auto row = db.query(kCheckpointBefore, chain, seq);
  return row.next() ? row.opt_i64(0).value_or(0) : 0;
}

std::int64_t AuditRepository::prune(db::Tx& tx, std::string_view chain, std::int64_t from_seq,
                                    std::int64_t through_seq) const {
  return tx.exec(kPrune, chain, from_seq, through_seq);
}

ChainRow chain_row(const db::Cursor& cursor) {
  ChainRow out{.link = {cursor.i64(0), cursor.i64(1), digest_of(cursor.blob(2)), digest_of(cursor.blob(3))}, .row = {}};
  if (cursor.is_null(4)) return out;
  out.row = RowView{.id = cursor.i64(4),
                    .occurred_at = cursor.time(5),
                    .tenant_id = optional_text(cursor, 6),
                    .actor_type = cursor.text(7),
                    .actor_id = optional_text(cursor, 8),
                    .actor_role = optional_text(cursor, 9),
                    .event_type = cursor.text(10),
                    .outcome = cursor.text(11),
                    .resource_type = optional_text(cursor, 12),
                    .resource_id = optional_text(cursor, 13),
                    .request_id = optional_text(cursor, 14),
                    .ip_address = optional_text(cursor, 15),
                    .user_agent = optional_text(cursor, 16),
                    .metadata_json = optional_text(cursor, 17),
                    .error_code = optional_text(cursor, 18),
                    .created_at = cursor.time(19)};
  return out;
}

db::StatementList audit_statements() {
  return kAuditStatements;
}

}  // namespace nexus::audit

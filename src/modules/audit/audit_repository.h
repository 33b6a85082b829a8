#pragma once

#include "base/principal.h"
#include "db/database.h"
#include "modules/audit/audit_types.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace nexus::audit {

/// A row as it was read, owning its text.
struct StoredEvent {
  std::int64_t id = 0;
  Timestamp occurred_at;
  std::optional<std::string> tenant_id;
  std::string actor_type;
  std::optional<std::string> actor_id;
  std::optional<std::string> actor_role;
  std::string event_type;
  std::string outcome;
  std::optional<std::string> resource_type;
  std::optional<std::string> resource_id;
  std::optional<std::string> request_id;
  std::optional<std::string> ip_address;
  std::optional<std::string> user_agent;
  std::optional<std::string> metadata_json;
  std::optional<std::string> error_code;
  Timestamp created_at;
};

/// A place between two rows of a list: the next page starts behind it.
struct Position {
  Timestamp occurred_at;
  std::int64_t id = 0;
};

/// What a list shows. All texts match exactly; both times are inclusive.
struct EventFilter {
  std::optional<std::string> event_type;
  std::optional<std::string> outcome;
  std::optional<std::string> resource_type;
  std::optional<std::string> resource_id;
  std::optional<Timestamp> from;
  std::optional<Timestamp> to;
};

/// The part of a list to read. `after` and `offset` exclude each other.
struct Page {
  std::optional<Position> after;  ///< of the same filter
  std::int64_t offset = 0;
  std::int64_t limit = 50;
};

/// All SQL of the room. `chain` is a tenant id, or '' for the platform chain. Throws db::Error.
class AuditRepository {
 public:
  /// Returns the id that the row was given; `row.id` is ignored.
  [[nodiscard]] std::int64_t insert(db::Tx& tx, const RowView& row) const;
  [[nodiscard]] Head head(db::Snapshot& db, std::string_view chain) const;
  /// The same, kept as it is for everybody else until the transaction ends: whoever appends starts here.
  [[nodiscard]] Head take_head(db::Tx& tx, std::string_view chain) const;
  void link(db::Tx& tx, std::string_view chain, const Link& link) const;

  /// Newest first, by (occurred_at, id). The same time at any depth; with a filter that has no index of its own
  /// (resource_type), in proportion to how rare it is.
  [[nodiscard]] std::vector<StoredEvent> list(db::Snapshot& db, const TenantScope& tenant, const EventFilter& filter,
                                              const Page& page) const;
  [[nodiscard]] std::optional<StoredEvent> find(db::Snapshot& db, const TenantScope& tenant, std::int64_t id) const;

  /// The same of events without a tenant, for platform operators only.
  [[nodiscard]] std::vector<StoredEvent> list_platform(db::Snapshot& db, const EventFilter& filter,
                                                       const Page& page) const;
  [[nodiscard]] std::optional<StoredEvent> find_platform(db::Snapshot& db, std::int64_t id) const;

  /// Every chain that has links, the platform's included.
  [[nodiscard]] std::vector<std::string> chains(db::Snapshot& db) const;
  /// Links with their rows in order of seq; columns as in `chain_row`.
  [[nodiscard]] db::Cursor walk(db::Snapshot& db, std::string_view chain) const;
  /// seq, prev_hash, hash of the links behind `after_seq`, in order.
  [[nodiscard]] db::Cursor hashes(db::Snapshot& db, std::string_view chain, std::int64_t after_seq) const;
  /// Seq of the link that has this hash; a scan, for diagnosis only.
  [[nodiscard]] std::optional<std::int64_t> seq_of_hash(db::Snapshot& db, std::string_view chain,
                                                        const Digest& hash) const;
  [[nodiscard]] std::optional<Digest> hash_at(db::Snapshot& db, std::string_view chain, std::int64_t seq) const;
  [[nodiscard]] std::int64_t count_events(db::Snapshot& db, std::string_view chain) const;
  /// The first event of the tenant that no link points to; a scan, for diagnosis only.
  [[nodiscard]] std::optional<std::int64_t> unlinked_event(db::Snapshot& db, std::string_view chain) const;

  [[nodiscard]] std::optional<Checkpoint> last_checkpoint(db::Snapshot& db, std::string_view chain) const;
  /// In order of seq; read with `checkpoint_of`.
  [[nodiscard]] db::Cursor checkpoints(db::Snapshot& db, std::string_view chain) const;
  [[nodiscard]] static Checkpoint checkpoint_of(const db::Cursor& row);
  /// False when another process wrote a checkpoint behind the same predecessor first.
  [[nodiscard]] bool insert_checkpoint(db::Tx& tx, const Checkpoint& checkpoint) const;

  /// Seq of the first link whose event is still there; empty when there is none.
  [[nodiscard]] std::optional<std::int64_t> first_present(db::Snapshot& db, std::string_view chain) const;
  /// The last seq in [from_seq, limit_seq] such that all events from from_seq up to it are older than `cutoff`;
  /// from_seq - 1 when the first is younger.
  [[nodiscard]] std::int64_t last_older(db::Snapshot& db, std::string_view chain, Timestamp cutoff,
                                        std::int64_t from_seq, std::int64_t limit_seq) const;
  /// Seq of the last checkpoint at or before `seq`; 0 when there is none.
  [[nodiscard]] std::int64_t checkpoint_before(db::Snapshot& db, std::string_view chain, std::int64_t seq) const;
  /// Deletes the events that the links from_seq … through_seq point to; the links stay. Returns how many.
  [[nodiscard]] std::int64_t prune(db::Tx& tx, std::string_view chain, std::int64_t from_seq,
                                   std::int64_t through_seq) const;
};

/// A link and, unless it was pruned or removed, the row it points to. Borrows the cursor's current row.
struct ChainRow {
  Link link;
  std::optional<RowView> row;
};
[[nodiscard]] ChainRow chain_row(const db::Cursor& cursor);

[[nodiscard]] db::StatementList audit_statements();

}  // namespace nexus::audit

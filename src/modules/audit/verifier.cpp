#include "modules/audit/verifier.h"

#include "base/encoding.h"
#include "crypto/merkle.h"
#include "json/json.h"
#include "modules/audit/canonical_row.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace nexus::audit {

std::string_view to_string(Damage damage) {
  switch (damage) {
    case Damage::kAltered:
      return "altered";
    case Damage::kMissing:
      return "missing";
    case Damage::kInserted:
      return "inserted";
    case Damage::kReordered:
      return "reordered";
    case Damage::kCheckpoint:
      return "checkpoint";
  }
  return "altered";
}

/// One pass over one chain; the report grows until a problem ends it.
class ChainVerifier::Walk {
 public:
  Walk(const ChainVerifier& verifier, db::Snapshot& db, std::string_view chain)
      : repository_(verifier.repository_),
        checkpoints_(verifier.checkpoints_),
        db_(db),
        chain_(chain),
        stored_(repository_.checkpoints(db, chain)),
        published_(checkpoints_.published(chain)) {
    report_.tenant_id = chain;
    advance_stored();
  }

  VerifyReport run() {
    auto rows = repository_.walk(db_, chain_);
    while (!report_.problem && rows.next()) check_link(chain_row(rows));
    if (!report_.problem) check_checkpoints_beyond_head();
    if (!report_.problem) check_pruned();
    if (!report_.problem) check_unlinked();
    return std::move(report_);
  }

 private:
  void fail(Damage damage, std::optional<std::int64_t> seq, std::optional<std::int64_t> event_id, std::string message) {
    if (!report_.problem) report_.problem = Problem{damage, seq, event_id, std::move(message)};
  }

  void check_link(const ChainRow& at) {
    if (at.link.seq != report_.head.seq + 1) {
      fail(Damage::kMissing, report_.head.seq + 1, std::nullopt,
           fmt::format("the link {} is missing", report_.head.seq + 1));
    } else if (at.link.prev_hash != report_.head.hash) {
      diagnose_order(at);
    } else if (at.row) {
      check_row(at);
    } else {
      check_absent(at);
    }
    if (report_.problem) return;
    last_event_id_ = at.link.event_id;
    report_.head = {at.link.seq, at.link.hash};
    tree_.add(crypto::merkle_leaf(as_text(at.link.hash)));
    check_checkpoints_at(at.link);
  }

  void check_row(const ChainRow& at) {
    if (matches(at.link.prev_hash, at.link.hash, *at.row)) {
      ++report_.events_checked;
      if (at.row->event_type == "audit.pruned") remember_prune(*at.row);
      return;
    }
    if (const auto other = link_that_fits(*at.row); other && *other != at.link.seq) {
      fail(Damage::kReordered, at.link.seq, at.link.event_id,
           fmt::format("link {} points to event {}, which was written as number {}", at.link.seq, at.link.event_id,
                       *other));
    } else {
      fail(Damage::kAltered, at.link.seq, at.link.event_id,
           fmt::format("event {} does not hash to link {}", at.link.event_id, at.link.seq));
    }
  }

  void check_absent(const ChainRow& at) {
    if (report_.events_checked == 0) {
      ++report_.events_pruned;  // judged at the end, when the record of the pruning has been seen
      first_absent_ = first_absent_ ? first_absent_ : std::optional(at.link.event_id);
      return;
    }
    fail(Damage::kMissing, at.link.seq, at.link.event_id,
         fmt::format("event {} of link {} is missing", at.link.event_id, at.link.seq));
  }

  /// The link does not continue the one before it.
  void diagnose_order(const ChainRow& at) {
    const std::int64_t seq = at.link.seq;
    const auto predecessor = repository_.seq_of_hash(db_, chain_, at.link.prev_hash);
    const bool from_start = at.link.prev_hash == Digest{};
    if (seq >= 2 && ((predecessor && *predecessor == seq - 2) || (seq == 2 && from_start))) {
      fail(Damage::kInserted, seq - 1, last_event_id_,
           fmt::format("event {} was pushed in as number {}", last_event_id_, seq - 1));
    } else if (predecessor || from_start) {
      fail(Damage::kReordered, seq, at.link.event_id,
           fmt::format("event {} is not in its place at link {}", at.link.event_id, seq));
    } else if (at.row && matches(at.link.prev_hash, at.link.hash, *at.row)) {
      fail(Damage::kMissing, seq, std::nullopt, fmt::format("an event before event {} is missing", at.link.event_id));
    } else {
      fail(Damage::kAltered, seq, at.link.event_id, fmt::format("link {} was altered", seq));
    }
  }

  bool matches(const Digest& prev_hash, const Digest& hash, RowView row) {
    if (link_hash(prev_hash, row, scratch_) == hash) return true;
    if (!row.metadata_json) return false;
    // An engine that keeps JSON in a form of its own returns other bytes for the same value.
    std::string metadata;
    try {
      metadata = json::canonical(json::parse(*row.metadata_json));
    } catch (const std::exception&) {
      return false;  // not JSON any more: altered
    }
    row.metadata_json = metadata;
    return link_hash(prev_hash, row, scratch_) == hash;
  }

  std::optional<std::int64_t> link_that_fits(const RowView& row) {
    auto links = repository_.hashes(db_, chain_, 0);
    while (links.next()) {
      Digest prev{};
      Digest hash{};
      std::copy_n(links.blob(1).begin(), std::min(links.blob(1).size(), prev.size()), prev.begin());
      std::copy_n(links.blob(2).begin(), std::min(links.blob(2).size(), hash.size()), hash.begin());
      if (matches(prev, hash, row)) return links.i64(0);
    }
    return std::nullopt;
  }

  void advance_stored() {
    next_stored_.reset();
    if (stored_.next()) next_stored_ = AuditRepository::checkpoint_of(stored_);
  }

  void check_checkpoints_at(const Link& link) {
    for (; next_published_ < published_.size() && published_[next_published_].seq <= link.seq; ++next_published_)
      check_published(published_[next_published_], link);
    if (!next_stored_ || next_stored_->seq > link.seq) return;
    const Checkpoint& checkpoint = *next_stored_;
    if (!checkpoints_.is_authentic(checkpoint)) {
      fail(Damage::kCheckpoint, checkpoint.seq, std::nullopt,
           fmt::format("the checkpoint at {} has no valid signature", checkpoint.seq));
    } else if (checkpoint.hash != link.hash || checkpoint.prev_seq != report_.checkpoint_seq ||
               checkpoint.merkle_root != tree_.root()) {
      fail(Damage::kCheckpoint, checkpoint.seq, link.event_id,
           fmt::format("the chain between {} and {} is not the one that was signed", report_.checkpoint_seq + 1,
                       checkpoint.seq));
    } else {
      ++report_.checkpoints_checked;
      report_.checkpoint_seq = checkpoint.seq;
      tree_ = {};
      advance_stored();
    }
  }

  void check_published(const Checkpoint& checkpoint, const Link& link) {
    if (!checkpoints_.is_authentic(checkpoint)) {
      fail(Damage::kCheckpoint, checkpoint.seq, std::nullopt,
           fmt::format("the checkpoint file for {} is not authentic", checkpoint.seq));
    } else if (checkpoint.seq == link.seq && checkpoint.hash != link.hash) {
      fail(Damage::kCheckpoint, checkpoint.seq, link.event_id,
           fmt::format("the chain up to {} is not the one of the checkpoint file", checkpoint.seq));
    }
  }

  void check_checkpoints_beyond_head() {
    if (next_stored_ || next_published_ < published_.size()) {
      const std::int64_t seq = next_stored_ ? next_stored_->seq : published_[next_published_].seq;
      fail(Damage::kMissing, report_.head.seq + 1, std::nullopt,
           fmt::format("the chain ends at {}, but a checkpoint names {}", report_.head.seq, seq));
    }
  }

  void remember_prune(const RowView& row) {
    const auto metadata = json::parse(row.metadata_json.value_or("{}"));
    const auto* object = metadata.if_object();
    const auto* through = object != nullptr ? object->if_contains("through_seq") : nullptr;
    if (through != nullptr && through->is_int64()) pruned_through_ = std::max(pruned_through_, through->get_int64());
  }

  void check_pruned() {
    if (report_.events_pruned > pruned_through_) {
      const std::int64_t seq = pruned_through_ + 1;
      fail(Damage::kMissing, seq, pruned_through_ == 0 ? first_absent_ : std::nullopt,
           fmt::format("the events {} to {} are missing and no pruning accounts for them", seq, report_.events_pruned));
    }
  }

  void check_unlinked() {
    if (repository_.count_events(db_, chain_) == report_.events_checked) return;
    const auto event_id = repository_.unlinked_event(db_, chain_);
    if (event_id)
      fail(Damage::kInserted, std::nullopt, event_id, fmt::format("event {} belongs to no link", *event_id));
    else
      fail(Damage::kInserted, std::nullopt, std::nullopt, "two links share an event");
  }

  const AuditRepository& repository_;
  const Checkpoints& checkpoints_;
  db::Snapshot& db_;
  std::string_view chain_;
  db::Cursor stored_;
  std::optional<Checkpoint> next_stored_;
  std::vector<Checkpoint> published_;
  std::size_t next_published_ = 0;
  VerifyReport report_;
  crypto::MerkleTree tree_;  ///< since the last checkpoint
  std::int64_t last_event_id_ = 0;
  std::int64_t pruned_through_ = 0;
  std::optional<std::int64_t> first_absent_;
  std::string scratch_;
};

VerifyReport ChainVerifier::verify(db::Snapshot& db, std::string_view chain) const {
  return Walk(*this, db, chain).run();
}

}  // namespace nexus::audit

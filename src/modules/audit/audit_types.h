#pragma once

#include "base/time.h"
#include "crypto/hash.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace nexus::audit {

using crypto::Digest;

/// All columns of one audit_events row, borrowed. What is hashed, stored and shown is made from this one shape.
struct RowView {
  std::int64_t id = 0;
  Timestamp occurred_at;
  std::optional<std::string_view> tenant_id;
  std::string_view actor_type;
  std::optional<std::string_view> actor_id;
  std::optional<std::string_view> actor_role;
  std::string_view event_type;
  std::string_view outcome;  ///< "success" or "failure"
  std::optional<std::string_view> resource_type;
  std::optional<std::string_view> resource_id;
  std::optional<std::string_view> request_id;
  std::optional<std::string_view> ip_address;
  std::optional<std::string_view> user_agent;
  std::optional<std::string_view> metadata_json;  ///< canonical JSON text of an object
  std::optional<std::string_view> error_code;
  Timestamp created_at;
};

/// One link of a tenant's chain: hash = SHA-256(0x00 ‖ prev_hash ‖ canonical(row)), seq from 1 without gaps.
struct Link {
  std::int64_t seq = 0;
  std::int64_t event_id = 0;
  Digest prev_hash{};
  Digest hash{};
};

/// Where a chain ends. An empty chain has seq 0 and a hash of zeros, which is the prev_hash of its first link.
struct Head {
  std::int64_t seq = 0;
  Digest hash{};
};

/// A signed statement that a chain had this head at this time.
struct Checkpoint {
  std::string tenant_id;  ///< '' is the platform chain
  std::int64_t seq = 0;
  std::int64_t prev_seq = 0;  ///< seq of the checkpoint before, 0 for the first
  Digest hash{};
  Digest merkle_root{};  ///< RFC 6962 tree over the hashes of prev_seq+1 … seq
  Timestamp created_at;
  std::string key_id;
  std::string signature;  ///< 64 bytes, Ed25519 over signed_text()
};

/// What is wrong with a chain; the first such place is reported.
enum class Damage : std::uint8_t {
  kAltered,     ///< a row no longer hashes to its link
  kMissing,     ///< an event or its link was removed
  kInserted,    ///< an event that the chain does not know, or a link pushed between two others
  kReordered,   ///< links or the events they point to changed places
  kCheckpoint,  ///< a checkpoint is forged, altered, or contradicts the chain
};
[[nodiscard]] std::string_view to_string(Damage damage);

struct Problem {
  Damage damage = Damage::kAltered;
  std::optional<std::int64_t> seq;
  std::optional<std::int64_t> event_id;
  std::string message;
};

struct VerifyReport {
  std::string tenant_id;            ///< '' is the platform chain
  std::int64_t events_checked = 0;  ///< rows whose hash was computed again
  std::int64_t events_pruned = 0;   ///< links whose rows were pruned behind a checkpoint
  std::int64_t checkpoints_checked = 0;
  std::int64_t checkpoint_seq = 0;  ///< of the last valid checkpoint; 0 when there is none
  Head head;
  std::optional<Problem> problem;

  [[nodiscard]] bool valid() const { return !problem.has_value(); }
};

}  // namespace nexus::audit

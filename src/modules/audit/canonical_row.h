#pragma once

#include "modules/audit/audit_types.h"

#include <string>

namespace nexus::audit {

/// Appends the RFC 8785 form of a row: the JSON object that `GET /v1/audit/events/{id}` shows, keys sorted. So anybody
/// who holds the answers and the chain can check the hashes. `metadata_json` must be canonical already. Text must be
/// valid UTF-8.
void append_canonical(std::string& out, const RowView& row);

/// SHA-256(0x00 ‖ prev_hash ‖ canonical). `scratch` is overwritten; pass the same string again to save allocations.
[[nodiscard]] Digest link_hash(const Digest& prev_hash, const RowView& row, std::string& scratch);

}  // namespace nexus::audit

#include "modules/audit/canonical_row.h"

#include "base/time.h"
#include "crypto/hash.h"
#include "json/json.h"

namespace nexus::audit {
namespace {

void append_optional(std::string& out, std::string_view key, const std::optional<std::string_view>& text) {
  out.append(key);
  if (text) {
    json::append_string(out, *text);
  } else {
    out.append("null");
  }
}

void append_quoted(std::string& out, std::string_view key, std::string_view text) {
  out.append(key);
  json::append_string(out, text);
}

}  // namespace

void append_canonical(std::string& out, const RowView& row) {
  append_optional(out, R"({"actor_id":)", row.actor_id);
  append_optional(out, R"(,"actor_role":)", row.actor_role);
  append_quoted(out, R"(,"actor_type":)", row.actor_type);
  append_quoted(out, R"(,"created_at":)", iso(row.created_at));
  append_optional(out, R"(,"error_code":)", row.error_code);
  append_quoted(out, R"(,"event_type":)", row.event_type);
  out.append(R"(,"id":)");
  json::append_int(out, row.id);
  append_optional(out, R"(,"ip_address":)", row.ip_address);
  out.append(R"(,"metadata_json":)").append(row.metadata_json.value_or("null"));
  append_quoted(out, R"(,"occurred_at":)", iso(row.occurred_at));
  append_quoted(out, R"(,"outcome":)", row.outcome);
  append_optional(out, R"(,"request_id":)", row.request_id);
  append_optional(out, R"(,"resource_id":)", row.resource_id);
  append_optional(out, R"(,"resource_type":)", row.resource_type);
  append_optional(out, R"(,"tenant_id":)", row.tenant_id);
  append_optional(out, R"(,"user_agent":)", row.user_agent);
  out.push_back('}');
}

Digest link_hash(const Digest& prev_hash, const RowView& row, std::string& scratch) {
  scratch.assign(1, '\0');
  scratch.append(reinterpret_cast<const char*>(prev_hash.data()), prev_hash.size());
  append_canonical(scratch, row);
  return crypto::sha256(scratch);
}

}  // namespace nexus::audit

#include "modules/audit/prepared_row.h"

#include "modules/audit/redaction.h"
#include "text/utf8.h"

namespace nexus::audit {
namespace {

// Longest stored text in bytes. Ids of this product are far shorter; what exceeds the bound came from a client.
constexpr std::size_t kMostId = 256;
constexpr std::size_t kMostAgent = 512;
constexpr std::size_t kMostAddress = 64;

}  // namespace

PreparedRow::PreparedRow(const Event& event, Timestamp now) {
  view_.occurred_at = event.occurred_at.us != 0 ? event.occurred_at : now;
  if (event.tenant_id && !event.tenant_id->empty())
    view_.tenant_id = clean(std::string_view(*event.tenant_id), kMostId, false);
  view_.actor_type = clean(std::string_view(event.actor_type), kMostId, false);
  view_.actor_id = clean(event.actor_id, kMostId, true);
  view_.actor_role = clean(event.actor_role, kMostId);
  view_.event_type = clean(std::string_view(event.event_type), kMostId, false);
  view_.outcome = event.success ? "success" : "failure";
  view_.resource_type = clean(event.resource_type, kMostId);
  view_.resource_id = clean(event.resource_id, kMostAgent, true);
  view_.request_id = clean(event.request_id, kMostId, true);
  view_.ip_address = clean(event.ip_address, kMostAddress);
  view_.user_agent = clean(event.user_agent, kMostAgent, true);
  if (!event.metadata.empty()) {
    append_metadata(metadata_, event.event_type, event.metadata);
    view_.metadata_json = metadata_;
  }
  view_.error_code = clean(event.error_code, kMostId);
  view_.created_at = now;
}

std::string_view PreparedRow::clean(std::string_view text, std::size_t most, bool detect) {
  const bool fits = text.size() <= most;
  if (fits && text::is_valid_utf8(text) && text.find('\0') == std::string_view::npos && !(detect && has_secret(text)))
    return text;
  if (!fits) {
    while (most > 0 && (static_cast<unsigned char>(text[most]) & 0xC0) == 0x80) --most;
    text = text.substr(0, most);
  }
  std::string& fixed = repaired_.at(repaired_count_++);
  fixed = text::replace_invalid(text);
  if (detect) fixed = mask_secrets(fixed);
  for (std::size_t at = fixed.find('\0'); at != std::string::npos; at = fixed.find('\0', at)) {
    fixed.replace(at, 1, "\xEF\xBF\xBD");
  }
  return fixed;
}

std::optional<std::string_view> PreparedRow::clean(const std::optional<std::string>& text, std::size_t most,
                                                   bool detect) {
  if (!text) return std::nullopt;
  return clean(std::string_view(*text), most, detect);
}

}  // namespace nexus::audit

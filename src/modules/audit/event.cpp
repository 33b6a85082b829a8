#include "modules/audit/ports.h"

namespace nexus::audit {

Event event_of(const http::Call& call, std::string_view event_type) {
  const Principal& principal = call.principal();
  Event event{.occurred_at = call.now,
              .tenant_id = principal.tenant_id,
              // The contract's "K": whoever acts through a key, the development bypass included.
              .actor_type = principal.method == AuthMethod::kSsoSession ? "sso_session" : "api_key",
              .actor_id = principal.credential_id,
              .actor_role = std::string(to_string(principal.role)),
              .event_type = std::string(event_type),
              .request_id = call.request_id,
              .ip_address = call.request.client_ip};
  if (const std::string* agent = call.request.header("user-agent")) event.user_agent = *agent;
  return event;
}

}  // namespace nexus::audit

#include "modules/plans/actor.h"

#include <utility>

namespace nexus::plans {

Actor Actor::of(const http::Call& call) {
  return Actor(audit::event_of(call, {}));
}

Actor Actor::tool(std::string name) {
  audit::Event base;
  base.actor_type = "system";
  base.actor_id = std::move(name);
  return Actor(std::move(base));
}

audit::Event Actor::event(std::string_view type, const TenantScope& affected, Timestamp now) const {
  audit::Event event = base_;
  event.occurred_at = now;
  event.event_type = type;
  if (base_.tenant_id && *base_.tenant_id != affected.id()) event.metadata["operator_tenant"] = *base_.tenant_id;
  event.tenant_id = affected.id();
  return event;
}

}  // namespace nexus::plans

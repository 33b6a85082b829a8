#pragma once

#include "base/principal.h"
#include "base/time.h"
#include "http/call.h"
#include "modules/audit/ports.h"

#include <optional>
#include <string>
#include <string_view>

namespace nexus::plans {

/// Who changes a tenant's plan, as the audit row tells it: a caller, or a tool at the command line.
class Actor {
 public:
  [[nodiscard]] static Actor of(const http::Call& call);
  [[nodiscard]] static Actor tool(std::string name);

  [[nodiscard]] const std::optional<std::string>& id() const { return base_.actor_id; }
  /// An event in the chain of the tenant that is affected, which may see what is done to it. When the caller belongs to
  /// another tenant, metadata.operator_tenant names that one.
  [[nodiscard]] audit::Event event(std::string_view type, const TenantScope& affected, Timestamp now) const;

 private:
  explicit Actor(audit::Event base) : base_(std::move(base)) {}

  audit::Event base_;
};

}  // namespace nexus::plans

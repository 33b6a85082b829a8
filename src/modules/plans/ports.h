#pragma once

#include "base/principal.h"

#include <optional>
#include <string>
#include <string_view>

namespace nexus::plans {

/// What a tenant's plan and overrides allow (contract 01 §8). Answers from a cached, versioned snapshot; a change is
/// effective on the next request. Blocks on the database only when the snapshot is missing.
class Entitlements {
 public:
  virtual ~Entitlements() = default;
  [[nodiscard]] virtual bool enabled(const TenantScope& tenant, std::string_view feature_key) = 0;
  /// Throws 403 FEATURE_NOT_ENABLED, or COST_FEATURE_NOT_ENABLED for the three cost features, with `feature_key`.
  virtual void require(const TenantScope& tenant, std::string_view feature_key) = 0;
  [[nodiscard]] virtual std::string plan_id(const TenantScope& tenant) = 0;
};

}  // namespace nexus::plans

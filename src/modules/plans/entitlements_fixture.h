#pragma once

#include "base/errors.h"
#include "modules/plans/plans_types.h"
#include "modules/plans/ports.h"

#include <set>
#include <string>
#include <string_view>

/// For the tests of rooms that ask for features.
namespace nexus::plans {

/// Everything is on, except what a test switches off.
class StubEntitlements final : public Entitlements {
 public:
  std::set<std::string, std::less<>> off;

  [[nodiscard]] bool enabled(const TenantScope&, std::string_view feature_key) override {
    return !off.contains(feature_key);
  }
  void require(const TenantScope& tenant, std::string_view feature_key) override {
    if (!enabled(tenant, feature_key))
      throw ApiError(errors::kFeatureNotEnabled, std::string(errors::kFeatureNotEnabled.message),
                     {{"feature_key", feature_key}});
  }
  [[nodiscard]] std::string plan_id(const TenantScope&) override { return "enterprise"; }
};

}  // namespace nexus::plans

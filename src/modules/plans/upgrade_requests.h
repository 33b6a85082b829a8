#pragma once

#include "base/time.h"
#include "db/database.h"
#include "modules/audit/ports.h"
#include "modules/billing/ports.h"
#include "modules/plans/actor.h"
#include "modules/plans/plans_repository.h"
#include "modules/plans/plans_service.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace nexus::plans {

struct RequestFilter {
  std::optional<TenantScope> tenant;  ///< empty: all tenants, for operators only
  std::optional<std::string> status;
  std::int64_t after = 0;  ///< id
  std::int64_t limit = 50;
};

enum class Decision : std::uint8_t { kApprove, kReject };

/// A tenant's wish for another plan, and what an operator makes of it. Pending until it is approved, which assigns the
/// plan in the same transaction, or rejected; decided once. Every step is audited and told to the billing webhook.
/// Blocks; thread-safe. Throws db::Error.
class UpgradeRequests {
 public:
  UpgradeRequests(db::Database& database, audit::Log& audit, billing::Outbox& outbox, const PlansService& plans,
                  const Clock& clock);

  /// Stores a pending request; equal ones are not merged. NOT_FOUND "Target plan not found".
  [[nodiscard]] UpgradeRequest open(const TenantScope& tenant, std::string_view target_plan,
                                    const std::optional<std::string>& reason, const Actor& actor) const;

  [[nodiscard]] std::vector<UpgradeRequest> list(const RequestFilter& filter) const;
  /// Of any tenant: the caller decides whether it may be seen.
  [[nodiscard]] std::optional<UpgradeRequest> find(std::int64_t id) const;

  /// NOT_FOUND when this tenant has no such request, CONFLICT when it was decided before, NOT_FOUND "Plan not found"
  /// when the plan to approve cannot be assigned any more; the request then stays pending.
  [[nodiscard]] UpgradeRequest decide(const TenantScope& tenant, std::int64_t id, Decision decision,
                                      const std::optional<std::string>& reason, const Actor& actor) const;

 private:
  /// The audit row of a step, and its event for the webhook.
  void announce(db::Tx& tx, const TenantScope& tenant, std::string_view step, const UpgradeRequest& request,
                const std::optional<std::string>& reason, const Actor& actor, Timestamp now) const;

  db::Database& database_;
  audit::Log& audit_;
  billing::Outbox& outbox_;
  const PlansService& plans_;
  const Clock& clock_;
  PlansRepository repository_;
};

}  // namespace nexus::plans

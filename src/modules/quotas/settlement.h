#pragma once

#include "base/principal.h"
#include "base/time.h"
#include "db/database.h"
#include "modules/quotas/quotas_repository.h"
#include "modules/quotas/tenant_book.h"

#include <string>

namespace nexus::quotas {

/// One process's side of the agreement between processes on one database: for each tenant and day, counters + leases
/// never exceed a hard cap. Who wants to grant units first adds what it has granted, then leases from what is left.
class Settlement {
 public:
  /// `owner` names the process.
  Settlement(const QuotasRepository& repository, std::string owner, const LeasePolicy& policy)
      : repository_(repository), owner_(std::move(owner)), policy_(policy) {}

  /// Adds the legs' use to the counters, measures what is left and stores the new leases; fills the legs' findings. May
  /// run again on the same flight.
  void settle(db::Tx& tx, const TenantScope& tenant, Flight& flight, Timestamp now) const;

 private:
  void lease(db::Tx& tx, const TenantScope& tenant, const Flight& flight, Leg& leg, Timestamp now) const;

  const QuotasRepository& repository_;
  const std::string owner_;
  const LeasePolicy policy_;
};

}  // namespace nexus::quotas

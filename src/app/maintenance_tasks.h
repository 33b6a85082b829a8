#pragma once

#include "base/time.h"
#include "config/settings.h"
#include "db/database.h"
#include "modules/audit/audit_log.h"
#include "modules/billing/billing_outbox.h"
#include "modules/documents/object_store.h"
#include "modules/maintenance/ports.h"

#include <vector>

namespace nexus::app {

/// The work of each maintenance task over the rooms whose rows it removes. Borrows everything; the tasks must not
/// outlive it.
[[nodiscard]] std::vector<maintenance::Task> maintenance_tasks(const config::Settings& settings, db::Database& db,
                                                               audit::AuditLog& audit, const Clock& clock,
                                                               const documents::ObjectStore& objects,
                                                               const billing::BillingOutbox& billing);

}  // namespace nexus::app

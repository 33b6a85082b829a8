#pragma once

#include "db/database.h"
#include "db/embedded_migrations.h"

#include <cstdint>

namespace nexus::audit {

/// Links all events into the chains of their tenants, in order of id, unless some chain has a link already: for those
/// that another product wrote into a database before it was adopted. Afterwards an event without a link is what
/// verify() reports as inserted. Crosses tenants. Memory: one page of events. Returns how many. Throws db::Error.
std::int64_t link_adopted(db::Tx& tx);

/// A db::Migrator::AfterStep: behind the step that creates the chains it links what was there before. Returns how many.
std::int64_t link_after(db::Tx& tx, const db::Migration& step);

[[nodiscard]] db::StatementList adoption_statements();

}  // namespace nexus::audit

#pragma once

#include "base/principal.h"
#include "base/time.h"
#include "db/database.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>

namespace nexus::maintenance {

/// What one run is to do.
struct Order {
  std::optional<TenantScope> tenant;  ///< empty: of all tenants
  Timestamp now;                      ///< ages count from here
  std::stop_token stop;               ///< the program ends: return after the present batch
};

/// Removes what is too old and returns how many rows or files went. It may run at the same time as itself (the server
/// and the command line), so it must not mind that others remove the same rows. It holds the database's writer for
/// milliseconds at a time: see in_batches(). Throws what stopped it; what was removed by then stays removed.
using Work = std::function<std::int64_t(const Order&)>;

/// A row of kTasks (maintenance_types.h) and what the application does for it.
struct Task {
  std::string name;
  Work run;
};

/// Runs `batch` in transactions of its own until one removes less than `full` or `stop` is asked for; returns the sum.
/// Relaxed durability: rows that a power cut brings back are removed by the next run.
std::int64_t in_batches(db::Database& database, std::int64_t full, const std::stop_token& stop,
                        const std::function<std::int64_t(db::Tx&)>& batch);

}  // namespace nexus::maintenance

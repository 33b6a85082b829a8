#include "cli/prunings.h"

#include "json/json.h"

#include <boost/json/object.hpp>
#include <fmt/format.h>

namespace nexus::cli {
namespace {

constexpr Pruning kPrunings[] = {
    {"audit", "Audit events older than AUDIT_RETENTION_DAYS, behind their last signed checkpoint", "prune_audit",
     "prune_audit", "pruned_audit_events"},
    {"idempotency", "Stored answers of idempotent requests that have expired", "prune_idempotency", "prune_idempotency",
     "pruned_idempotency_records"},
    {"usage-counters", "Usage counters older than USAGE_COUNTER_RETENTION_DAYS", "prune_usage", "prune_usage_counters",
     "pruned_usage_counters"},
};

}  // namespace

std::span<const Pruning> prunings() {
  return kPrunings;
}

std::string pruned_text(const Pruning& what, std::int64_t rows) {
  return fmt::format("{}={}\n", what.counter, rows);
}

std::string pruned_json(const Pruning& what, std::int64_t rows) {
  return json::write(boost::json::object{{what.counter, rows}}) + "\n";
}

}  // namespace nexus::cli

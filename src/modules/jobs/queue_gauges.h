#pragma once

#include "db/database.h"
#include "modules/jobs/jobs_repository.h"
#include "observe/metrics.h"

#include <set>
#include <string>
#include <utility>

namespace nexus::jobs {

/// Shows how many jobs of each kind wait and run (`nexusrag_jobs_depth`), for all tenants and processes together. Not
/// thread-safe: one periodic task owns it.
class QueueGauges {
 public:
  explicit QueueGauges(observe::Metrics& metrics) : metrics_(metrics) {}

  /// One query over open jobs. A kind that has none any more is shown as 0. Throws db::Error.
  void refresh(db::Database& db);

 private:
  observe::Metrics& metrics_;
  JobsRepository jobs_;
  std::set<std::pair<std::string, std::string>> shown_;  // kind, state
};

}  // namespace nexus::jobs

#include "modules/jobs/queue_gauges.h"

#include <map>
#include <vector>

namespace nexus::jobs {

void QueueGauges::refresh(db::Database& db) {
  const std::vector<JobsRepository::Depth> depths =
      db.read([&](db::Snapshot& snapshot) { return jobs_.depths(snapshot); });
  std::map<std::pair<std::string, std::string>, std::int64_t> jobs;
  for (const auto& depth : depths) {
    shown_.emplace(depth.kind, depth.state);
    jobs[{depth.kind, depth.state}] = depth.jobs;
  }
  for (const auto& key : shown_) {
    const auto found = jobs.find(key);
    metrics_.gauge("nexusrag_jobs_depth", {{"kind", key.first}, {"state", key.second}})
        .set(found == jobs.end() ? 0.0 : static_cast<double>(found->second));
  }
}

}  // namespace nexus::jobs

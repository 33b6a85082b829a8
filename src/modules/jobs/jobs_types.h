#pragma once

#include "base/time.h"

#include <optional>
#include <string>

namespace nexus::jobs {

/// Work to be done after the caller's transaction has committed.
struct NewJob {
  std::string id;  ///< uuid; also what the API shows as job_id
  std::string tenant_id;
  std::string kind;                       ///< "ingest", "reembed", …
  std::string payload;                    ///< JSON object; ids and parameters only, never content
  std::optional<std::string> dedupe_key;  ///< at most one waiting or running job of this kind and tenant carries it
  Timestamp run_at;
};

/// A job as it is stored.
struct Job {
  std::string id;
  std::string tenant_id;
  std::string kind;
  std::string payload;
  std::string state;  ///< "queued", "leased", "done", "dead"
  Timestamp run_at;
  int attempts = 0;  ///< including the one that is running
  std::optional<std::string> last_error;
  Timestamp created_at;
  Timestamp updated_at;
};

}  // namespace nexus::jobs

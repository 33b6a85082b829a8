#pragma once

#include "app/enforcement.h"
#include "modules/retrieval/index_engine.h"
#include "opensearch/cluster.h"
#include "opensearch/feeder.h"
#include "opensearch/opensearch_index.h"

#include <memory>
#include <optional>

namespace nexus::app {

/// The search cluster of SEARCH_ENGINE=opensearch: how it is asked, and who keeps it up to date.
class SearchCluster {
 public:
  /// Borrows everything. Throws config::ConfigError.
  SearchCluster(const config::Settings& settings, const SharedState& shared, db::Database& db, Outside& outside,
                audit::Log& audit, const Clock& clock, observe::Metrics& metrics);

  /// Searches it, and notes what changes. Borrows this.
  [[nodiscard]] std::unique_ptr<retrieval::IndexEngine> engine(const Clock& clock);

 private:
  std::optional<Outside> own_;  ///< when the cluster has authorities of its own to be trusted by

 public:
  opensearch::Cluster cluster;
  opensearch::OpenSearchIndex index;
  opensearch::Feeder feeder;  ///< not started
};

}  // namespace nexus::app

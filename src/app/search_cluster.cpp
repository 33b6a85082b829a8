#include "app/search_cluster.h"

#include "base/encoding.h"
#include "config/derived.h"
#include "config/settings_table.h"
#include "exec/dice.h"
#include "modules/retrieval/opensearch_engine.h"

#include <stdexcept>

namespace nexus::app {
namespace {

opensearch::ClusterOptions cluster_options(const config::Settings& settings) {
  opensearch::ClusterOptions options;
  options.urls = config::split_list(settings.get(config::kOpensearchUrl));
  options.user = settings.get(config::kOpensearchUser);
  options.password = settings.get(config::kOpensearchPassword);
  options.api_key = settings.get(config::kOpensearchApiKey);
  options.index_prefix = settings.get(config::kOpensearchIndexPrefix);
  options.shards = settings.get(config::kOpensearchShards);
  options.replicas = settings.get(config::kOpensearchReplicas);
  if (options.urls.empty()) throw config::ConfigError({"SEARCH_ENGINE=opensearch needs OPENSEARCH_URL"});
  return options;
}

opensearch::SearchOptions search_options(const config::Settings& settings) {
  opensearch::SearchOptions options;
  options.candidates = static_cast<std::size_t>(settings.get(config::kOpensearchCandidates));
  options.max_filter_ids = static_cast<std::size_t>(settings.get(config::kOpensearchMaxFilterIds));
  options.timeout_ms = settings.get(config::kSearchTimeoutMs);
  return options;
}

opensearch::FeedOptions feed_options(const config::Settings& settings) {
  opensearch::FeedOptions options;
  options.bulk_bytes = static_cast<std::size_t>(settings.get(config::kOpensearchBulkKb)) * 1024;
  options.request_timeout_ms = settings.get(config::kOpensearchBulkTimeoutMs);
  return options;
}

}  // namespace

SearchCluster::SearchCluster(const config::Settings& settings, const SharedState& shared, db::Database& db,
                             Outside& outside, audit::Log& audit, const Clock& clock, observe::Metrics& metrics)
    : own_(settings.get(config::kOpensearchCaFile).empty()
               ? std::nullopt
               : std::optional<Outside>(std::in_place, settings, shared, audit, clock, metrics,
                                        settings.get(config::kOpensearchCaFile))),
      cluster(own_ ? own_->client : outside.client, cluster_options(settings), clock),
      index(cluster, search_options(settings), metrics),
      feeder(db, cluster, clock, feed_options(settings), metrics, exec::dice()) {}

std::unique_ptr<retrieval::IndexEngine> SearchCluster::engine(const Clock& clock) {
  return std::make_unique<retrieval::OpenSearchEngine>(index, clock, [this] { feeder.wake(); });
}

}  // namespace nexus::app

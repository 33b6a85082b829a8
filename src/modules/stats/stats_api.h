#pragma once

#include "base/secret.h"
#include "base/time.h"
#include "http/endpoint.h"
#include "json/schema.h"
#include "modules/stats/benchmark_file.h"
#include "modules/stats/stats_board.h"

#include <boost/json/object.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace nexus::stats {

struct StatsMetrics {
  std::int64_t queries_total = 0;
  std::int64_t queries_24h = 0;
  std::int64_t queries_7d = 0;
  std::int64_t p50_latency_ms = 0;
  std::int64_t p95_latency_ms = 0;
  std::int64_t avg_retrieval_size = 0;
  std::int64_t indexed_chunks = 0;
};

struct PublicStats {
  std::string system = "nexusrag";
  std::string mode = "live";
  std::string workload = "production";
  std::string status;
  double uptime_pct_30d = 0;
  std::string last_deployed_at;
  std::optional<std::string> last_active_at;
  StatsMetrics metrics;
  std::int64_t schema_version = 1;
  std::string generated_at;
};

struct BenchmarkLatest {
  std::string system = "nexusrag";
  std::int64_t schema_version = 1;
  std::string status;
  std::optional<boost::json::object> latest;
  std::optional<boost::json::object> previous_run;
  std::string generated_at;
};

struct StatsOptions {
  Secret heartbeat_secret;                 ///< HEARTBEAT_SECRET; empty: the heartbeat is off
  std::optional<std::string> deployed_at;  ///< VERCEL_GIT_COMMIT_AUTHOR_DATE
  Timestamp started_at;                    ///< of this process
};

/// `deployed_at` as shown: all digits are Unix seconds, other text stays as it is, without it the start of the process.
[[nodiscard]] std::string deployment_time(const StatsOptions& options);

/// The public rows of contract 01 §11.6: outside /v1, never enveloped, for any origin. Borrows board and file; must
/// outlive its rows.
class StatsApi {
 public:
  StatsApi(const Clock& clock, StatsBoard& board, BenchmarkFile& benchmark, StatsOptions options);

  [[nodiscard]] std::vector<http::Endpoint> endpoints() const;

  [[nodiscard]] PublicStats stats(http::Call& call) const;
  void stats_options(http::Call& call) const;
  /// For whoever watches the deployment: tells that it answers, to those who know the secret.
  [[nodiscard]] http::Reply heartbeat(http::Call& call) const;
  [[nodiscard]] BenchmarkLatest benchmark_latest(http::Call& call) const;
  void benchmark_latest_options(http::Call& call) const;

 private:
  const Clock& clock_;
  StatsBoard& board_;
  BenchmarkFile& benchmark_;
  const StatsOptions options_;
};

}  // namespace nexus::stats

namespace nexus {
template <>
const schema::Fields<stats::StatsMetrics>& schema::fields_of();
template <>
const schema::Fields<stats::PublicStats>& schema::fields_of();
template <>
const schema::Fields<stats::BenchmarkLatest>& schema::fields_of();
}  // namespace nexus

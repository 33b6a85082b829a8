#include "modules/stats/stats_api.h"

namespace nexus {

using stats::BenchmarkLatest;
using stats::PublicStats;
using stats::StatsMetrics;

template <>
const schema::Fields<StatsMetrics>& schema::fields_of() {
  using namespace schema;
  static const Fields<StatsMetrics> fields{
      field("queries_total", &StatsMetrics::queries_total),
      field("queries_24h", &StatsMetrics::queries_24h),
      field("queries_7d", &StatsMetrics::queries_7d),
      field("p50_latency_ms", &StatsMetrics::p50_latency_ms, doc("Over 24 hours.")),
      field("p95_latency_ms", &StatsMetrics::p95_latency_ms),
      field("avg_retrieval_size", &StatsMetrics::avg_retrieval_size, doc("Passages of a query, over 24 hours.")),
      field("indexed_chunks", &StatsMetrics::indexed_chunks),
  };
  return fields;
}

template <>
const schema::Fields<PublicStats>& schema::fields_of() {
  using namespace schema;
  static const Fields<PublicStats> fields{
      field("system", &PublicStats::system),
      field("mode", &PublicStats::mode),
      field("workload", &PublicStats::workload),
      field("status", &PublicStats::status, doc("operational, or degraded: the numbers could not be taken.")),
      field("uptime_pct_30d", &PublicStats::uptime_pct_30d,
            doc("Share of the known minutes of the last 30 days in which a server ran.")),
      field("last_deployed_at", &PublicStats::last_deployed_at),
      field("last_active_at", &PublicStats::last_active_at),
      field("metrics", &PublicStats::metrics),
      field("schema_version", &PublicStats::schema_version),
      field("generated_at", &PublicStats::generated_at, doc("When the numbers were taken.")),
  };
  return fields;
}

template <>
const schema::Fields<BenchmarkLatest>& schema::fields_of() {
  using namespace schema;
  static const Fields<BenchmarkLatest> fields{
      field("system", &BenchmarkLatest::system),
      field("schema_version", &BenchmarkLatest::schema_version),
      field("status", &BenchmarkLatest::status, doc("pending without results, degraded when they cannot be read.")),
      field("latest", &BenchmarkLatest::latest),
      field("previous_run", &BenchmarkLatest::previous_run),
      field("generated_at", &BenchmarkLatest::generated_at),
  };
  return fields;
}

}  // namespace nexus

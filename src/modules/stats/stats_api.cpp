#include "modules/stats/stats_api.h"

#include "base/encoding.h"
#include "crypto/constant_time.h"
#include "http/plain.h"
#include "json/json.h"

#include <charconv>
#include <utility>

namespace nexus::stats {
namespace {

constexpr std::string_view kStatsCaching = "public, max-age=30, stale-while-revalidate=60";
constexpr std::string_view kBenchmarkCaching = "public, max-age=300, stale-while-revalidate=600";

void open_to_browsers(http::Call& call, std::string_view caching) {
  call.reply_headers.emplace_back("Cache-Control", caching);
  call.reply_headers.emplace_back("Access-Control-Allow-Origin", "*");
  call.reply_headers.emplace_back("Access-Control-Allow-Methods", "GET, OPTIONS");
  call.reply_headers.emplace_back("Access-Control-Allow-Headers", "Content-Type");
}

/// What the caller claims to know: `Bearer <s>`, or the secret as it is.
std::string_view claimed_secret(const http::Call& call) {
  constexpr std::string_view kScheme = "bearer ";
  const std::string* header = call.request.header("Authorization");
  if (header == nullptr) return {};
  std::string_view text = ascii_trim(*header);
  if (ascii_iequals(text.substr(0, kScheme.size()), kScheme)) text = ascii_trim(text.substr(kScheme.size()));
  return text;
}

http::Reply uncached(std::string body, int status) {
  http::Reply reply = http::Reply::raw(std::move(body), "application/json", status);
  reply.headers.emplace_back("Cache-Control", "no-store");
  return reply;
}

http::RouteSpec public_row(http::Verb verb, std::string_view path, std::string_view operation,
                           std::string_view summary) {
  return {.verb = verb,
          .path = path,
          .operation = operation,
          .versioned = false,
          .legacy_alias = false,
          .enveloped = false,
          .tag = "health",
          .summary = summary};
}

}  // namespace

std::string deployment_time(const StatsOptions& options) {
  if (!options.deployed_at || options.deployed_at->empty()) return iso_z(options.started_at);
  constexpr std::int64_t kEndOf9999 = 253'402'300'799;
  const std::string& text = *options.deployed_at;
  std::int64_t seconds = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  const bool digits = text.find_first_not_of("0123456789") == std::string::npos;
  if (!digits || failure != std::errc{} || end != text.data() + text.size() || seconds > kEndOf9999) return text;
  return iso_z({seconds * Timestamp::kSecond});
}

StatsApi::StatsApi(const Clock& clock, StatsBoard& board, BenchmarkFile& benchmark, StatsOptions options)
    : clock_(clock), board_(board), benchmark_(benchmark), options_(std::move(options)) {}

std::vector<http::Endpoint> StatsApi::endpoints() const {
  using Api = StatsApi;
  using enum http::Verb;
  http::RouteSpec beat = public_row(kPost, "/api/heartbeat", "heartbeat", "Tell that the deployment answers");
  beat.hidden = true;
  beat.lane = http::LaneKind::kInline;
  const auto preflight = [](std::string_view path, std::string_view operation) {
    http::RouteSpec row = public_row(kOptions, path, operation, "Answer a browser's preflight");
    row.lane = http::LaneKind::kInline;
    row.hidden = true;
    row.success = 204;
    return row;
  };
  return {
      http::plain<&Api::stats>(*this, public_row(kGet, "/api/stats", "stats", "Public numbers of this installation")),
      http::plain<&Api::stats_options>(*this, preflight("/api/stats", "stats_options")),
      http::plain<&Api::heartbeat>(*this, beat),
      http::plain<&Api::benchmark_latest>(*this, public_row(kGet, "/api/benchmark-latest", "benchmark_latest",
                                                            "Results of the last published benchmark")),
      http::plain<&Api::benchmark_latest_options>(*this,
                                                  preflight("/api/benchmark-latest", "benchmark_latest_options")),
  };
}

PublicStats StatsApi::stats(http::Call& call) const {
  open_to_browsers(call, kStatsCaching);
  const std::shared_ptr<const Report> report = board_.current();
  const Aggregates& n = report->numbers;
  PublicStats out{.status = report->degraded ? "degraded" : "operational",
                  .uptime_pct_30d = n.uptime_pct_30d,
                  .last_deployed_at = deployment_time(options_),
                  .last_active_at = std::nullopt,
                  .metrics = {.queries_total = n.queries_total,
                              .queries_24h = n.queries_24h,
                              .queries_7d = n.queries_7d,
                              .p50_latency_ms = n.p50_latency_ms,
                              .p95_latency_ms = n.p95_latency_ms,
                              .avg_retrieval_size = n.avg_retrieval_size,
                              .indexed_chunks = n.indexed_chunks},
                  .generated_at = iso_z(report->generated_at)};
  if (n.last_active_at) out.last_active_at = iso_z(*n.last_active_at);
  return out;
}

void StatsApi::stats_options(http::Call& call) const {
  open_to_browsers(call, kStatsCaching);
}

http::Reply StatsApi::heartbeat(http::Call& call) const {
  if (options_.heartbeat_secret.empty()) return uncached(R"({"error":"heartbeat_disabled"})", 503);
  if (!crypto::constant_time_equal(claimed_secret(call), options_.heartbeat_secret.reveal()))
    return uncached(R"({"error":"unauthorized"})", 403);
  std::string body;
  json::Writer(body).begin_object().field("status", "ok").field("checked_at", iso_z(clock_.now())).end_object();
  return uncached(std::move(body), 200);
}

BenchmarkLatest StatsApi::benchmark_latest(http::Call& call) const {
  open_to_browsers(call, kBenchmarkCaching);
  Benchmark found = benchmark_.current();
  return {.status = std::move(found.status),
          .latest = std::move(found.latest),
          .previous_run = std::move(found.previous_run),
          .generated_at = iso_z(found.read_at)};
}

void StatsApi::benchmark_latest_options(http::Call& call) const {
  open_to_browsers(call, kBenchmarkCaching);
}

}  // namespace nexus::stats

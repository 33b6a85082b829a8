// Figures of a large audit log: appending, verifying the chain, pages at several depths. The log has
// $NEXUSRAG_BENCH_EVENTS events of one tenant (default: a million) and lies in $NEXUSRAG_BENCH_DIR (default: the
// current folder); filling it is the first benchmark.
#include "base/ids.h"
#include "base/time.h"
#include "db/embedded_migrations.h"
#include "db/migrator.h"
#include "db/sqlite/sqlite_database.h"
#include "modules/audit/audit_log.h"
#include "observe/metrics.h"

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace nexus {

namespace testing {
/// The one that tests use: a benchmark acts for any tenant, too.
struct TenantScopeFactory {
  [[nodiscard]] static TenantScope make(std::string id) { return TenantScope(std::move(id)); }
};
}  // namespace testing

namespace {

constexpr std::int64_t kDefaultEvents = 1'000'000;
constexpr std::int64_t kRareEvery = 10'000;
constexpr std::int64_t kPage = 51;  // fifty, and the one that tells whether there are more

std::int64_t wanted_events() {
  const char* text = std::getenv("NEXUSRAG_BENCH_EVENTS");
  return text == nullptr ? kDefaultEvents : std::max<std::int64_t>(1000, std::atoll(text));
}

/// A log of one tenant in a folder of its own that goes with the program.
class BenchLog {
 public:
  BenchLog() {
    const char* base = std::getenv("NEXUSRAG_BENCH_DIR");
    folder_ = std::filesystem::path(base == nullptr ? "." : base) / ("audit-bench-" + hex32());
    db_ = db::open_sqlite({.path = (folder_ / "bench.db").string()}, clock_, metrics_);
    db::Migrator(*db_, clock_, db::embedded_migrations("sqlite")).apply();
    audit::AuditOptions options;
    options.signer = std::make_shared<audit::Ed25519CheckpointSigner>(Secret(std::string(64, '7')));
    log_ = std::make_unique<audit::AuditLog>(*db_, clock_, options, metrics_);
  }
  ~BenchLog() {
    log_->stop();
    log_.reset();
    db_.reset();
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  BenchLog(const BenchLog&) = delete;
  BenchLog& operator=(const BenchLog&) = delete;

  /// As the auth gate does it: one event a request, now and then something rare.
  void fill(std::int64_t count) {
    for (std::int64_t i = 0; i < count; ++i) log_->record_soon(event(events_++));
    log_->flush();
  }
  /// Fills up to the wanted size, for whoever runs without the first benchmark.
  void complete() { fill(std::max<std::int64_t>(0, wanted_events() - events_)); }

  [[nodiscard]] std::vector<audit::StoredEvent> list(const audit::EventFilter& filter, const audit::Page& page) {
    return db_->read([&](db::Snapshot& snapshot) { return repository_.list(snapshot, tenant_, filter, page); });
  }
  /// The place behind the first `depth` events of a list.
  [[nodiscard]] std::optional<audit::Position> at_depth(const audit::EventFilter& filter, std::int64_t depth) {
    if (depth == 0) return std::nullopt;
    const auto rows = list(filter, {.offset = depth - 1, .limit = 1});
    if (rows.empty()) return std::nullopt;
    return audit::Position{rows[0].occurred_at, rows[0].id};
  }
  [[nodiscard]] const audit::AuditLog& log() const { return *log_; }
  void record(std::int64_t i) {
    db_->write([&](db::Tx& tx) { log_->record(tx, event(i)); });
  }

 private:
  [[nodiscard]] audit::Event event(std::int64_t i) const {
    audit::Event out;
    out.occurred_at = clock_.now();
    out.tenant_id = "t1";
    out.actor_type = "api_key";
    out.actor_id = "0123456789abcdef0123456789abcdef";
    out.actor_role = "reader";
    out.event_type = i % kRareEvery == 0 ? "corpora.updated" : "auth.access.success";
    out.resource_type = i % kRareEvery == 0 ? "corpus" : "auth";
    if (i % kRareEvery == 0) out.resource_id = "c1";
    out.request_id = "8d9c6b0a-6a4e-4c8e-9d1f-0b3b8a1f2c3d";
    out.ip_address = "203.0.113.7";
    out.user_agent = "python-httpx/0.27";
    out.metadata = {{"path", "/v1/run"}, {"method", "POST"}};
    return out;
  }

  SystemClock clock_;
  observe::Metrics metrics_;
  std::filesystem::path folder_;
  std::unique_ptr<db::Database> db_;
  std::unique_ptr<audit::AuditLog> log_;
  audit::AuditRepository repository_;
  TenantScope tenant_ = testing::TenantScopeFactory::make("t1");
  std::int64_t events_ = 0;
};

/// What the gate's batches reach, from an empty log to the full one: redaction, hash, row, link, checkpoints.
void append(benchmark::State& state, BenchLog& log) {
  for (auto _ : state) log.fill(wanted_events());
  state.SetItemsProcessed(state.iterations() * wanted_events());
}

/// One event in a transaction of its own, on the disk.
void record(benchmark::State& state, BenchLog& log) {
  log.complete();
  std::int64_t i = 1;
  for (auto _ : state) log.record(i++);
  state.SetItemsProcessed(state.iterations());
}

/// The whole chain with its rows and checkpoints.
void verify(benchmark::State& state, BenchLog& log) {
  log.complete();
  std::int64_t checked = 0;
  for (auto _ : state) {
    const audit::VerifyReport report = log.log().verify("t1");
    if (!report.valid()) state.SkipWithError(report.problem->message.c_str());
    checked += report.events_checked;
  }
  state.SetItemsProcessed(checked);
}

/// A page of fifty by its cursor. The deepest one is the last of the log.
void page(benchmark::State& state, BenchLog& log, const audit::EventFilter& filter, std::int64_t depth) {
  log.complete();
  const auto after = log.at_depth(filter, std::min(depth, wanted_events() - kPage));
  for (auto _ : state)
    if (log.list(filter, {.after = after, .limit = kPage}).empty()) state.SkipWithError("nothing at this depth");
}

/// The old way, kept for compatibility: it walks past what it skips.
void page_by_offset(benchmark::State& state, BenchLog& log, std::int64_t depth) {
  log.complete();
  const std::int64_t offset = std::min(depth, wanted_events() - kPage);
  for (auto _ : state)
    if (log.list({}, {.offset = offset, .limit = kPage}).empty()) state.SkipWithError("nothing at this depth");
}

void register_all(BenchLog& log) {
  const auto add = [](const std::string& name, auto run) {
    return benchmark::RegisterBenchmark(name.c_str(), run)->UseRealTime();
  };
  using enum benchmark::TimeUnit;
  add("audit_append", [&log](benchmark::State& s) { append(s, log); })->Iterations(1)->Unit(kMillisecond);
  add("audit_record", [&log](benchmark::State& s) { record(s, log); })->Unit(kMicrosecond);
  add("audit_verify", [&log](benchmark::State& s) { verify(s, log); })->Iterations(1)->Unit(kMillisecond);
  for (const std::int64_t depth : {0, 10'000, 1'000'000})
    add("audit_page/depth:" + std::to_string(depth), [&log, depth](benchmark::State& s) {
      page(s, log, {}, depth);
    })->Unit(kMicrosecond);
  add("audit_page_of_rare_type", [&log](benchmark::State& s) {
    page(s, log, {.event_type = "corpora.updated"}, 0);
  })->Unit(kMicrosecond);
  add("audit_page_by_offset/depth:10000", [&log](benchmark::State& s) {
    page_by_offset(s, log, 10'000);
  })->Unit(kMicrosecond);
}

}  // namespace
}  // namespace nexus

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  nexus::BenchLog log;  // as large as it is, all benchmarks share it
  nexus::register_all(log);
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
}

// Figures of the storage seam: commits per second by durability and company, point reads, a lane's hand-off.
// The database lies in $NEXUSRAG_BENCH_DIR (default: the current folder), so that fsync costs what it costs there.
#include "base/ids.h"
#include "base/time.h"
#include "db/sqlite/sqlite_database.h"
#include "exec/lane.h"
#include "observe/metrics.h"

#include <benchmark/benchmark.h>

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <latch>
#include <memory>
#include <mutex>
#include <string>

namespace nexus {
namespace {

constexpr db::Statement kInsert("bench.insert",
                                "INSERT INTO usage (tenant_id, kind, amount, at) VALUES ($1, $2, $3, $4)");
constexpr db::Statement kPoint("bench.point", "SELECT v, n FROM kv WHERE id = $1");
constexpr db::Statement kFill("bench.fill", "INSERT INTO kv (id, v, n) VALUES ($1, $2, $3)");
constexpr int kRows = 10'000;

/// A database in a folder of its own that goes with the benchmark.
class BenchDatabase {
 public:
  BenchDatabase() {
    const char* base = std::getenv("NEXUSRAG_BENCH_DIR");
    folder_ = std::filesystem::path(base == nullptr ? "." : base) / ("db-bench-" + hex32());
    db_ = db::open_sqlite({.path = (folder_ / "bench.db").string()}, clock_, metrics_);
    db_->run_script(
        "CREATE TABLE usage (id INTEGER PRIMARY KEY, tenant_id TEXT NOT NULL, kind TEXT NOT NULL, amount INTEGER NOT "
        "NULL, at INTEGER NOT NULL) STRICT; CREATE TABLE kv (id TEXT PRIMARY KEY, v TEXT NOT NULL, n INTEGER NOT NULL) "
        "STRICT, WITHOUT ROWID;");
    db_->write([](db::Tx& tx) {
      for (int i = 0; i < kRows; ++i) tx.exec(kFill, "key-" + std::to_string(i), std::string(80, 'v'), i);
    });
  }
  ~BenchDatabase() {
    db_.reset();
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  BenchDatabase(const BenchDatabase&) = delete;
  BenchDatabase& operator=(const BenchDatabase&) = delete;
  db::Database& operator*() { return *db_; }

 private:
  SystemClock clock_;
  observe::Metrics metrics_;
  std::filesystem::path folder_;
  std::unique_ptr<db::Database> db_;
};

void insert_usage(db::Tx& tx) {
  tx.exec(kInsert, "tenant-1", "tokens", 12, Timestamp{1'700'000'000'000'000});
}

db::Durability durability_of(std::int64_t arg) {
  return arg == 0 ? db::Durability::kRelaxed : db::Durability::kDurable;
}

/// `writers` asynchronous writers, each with one write on its way: a finished write starts the next.
void async_writers(benchmark::State& state) {
  BenchDatabase bench;
  const auto durability = durability_of(state.range(0));
  const auto writers = static_cast<std::int64_t>(state.range(1));
  constexpr std::int64_t kWrites = 20'000;
  for (auto _ : state) {
    std::atomic<std::int64_t> left{kWrites};
    std::latch done(kWrites);
    std::function<void()> next = [&] {
      if (left.fetch_sub(1) <= 0) return;
      (*bench).write_async(insert_usage, durability, [&](std::exception_ptr failure) {
        if (failure) std::abort();
        next();
        done.count_down();
      });
    };
    for (std::int64_t i = 0; i < writers; ++i) next();
    done.wait();
  }
  state.SetItemsProcessed(state.iterations() * kWrites);
}
BENCHMARK(async_writers)
    ->ArgNames({"durable", "writers"})
    ->Args({0, 1})
    ->Args({0, 32})
    ->Args({1, 1})
    ->Args({1, 32})
    ->Args({1, 128})
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();

void blocking_write(benchmark::State& state) {
  BenchDatabase bench;
  const auto durability = durability_of(state.range(0));
  for (auto _ : state) (*bench).write(insert_usage, durability);
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(blocking_write)->ArgName("durable")->Arg(0)->Arg(1)->UseRealTime();

void point_read(benchmark::State& state) {
  static std::unique_ptr<BenchDatabase> bench;
  if (state.thread_index() == 0) bench = std::make_unique<BenchDatabase>();
  std::uint32_t i = static_cast<std::uint32_t>(state.thread_index()) * 7919;
  std::string key;
  for (auto _ : state) {
    i = i * 1664525 + 1013904223;
    key = "key-" + std::to_string((i >> 8) % kRows);
    const std::int64_t n = (**bench).read([&](db::Snapshot& s) {
      db::Cursor c = s.query(kPoint, key);
      return c.next() ? c.i64(1) + static_cast<std::int64_t>(c.text(0).size()) : -1;
    });
    if (n < 0) state.SkipWithError("missing row");
  }
  state.SetItemsProcessed(state.iterations());
  if (state.thread_index() == 0) bench.reset();
}
BENCHMARK(point_read)->Threads(1)->Threads(2)->UseRealTime();

void queries_in_one_read(benchmark::State& state) {
  BenchDatabase bench;
  (*bench).read([&](db::Snapshot& s) {
    std::uint32_t i = 0;
    for (auto _ : state) {
      i = i * 1664525 + 1013904223;
      db::Cursor c = s.query(kPoint, "key-5000");
      benchmark::DoNotOptimize(c.next());
    }
  });
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(queries_in_one_read)->UseRealTime();

/// Point reads while a writer commits without pause.
void point_read_beside_writer(benchmark::State& state) {
  BenchDatabase bench;
  std::atomic<bool> stop{false};
  std::latch stopped(1);
  std::function<void()> next = [&] {
    if (stop) return stopped.count_down();
    (*bench).write_async(insert_usage, db::Durability::kDurable, [&](std::exception_ptr) { next(); });
  };
  next();
  std::uint32_t i = 0;
  for (auto _ : state) {
    i = i * 1664525 + 1013904223;
    const std::string key = "key-" + std::to_string((i >> 8) % kRows);
    benchmark::DoNotOptimize((*bench).read([&](db::Snapshot& s) { return s.query(kPoint, key).next(); }));
  }
  stop = true;
  stopped.wait();
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(point_read_beside_writer)->UseRealTime();

/// There and back: a task posted to an idle lane answers by waking the caller.
void lane_round_trip(benchmark::State& state) {
  observe::Metrics metrics;
  exec::Lane lane("bench", 1, 16, metrics);
  std::mutex mutex;
  std::condition_variable answered;
  bool answer = false;
  for (auto _ : state) {
    const bool taken = lane.try_post([&] {
      const std::lock_guard lock(mutex);
      answer = true;
      answered.notify_one();
    });
    if (!taken) state.SkipWithError("refused");
    std::unique_lock lock(mutex);
    answered.wait(lock, [&] { return answer; });
    answer = false;
  }
  lane.drain();
}
BENCHMARK(lane_round_trip)->UseRealTime();

/// Posting to a lane that keeps up: the price of one task without waiting for it.
void lane_throughput(benchmark::State& state) {
  observe::Metrics metrics;
  exec::Lane lane("bench", 1, 1 << 16, metrics);
  std::atomic<std::int64_t> ran{0};
  std::int64_t posted = 0;
  for (auto _ : state) {
    while (!lane.try_post([&] { ran.fetch_add(1, std::memory_order_relaxed); })) {
    }
    ++posted;
  }
  lane.drain();
  if (ran != posted) state.SkipWithError("lost a task");
  state.SetItemsProcessed(posted);
}
BENCHMARK(lane_throughput)->UseRealTime();

}  // namespace
}  // namespace nexus

BENCHMARK_MAIN();

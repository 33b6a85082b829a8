// Figures of the shared rate limiter: one decision on a real Redis ($NEXUSRAG_TEST_REDIS), by one caller and by many.
#include "base/time.h"
#include "modules/limits/redis_buckets.h"
#include "observe/metrics.h"
#include "redis/client.h"

#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <random>
#include <string>
#include <vector>

namespace nexus {
namespace {

/// One server's worth: a client and its buckets, under names that nobody else uses.
struct Shared {
  explicit Shared(const char* url)
      : client(redis::parse_url(url), {.command_timeout_us = 1'000'000}, metrics),
        buckets(client, local, "nexusrag-bench:" + std::to_string(std::random_device{}())) {
    (void)client.wait_until_up(1'000'000);
  }
  observe::Metrics metrics;
  limits::LocalBuckets local{100'000};
  redis::Client client;
  limits::RedisBuckets buckets;
};

std::unique_ptr<Shared> shared;  // made before the first thread of a run and gone after the last

void open_shared(const benchmark::State&) {
  const char* url = std::getenv("NEXUSRAG_TEST_REDIS");
  if (url != nullptr) shared = std::make_unique<Shared>(url);
}
void close_shared(const benchmark::State&) {
  shared.reset();
}

void decide(benchmark::State& state) {
  if (!shared || !shared->client.up()) return state.SkipWithError("NEXUSRAG_TEST_REDIS names no server");
  const limits::Rate rate(1e6, 1'000'000);
  const std::string tenant = "t" + std::to_string(state.thread_index() % 8);
  const std::string key = "k" + std::to_string(state.thread_index());
  const SystemClock clock;
  std::vector<std::int64_t> nanos;
  std::int64_t lost = 0;
  for (auto _ : state) {
    const auto begun = std::chrono::steady_clock::now();
    const limits::Decision decision = shared->buckets.decide({.credential_id = key,
                                                              .tenant_id = tenant,
                                                              .route_class = http::RouteClass::kRead,
                                                              .cost = 1,
                                                              .key_rate = rate,
                                                              .tenant_rate = rate,
                                                              .now_us = clock.steady_us()});
    lost += decision.lost ? 1 : 0;
    nanos.push_back((std::chrono::steady_clock::now() - begun).count());
  }
  std::sort(nanos.begin(), nanos.end());
  const auto at = [&](double share) {
    const auto place = static_cast<std::size_t>(share * static_cast<double>(nanos.size() - 1));
    return benchmark::Counter(static_cast<double>(nanos[place]) / 1e3, benchmark::Counter::kAvgThreads);
  };
  state.counters["p50_us"] = at(0.5);
  state.counters["p99_us"] = at(0.99);
  state.counters["lost"] = static_cast<double>(lost);
  state.SetItemsProcessed(static_cast<std::int64_t>(nanos.size()));
}
BENCHMARK(decide)->Threads(1)->Threads(8)->Threads(32)->UseRealTime()->Setup(open_shared)->Teardown(close_shared);

}  // namespace
}  // namespace nexus

BENCHMARK_MAIN();

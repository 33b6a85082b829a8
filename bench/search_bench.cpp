// Search latency on synthetic corpora: Zipf-distributed words, static-size int8 vectors, one thread.
//   search_bench [--benchmark_filter=…]
// Prints times for hybrid, lexical and dense queries over 10,000 and 100,000 chunks, filtered and not, and the size of
// the segment. Never asserted anywhere; compare runs of the same machine.
#include "search/index.h"
#include "search/segment_builder.h"

#include <benchmark/benchmark.h>

#include <cmath>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

namespace nexus::search {

struct ReadableDocumentsTestPeer {
  static ReadableOrdinals everything(const Snapshot& s) { return ReadableOrdinals::everything(s.documents()); }
  static ReadableOrdinals only(const Snapshot& s, Bitmap b) {
    return ReadableOrdinals::only(s.documents(), std::move(b));
  }
};

namespace {

constexpr std::size_t kDimension = 256;
constexpr std::size_t kWordsPerChunk = 120;
constexpr std::size_t kChunksPerDocument = 10;
constexpr std::size_t kQueries = 256;

std::string word(std::mt19937_64& random, std::size_t vocabulary) {
  // Rank r with probability about 1/r.
  std::uniform_real_distribution<double> uniform(0, std::log(static_cast<double>(vocabulary)));
  const auto rank = static_cast<std::uint64_t>(std::exp(uniform(random)));
  std::string text = "w";
  for (std::uint64_t rest = rank; rest > 0; rest /= 20) text.push_back("bcdfghjklmnpqrtvwxza"[rest % 20]);
  return text;
}

std::vector<float> unit_vector(std::mt19937_64& random) {
  std::normal_distribution<float> normal;
  std::vector<float> vector(kDimension);
  for (float& x : vector) x = normal(random);
  return vector;
}

struct World {
  CorpusIndex index;
  std::vector<std::string> queries;
  std::vector<std::vector<float>> vectors;
  std::size_t segment_bytes = 0;
};

std::unique_ptr<World> make_world(std::size_t chunks) {
  std::mt19937_64 random(7);
  SegmentBuilder builder({VectorFormat::kInt8, kDimension, "bench"});
  for (std::size_t i = 0; i < chunks; ++i) {
    std::string text;
    for (std::size_t w = 0; w < kWordsPerChunk; ++w) text += word(random, 50'000) + " ";
    builder.add(ChunkId::of_number(i), "doc" + std::to_string(i / kChunksPerDocument), text, unit_vector(random));
  }
  auto world = std::make_unique<World>();
  const std::vector<std::byte> bytes = builder.finish();
  world->segment_bytes = bytes.size();
  world->index.add_segment({"s", Segment::open(bytes)});
  for (std::size_t i = 0; i < kQueries; ++i) {
    std::string text = "what is the ";
    for (int w = 0; w < 6; ++w) text += word(random, 50'000) + " ";
    world->queries.push_back(text);
    world->vectors.push_back(unit_vector(random));
  }
  return world;
}

const World& world_of(std::size_t chunks) {
  // Made when first asked for: a filtered run does not pay for the large one.
  static std::map<std::size_t, std::unique_ptr<World>> worlds;
  std::unique_ptr<World>& world = worlds[chunks];
  if (!world) world = make_world(chunks);
  return *world;
}

void run(benchmark::State& state, Mode mode, bool filtered) {
  const World& world = world_of(static_cast<std::size_t>(state.range(0)));
  const auto snapshot = world.index.snapshot();
  Bitmap half(snapshot->documents()->size());
  for (std::size_t d = 1; d < half.size(); d += 2) half.set(d);
  const ReadableOrdinals readable =
      filtered ? ReadableDocumentsTestPeer::only(*snapshot, half) : ReadableDocumentsTestPeer::everything(*snapshot);
  std::size_t i = 0;
  for (auto _ : state) {
    const std::size_t q = i++ % kQueries;
    benchmark::DoNotOptimize(snapshot->search({.text = world.queries[q],
                                               .vector = world.vectors[q],
                                               .model_id = "bench",
                                               .k = 10,
                                               .mode = mode,
                                               .alpha = 0.4F,
                                               .readable = readable}));
  }
  state.counters["segment_MB"] = static_cast<double>(world.segment_bytes) / 1e6;
}

void hybrid(benchmark::State& state) {
  run(state, Mode::kHybrid, false);
}
void hybrid_half_readable(benchmark::State& state) {
  run(state, Mode::kHybrid, true);
}
void lexical(benchmark::State& state) {
  run(state, Mode::kLexical, false);
}
void dense(benchmark::State& state) {
  run(state, Mode::kDense, false);
}

BENCHMARK(hybrid)->Arg(10'000)->Arg(100'000)->Unit(benchmark::kMicrosecond);
BENCHMARK(hybrid_half_readable)->Arg(10'000)->Arg(100'000)->Unit(benchmark::kMicrosecond);
BENCHMARK(lexical)->Arg(10'000)->Arg(100'000)->Unit(benchmark::kMicrosecond);
BENCHMARK(dense)->Arg(10'000)->Arg(100'000)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace nexus::search

BENCHMARK_MAIN();

// How many MB of text a second one core cuts into chunks and turns into vectors.
// The local model is looked for in $MODELS_DIR; without it its benchmark says so and is skipped.
#include "embed/fake_embedder.h"
#include "embed/model_files.h"
#include "embed/static_embedder.h"
#include "text/chunker.h"

#include <benchmark/benchmark.h>

#include <array>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace nexus {
namespace {

constexpr std::size_t kParagraphs = 400;
constexpr std::size_t kWordsPerParagraph = 100;

/// A word of two to four syllables; its rank follows Zipf's law, so that caches see what they would see in life.
std::string word(std::mt19937_64& random) {
  constexpr std::array<std::string_view, 16> kSyllables{"con", "ter", "re", "ma", "sta", "ver", "ti",  "lo",
                                                        "per", "di",  "en", "su", "pra", "no",  "gle", "tion"};
  std::uniform_real_distribution<double> uniform(std::log(16.0), std::log(30'000.0));
  auto rank = static_cast<std::uint64_t>(std::exp(uniform(random)));
  std::string out;
  for (; rank > 0; rank /= 16) out.append(kSyllables[rank % 16]);
  return out;
}

/// About 300 KB: sections of ten paragraphs of a hundred words in sentences of ten.
const std::string& document() {
  static const std::string text = [] {
    std::mt19937_64 random(7);
    std::string out;
    for (std::size_t p = 0; p < kParagraphs; ++p) {
      if (p % 10 == 0) out.append("# ").append(word(random)).append(" ").append(word(random)).append("\n\n");
      for (std::size_t w = 0; w < kWordsPerParagraph; ++w)
        out.append(word(random)).append(w % 10 == 9 ? ". " : (w % 3 == 0 ? " the " : " "));
      out.append("\n\n");
    }
    return out;
  }();
  return text;
}

std::int64_t bytes_of(const benchmark::State& state, std::size_t each) {
  return static_cast<std::int64_t>(state.iterations()) * static_cast<std::int64_t>(each);
}

void chunk_paragraphs(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(text::chunk_paragraphs(document()));
  state.SetBytesProcessed(bytes_of(state, document().size()));
}
BENCHMARK(chunk_paragraphs)->Unit(benchmark::kMillisecond);

void chunk_structured(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(text::chunk_structured(document()));
  state.SetBytesProcessed(bytes_of(state, document().size()));
}
BENCHMARK(chunk_structured)->Unit(benchmark::kMillisecond);

/// Every chunk of the document, one after the other.
void embed_chunks(benchmark::State& state, const embed::Embedder& model) {
  const text::ChunkedText chunked = text::chunk_paragraphs(document());
  std::vector<float> vector(model.dimension());
  std::size_t bytes = 0;
  for (const text::Chunk& chunk : chunked.chunks) bytes += chunk.text.size();
  for (auto _ : state) {
    for (const text::Chunk& chunk : chunked.chunks) model.embed(chunk.text, vector);
    benchmark::DoNotOptimize(vector.data());
  }
  state.SetBytesProcessed(bytes_of(state, bytes));
  state.counters["chunks_per_s"] =
      benchmark::Counter(static_cast<double>(chunked.chunks.size()), benchmark::Counter::kIsIterationInvariantRate);
}

void embed_local(benchmark::State& state) {
  const char* folder = std::getenv("MODELS_DIR");
  if (folder == nullptr || !embed::is_installed(folder, embed::kStaticModel)) {
    state.SkipWithError("the local model is not in MODELS_DIR");
    return;
  }
  embed_chunks(state, *embed::StaticEmbedder::open(folder));
}
BENCHMARK(embed_local)->Unit(benchmark::kMillisecond);

void embed_fake(benchmark::State& state) {
  embed_chunks(state, embed::FakeEmbedder());
}
BENCHMARK(embed_fake)->Unit(benchmark::kMillisecond);

/// One question: what a search adds before it can look anything up.
void embed_question(benchmark::State& state) {
  const char* folder = std::getenv("MODELS_DIR");
  if (folder == nullptr || !embed::is_installed(folder, embed::kStaticModel)) {
    state.SkipWithError("the local model is not in MODELS_DIR");
    return;
  }
  const auto model = embed::StaticEmbedder::open(folder);
  std::vector<float> vector(model->dimension());
  for (auto _ : state) {
    model->embed("What are the release gates for the second version of the agent?", vector);
    benchmark::DoNotOptimize(vector.data());
  }
}
BENCHMARK(embed_question)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace nexus

BENCHMARK_MAIN();

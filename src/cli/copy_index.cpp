#include "cli/copy_index.h"

#include "cli/copy_repository.h"
#include "cli/operator.h"
#include "embed/embedder.h"
#include "modules/retrieval/ports.h"
#include "modules/retrieval/segment_engine.h"

#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace nexus::cli {
namespace {

constexpr std::int64_t kBatch = 2'000;  // chunks of one segment; the background merges small ones

/// A model whose vectors exist already.
class StoredModel final : public embed::Embedder {
 public:
  StoredModel(std::string id, std::size_t dimension) : id_(std::move(id)), dimension_(dimension) {}
  [[nodiscard]] std::string_view model_id() const noexcept override { return id_; }
  [[nodiscard]] std::size_t dimension() const noexcept override { return dimension_; }
  void embed(std::string_view /*text*/, std::span<float> /*out*/) const override {
    throw std::logic_error("stored vectors are only read");
  }

 private:
  std::string id_;
  std::size_t dimension_;
};

std::size_t rebuild(db::Database& database, const retrieval::SegmentEngine& engine,
                    const CopyRepository::Corpus& corpus) {
  const CopyRepository rows;
  const TenantScope tenant = Operator::scope(corpus.tenant);
  std::optional<StoredModel> model;
  if (corpus.model && corpus.dimension > 0) model.emplace(*corpus.model, static_cast<std::size_t>(corpus.dimension));
  database.write([&](db::Tx& tx) { engine.clear(tx, tenant, corpus.id); });
  std::size_t done = 0;
  for (std::string after;;) {
    const std::vector<CopyRepository::Chunk> batch =
        database.read([&](db::Snapshot& s) { return rows.chunks(s, corpus, after, kBatch); });
    if (batch.empty()) return done;
    std::vector<retrieval::IndexChunk> chunks;
    for (const CopyRepository::Chunk& chunk : batch)
      chunks.push_back({.id = chunk.id,
                        .document = chunk.document,
                        .text = chunk.text,
                        .vector = model ? std::span<const float>(chunk.vector) : std::span<const float>()});
    const auto prepared = engine.prepare(model ? &*model : nullptr, chunks);
    database.write([&](db::Tx& tx) { engine.add(tx, tenant, corpus.id, *prepared); });
    done += batch.size();
    after = batch.back().id;
  }
}

}  // namespace

std::size_t rebuild_segments(db::Database& database, const Clock& clock, observe::Metrics& metrics) {
  const retrieval::SegmentEngine engine(0, clock, metrics);
  std::size_t done = 0;
  for (const CopyRepository::Corpus& corpus :
       database.read([](db::Snapshot& s) { return CopyRepository().corpora(s); }))
    done += rebuild(database, engine, corpus);
  return done;
}

}  // namespace nexus::cli

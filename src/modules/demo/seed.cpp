#include "modules/demo/seed.h"

#include "base/ids.h"
#include "json/json.h"
#include "modules/demo/demo_texts.h"
#include "modules/documents/ports.h"
#include "modules/ingestion/ports.h"
#include "modules/retrieval/ports.h"

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

namespace nexus::demo {
namespace {

constexpr std::string_view kCorpusName = "Demo Corpus";

/// The chunks of one demo document.
struct Batch {
  std::string uri;
  std::vector<ingestion::NewChunk> chunks;
};

/// Everything that is written, prepared outside the transaction, which may run more than once.
struct Seed {
  std::string config;
  std::vector<Batch> batches;
  std::unique_ptr<const retrieval::PreparedChunks> prepared;
  std::size_t chunks = 0;
};

std::string metadata_of(const DemoDocument& document, const DemoSection& section) {
  std::string out;
  json::Writer(out)
      .begin_object()
      .field("title", document.title)
      .field("section", section.section)
      .field("source_type", "demo")
      .end_object();
  return out;
}

ingestion::NewChunk chunk_of(const DemoDocument& document, std::size_t index, const embed::Embedder* model,
                             Timestamp now) {
  const DemoSection& section = document.sections[index];
  ingestion::NewChunk chunk{.id = uuid7(now),
                            .index = static_cast<std::int64_t>(index),
                            .text = std::string(section.section).append(": ").append(section.sentence),
                            .metadata_json = metadata_of(document, section)};
  if (model != nullptr) {
    chunk.vector.resize(model->dimension());
    model->embed(chunk.text, chunk.vector);
  }
  return chunk;
}

Seed prepare(const embed::Embedder* model, const retrieval::IndexEngine& index, Timestamp now) {
  Seed seed{.config = json::write(retrieval::normalise_config(boost::json::object{}))};
  for (const DemoDocument& document : demo_documents()) {
    Batch batch{.uri = std::string(document.uri)};
    for (std::size_t i = 0; i < document.sections.size(); ++i) {
      ingestion::NewChunk chunk = chunk_of(document, i, model, now);
      batch.chunks.push_back(std::move(chunk));
    }
    seed.chunks += batch.chunks.size();
    seed.batches.push_back(std::move(batch));
  }
  std::vector<retrieval::IndexChunk> all;
  for (const Batch& batch : seed.batches)
    for (const retrieval::IndexChunk& chunk : ingestion::index_chunks({}, batch.chunks)) all.push_back(chunk);
  seed.prepared = index.prepare(model, all);
  return seed;
}

/// The corpus exists and has the demo's configuration, whatever it had before.
void assert_corpus(db::Tx& tx, const TenantScope& tenant, const std::string& config, Timestamp now) {
  const documents::DocumentsRepository corpora;
  std::optional<documents::StoredCorpus> corpus = corpora.find_corpus(tx, tenant, kCorpus);
  if (corpus) {
    corpus->provider_config_json = config;
    corpora.update_corpus(tx, tenant, *corpus);
    return;
  }
  (void)corpora.insert_corpus(tx, tenant,
                              {.id = std::string(kCorpus),
                               .name = std::string(kCorpusName),
                               .provider_config_json = config,
                               .embedding_model = std::nullopt,
                               .embedding_dimension = std::nullopt,
                               .created_at = now});
}

}  // namespace

SeedReport seed_demo(db::Database& database, const TenantScope& tenant, const retrieval::Embedders& embedders,
                     const retrieval::IndexEngine& index, const Clock& clock) {
  const std::shared_ptr<const embed::Embedder> model = embedders.current();
  const Timestamp now = clock.now();
  const Seed seed = prepare(model.get(), index, now);
  const std::optional<std::string> model_id = model ? std::optional<std::string>(model->model_id()) : std::nullopt;
  const ingestion::ChunksRepository chunks;
  return database.write([&](db::Tx& tx) {
    assert_corpus(tx, tenant, seed.config, now);
    (void)documents::DocumentsRepository().take_corpus(tx, tenant, kCorpus);  // of two seedings at once, one counts 0
    if (chunks.count(tx, tenant, kCorpus) > 0) return SeedReport{.already_seeded = true};
    for (const Batch& batch : seed.batches)
      chunks.insert(tx, tenant,
                    {.corpus_id = std::string(kCorpus),
                     .document_id = std::nullopt,
                     .document_uri = batch.uri,
                     .document_version = std::nullopt,
                     .embedding_model = model_id},
                    batch.chunks, now);
    index.add(tx, tenant, kCorpus, *seed.prepared);
    if (model)
      documents::DocumentsRepository().set_embedding_model(tx, tenant, kCorpus, model->model_id(),
                                                           static_cast<std::int64_t>(model->dimension()));
    return SeedReport{.already_seeded = false, .chunks = seed.chunks, .embedding_model = model_id};
  });
}

}  // namespace nexus::demo

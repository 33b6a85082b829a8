#include "modules/ingestion/reembed_handler.h"

#include "base/ids.h"
#include "json/json.h"
#include "observe/log.h"

#include <stdexcept>
#include <utility>

namespace nexus::ingestion {
namespace {

constexpr std::int64_t kPage = 500;

/// The vectors of a corpus, as they will be written.
struct Embedded {
  std::string id;
  std::vector<float> vector;
};

std::string corpus_of(const jobs::Job& job) {
  return std::string(json::parse(job.payload).as_object().at("corpus_id").as_string());
}

}  // namespace

ReembedHandler::ReembedHandler(db::Database& db, const Clock& clock, const retrieval::Embedders& embedders,
                               const retrieval::IndexEngine& index, observe::Metrics& metrics)
    : db_(db), clock_(clock), embedders_(embedders), index_(index), metrics_(metrics) {}

void ReembedHandler::run(jobs::Lease& lease) {
  const std::shared_ptr<const embed::Embedder> model = embedders_.current();
  const std::string corpus = corpus_of(lease.job());
  const TenantScope& tenant = lease.tenant();
  if (!model) throw std::runtime_error("no embedding model is installed");

  const std::unique_ptr<retrieval::IndexRebuild> rebuild = index_.rebuild(db_, tenant, corpus, *model);
  std::vector<Embedded> vectors;
  std::string after;
  for (;;) {
    const std::vector<StoredChunk> page =
        db_.read([&](db::Snapshot& s) { return chunks_.of_corpus(s, tenant, corpus, after, kPage); });
    if (page.empty()) break;
    after = page.back().id;
    const std::int64_t begun = clock_.steady_us();
    for (const StoredChunk& chunk : page) {
      if (lease.stopped().stop_requested()) throw std::runtime_error("the worker is stopping");
      Embedded next{.id = chunk.id, .vector = std::vector<float>(model->dimension())};
      model->embed(chunk.text, next.vector);
      rebuild->add({chunk.id, chunk.document_id ? *chunk.document_id : std::string_view{}, chunk.text, next.vector});
      vectors.push_back(std::move(next));
    }
    retrieval::count_embedded(metrics_, *model, page.size(), clock_.steady_us() - begun);
  }
  db_.write([&](db::Tx& tx) {
    for (const Embedded& chunk : vectors) chunks_.set_embedding(tx, tenant, chunk.id, model->model_id(), chunk.vector);
    rebuild->swap(tx);
    documents_.set_embedding_model(tx, tenant, corpus, model->model_id(),
                                   static_cast<std::int64_t>(model->dimension()));
    lease.complete(tx);
  });
  observe::log_info(
      "corpus embedded",
      {{"tenant_id", tenant.id()}, {"corpus_id", corpus}, {"model", model->model_id()}, {"chunks", vectors.size()}});
}

void ReembedHandler::on_dead(db::Tx& /*tx*/, const TenantScope& tenant, const jobs::Job& job, std::string_view reason,
                             bool /*permanent*/) {
  // The corpus stays searchable by its words; the next look for missing vectors enqueues it again.
  observe::log_warn("corpus could not be embedded",
                    {{"tenant_id", tenant.id()}, {"corpus_id", corpus_of(job)}, {"reason", reason}});
}

std::size_t ReembedHandler::enqueue_missing() {
  if (!embedders_.current()) return 0;
  const std::vector<CorpusKey> missing = db_.read([&](db::Snapshot& s) { return chunks_.corpora_without_vectors(s); });
  if (missing.empty()) return 0;
  const Timestamp now = clock_.now();
  return db_.write([&](db::Tx& tx) {
    std::size_t enqueued = 0;
    for (const CorpusKey& key : missing) {
      const jobs::NewJob job{.id = uuid4(),
                             .tenant_id = key.tenant_id,
                             .kind = std::string(kReembedJob),
                             .payload = json::write(boost::json::object{{"corpus_id", key.corpus_id}}),
                             .dedupe_key = key.corpus_id,
                             .run_at = now};
      if (jobs_.enqueue(tx, job, now)) ++enqueued;
    }
    return enqueued;
  });
}

}  // namespace nexus::ingestion

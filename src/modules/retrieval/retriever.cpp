#include "modules/retrieval/retriever.h"

#include "base/errors.h"
#include "modules/retrieval/corpus_config.h"
#include "observe/log.h"
#include "observe/metrics.h"

#include <algorithm>
#include <chrono>

namespace nexus::retrieval {
namespace {

/// While documents are replaced one after the other, the index can run ahead of several snapshots in a row.
constexpr int kMostLooks = 8;

CorpusConfig config_of(const documents::StoredCorpus& corpus) {
  try {
    CorpusConfig config = parse_config(corpus.provider_config_json);
    if (config.provider != "local_pgvector")
      throw RetrievalError(errors::kRetrievalConfigInvalid, "retrieval provider not registered");
    return config;
  } catch (const InvalidCorpusConfig& e) {
    throw RetrievalError(errors::kRetrievalConfigInvalid, e.what());
  }
}

observe::Histogram& stage_seconds(observe::Metrics& metrics, const char* stage) {
  return metrics.histogram("nexusrag_search_stage_seconds", {{"stage", stage}});
}

/// Times one stage of a search, from here to the end of its block.
class Stage {
 public:
  Stage(const Clock& clock, observe::Histogram& seconds)
      : clock_(clock), seconds_(seconds), begun_us_(clock.steady_us()) {}
  ~Stage() { seconds_.observe(static_cast<double>(clock_.steady_us() - begun_us_) / 1e6); }
  Stage(const Stage&) = delete;
  Stage& operator=(const Stage&) = delete;

 private:
  const Clock& clock_;
  observe::Histogram& seconds_;
  std::int64_t begun_us_;
};

}  // namespace

CorpusNotFound::CorpusNotFound() : RetrievalError(errors::kRetrievalConfigInvalid, "corpus not found") {}

Retriever::Retriever(db::Database& db, const Embedders& embedders, const IndexEngine& index,
                     const authz::DocumentAccess& access, observe::Metrics& metrics, const Clock& clock,
                     std::int64_t timeout_us, std::size_t passage_cache_bytes)
    : db_(db),
      embedders_(embedders),
      index_(index),
      access_(access),
      metrics_(metrics),
      clock_(clock),
      timeout_us_(timeout_us),
      recent_(passage_cache_bytes),
      access_seconds_(stage_seconds(metrics, "access")),
      embed_seconds_(stage_seconds(metrics, "embed")),
      rank_seconds_(stage_seconds(metrics, "rank")),
      passages_seconds_(stage_seconds(metrics, "passages")),
      hits_(metrics.histogram("nexusrag_search_hits")) {}

Answer Retriever::retrieve(const Question& question) const {
  const std::int64_t begun = clock_.steady_us();
  try {
    const std::string scope = documents::corpus_scope(question.tenant, question.corpus_id);
    Attempt found;
    for (int look = 0; look < kMostLooks && (look == 0 || found.stale); ++look) {
      const std::uint64_t changes = db_.change_count(scope);
      found = db_.read([&](db::Snapshot& snapshot) { return attempt(snapshot, question, scope, changes); });
    }
    metrics_.histogram("nexusrag_search_seconds", {{"mode", std::string(mode_name(found.answer.mode))}})
        .observe(static_cast<double>(clock_.steady_us() - begun) / 1e6);
    hits_.observe(static_cast<double>(found.answer.passages.size()));
    return std::move(found.answer);
  } catch (const RetrievalError&) {
    metrics_.counter("nexusrag_search_errors_total", {{"reason", "config"}}).add();
    throw;
  } catch (const std::exception& e) {
    const bool late = dynamic_cast<const search::SearchTimeout*>(&e) != nullptr;
    metrics_.counter("nexusrag_search_errors_total", {{"reason", late ? "timeout" : "failure"}}).add();
    observe::log_error("retrieval failed", {{"tenant_id", question.tenant.id()}, {"reason", e.what()}});
    throw RetrievalError(errors::kRetrievalError, "Retrieval failed.");
  }
}

std::shared_ptr<const KnownCorpus> Retriever::corpus(db::Snapshot& snapshot, const Question& question,
                                                     const std::string& scope, std::uint64_t changes) const {
  if (std::shared_ptr<const KnownCorpus> known = known_.find(scope, changes)) return known;
  std::optional<documents::StoredCorpus> row = corpora_.find_corpus(snapshot, question.tenant, question.corpus_id);
  if (!row) throw CorpusNotFound();
  CorpusConfig config = config_of(*row);
  auto known = std::make_shared<const KnownCorpus>(KnownCorpus{std::move(*row), std::move(config)});
  known_.put(scope, changes, known);
  return known;
}

Retriever::Attempt Retriever::attempt(db::Snapshot& snapshot, const Question& question, const std::string& scope,
                                      std::uint64_t changes) const {
  const std::shared_ptr<const KnownCorpus> corpus = this->corpus(snapshot, question, scope, changes);
  const CorpusConfig& config = corpus->config;
  Attempt out;
  out.answer.provider = config.provider;
  out.answer.top_k = std::clamp<std::int64_t>(question.top_k.value_or(config.top_k_default), 1, question.most);
  out.answer.mode = question.mode.value_or(config.mode);
  const std::vector<search::Hit> hits = search(snapshot, question, *corpus, changes, out.answer);
  const Stage fetching(clock_, passages_seconds_);
  for (const search::Hit& hit : hits) {
    std::optional<Passage> passage = this->passage(snapshot, question.tenant, hit.chunk);
    if (!passage) {
      out.stale = true;
      continue;
    }
    passage->score = std::clamp(static_cast<double>(hit.score), 0.0, 1.0);
    passage->lexical = hit.lexical;
    passage->dense = hit.dense;
    out.answer.passages.push_back(std::move(*passage));
  }
  return out;
}

std::optional<Passage> Retriever::passage(db::Snapshot& snapshot, const TenantScope& tenant,
                                          const search::ChunkId& chunk) const {
  const std::string id = chunk.to_string();
  std::optional<Passage> found = recent_.find(tenant, id);
  if (found) return found;
  found = passages_.find(snapshot, tenant, id);
  if (found) recent_.put(tenant, *found);
  return found;
}

std::vector<search::Hit> Retriever::search(db::Snapshot& snapshot, const Question& question, const KnownCorpus& corpus,
                                           std::uint64_t changes, Answer& answer) const {
  std::optional<Stage> stage(std::in_place, clock_, access_seconds_);
  const search::ReadableDocuments readable =
      access_.readable(snapshot, question.tenant, question.principal, corpus.row.id);
  stage.reset();
  std::shared_ptr<const embed::Embedder> embedder;
  std::vector<float> vector;
  if (answer.mode != search::Mode::kLexical && corpus.row.embedding_model)
    embedder = embedders_.find(*corpus.row.embedding_model);
  if (embedder) {
    const Stage embedding(clock_, embed_seconds_);
    vector.resize(embedder->dimension());
    embedder->embed(question.query, vector);
  } else {
    answer.mode = search::Mode::kLexical;
  }
  const double alpha = corpus.config.alpha.value_or(embedder ? static_cast<double>(embedder->fusion_weight()) : 0.0);
  const Stage ranking(clock_, rank_seconds_);
  return index_.search(snapshot, question.tenant, corpus.row.id, changes,
                       {.text = question.query,
                        .vector = vector,
                        .model_id = embedder ? embedder->model_id() : std::string_view{},
                        .k = static_cast<std::size_t>(answer.top_k),
                        .mode = answer.mode,
                        .alpha = static_cast<float>(alpha),
                        .readable = readable,
                        .deadline = std::chrono::steady_clock::now() + std::chrono::microseconds(timeout_us_)});
}

}  // namespace nexus::retrieval

#include "opensearch/opensearch_index.h"

#include "observe/log.h"
#include "observe/metrics.h"
#include "opensearch/filter.h"
#include "opensearch/scoring.h"
#include "search/ranking.h"
#include "search/vectors.h"

#include <algorithm>
#include <chrono>
#include <set>
#include <stdexcept>
#include <utility>

namespace nexus::opensearch {
namespace {

observe::Counter& dropped(observe::Metrics& metrics, const char* reason) {
  return metrics.counter("nexusrag_search_hits_dropped_total", {{"reason", reason}});
}

/// Milliseconds left; throws SearchTimeout when there are none.
std::int64_t left_ms(const std::optional<search::SearchDeadline>& deadline, std::int64_t otherwise) {
  if (!deadline) return otherwise;
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(*deadline - std::chrono::steady_clock::now());
  if (left.count() <= 0) throw search::SearchTimeout();
  return left.count();
}

void check(const Question& question) {
  if (question.k == 0) throw std::invalid_argument("k must be at least 1");
  if (!(question.alpha >= 0 && question.alpha <= 1)) throw std::invalid_argument("alpha must be between 0 and 1");
}

/// Ranks, asks the rows for the best, and ranks again without those that are gone until all of the best are there.
std::vector<search::Hit> rank_existing(Scored scored, const Question& question, const OpenSearchIndex::InRows& in_rows,
                                       observe::Counter& gone) {
  std::set<search::ChunkId> there;
  for (;;) {
    std::vector<search::Hit> best = search::rank(scored.chunks, question.mode, scored.has_dense, question.alpha,
                                                 std::min(question.k, search::kMaxResults));
    std::vector<search::ChunkId> unknown;
    for (const search::Hit& hit : best)
      if (!there.contains(hit.chunk)) unknown.push_back(hit.chunk);
    if (unknown.empty()) return best;
    const std::vector<bool> found = in_rows(unknown);
    std::set<search::ChunkId> missing;
    for (std::size_t i = 0; i < unknown.size(); ++i) (found.at(i) ? there : missing).insert(unknown[i]);
    if (missing.empty()) return best;
    gone.add(missing.size());
    std::erase_if(scored.chunks, [&](const search::ScoredChunk& chunk) { return missing.contains(chunk.chunk); });
  }
}

}  // namespace

OpenSearchIndex::OpenSearchIndex(Cluster& cluster, SearchOptions options, observe::Metrics& metrics)
    : cluster_(cluster),
      options_(options),
      foreign_(dropped(metrics, "tenant")),
      unreadable_(dropped(metrics, "permission")),
      gone_(dropped(metrics, "gone")) {}

std::vector<search::Hit> OpenSearchIndex::search(const TenantScope& tenant, std::string_view corpus,
                                                 const Question& question, const InRows& in_rows) {
  check(question);
  std::vector<QuestionTerm> terms;
  if (question.mode != search::Mode::kDense) terms = question_terms(question.text, options_.max_query_terms);
  std::optional<SearchAnswer> found;
  try {
    found = ask(tenant, corpus, question, terms);
  } catch (const Error& e) {
    if (e.kind() == ErrorKind::kMissing || e.kind() == ErrorKind::kRefused) cluster_.forget();
    if (e.kind() == ErrorKind::kTimeout) throw search::SearchTimeout();
    throw;
  }
  if (!found) return {};
  drop_strangers(found->lexical, tenant, corpus, question);
  drop_strangers(found->dense, tenant, corpus, question);
  Scored scored = score(*found, {.terms = terms, .vector = question.vector, .model_id = question.model_id});
  return rank_existing(std::move(scored), question, in_rows, gone_);
}

std::optional<SearchAnswer> OpenSearchIndex::ask(const TenantScope& tenant, std::string_view corpus,
                                                 const Question& question, std::span<const QuestionTerm> terms) {
  const Scope scope{tenant.id(), corpus};
  const std::optional<std::string> readable = readable_clauses(scope, question.readable, question.attributes, options_);
  const bool dense = question.mode != search::Mode::kLexical && search::has_direction(question.vector);
  if (!readable || (terms.empty() && !dense)) return std::nullopt;
  const std::string statistics = corpus_clauses(scope);
  std::string field;
  if (dense) field = cluster_.vector_field(question.model_id, question.vector.size());
  cluster_.prepare();
  const std::int64_t left = left_ms(question.deadline, options_.timeout_ms);
  const SearchRequest request{.index = cluster_.index(),
                              .tenant = tenant.id(),
                              .corpus_clauses = statistics,
                              .readable_clauses = *readable,
                              .terms = terms,
                              .vector_field = field,
                              .vector = question.vector,
                              .candidates = std::max({options_.candidates, question.k, search::kCandidates}),
                              .timeout_ms = left};
  const std::string body = cluster_.send({.integration = "opensearch.search",
                                          .method = "POST",
                                          .path = "/_msearch",
                                          .body = msearch_body(request, cluster_.dialect()),
                                          .lines = true,
                                          .timeout_ms = left});
  return read_msearch(body, request);
}

void OpenSearchIndex::drop_strangers(std::vector<Candidate>& hits, const TenantScope& tenant, std::string_view corpus,
                                     const Question& question) {
  const std::size_t foreign =
      std::erase_if(hits, [&](const Candidate& hit) { return hit.tenant != tenant.id() || hit.corpus != corpus; });
  const std::size_t unreadable =
      std::erase_if(hits, [&](const Candidate& hit) { return !question.readable.contains(hit.document); });
  foreign_.add(foreign);
  unreadable_.add(unreadable);
  // Attributes in the index may be older than the permissions. Everything else is an alarm and not a routine.
  if (foreign > 0 || (unreadable > 0 && question.attributes.empty()))
    observe::log_error("the search cluster returned chunks that were filtered out",
                       {{"tenant_id", tenant.id()}, {"corpus_id", corpus}, {"hits", foreign + unreadable}});
}

}  // namespace nexus::opensearch

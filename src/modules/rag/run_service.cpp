#include "modules/rag/run_service.h"

#include "base/errors.h"
#include "base/ids.h"
#include "crypto/hash.h"
#include "json/json.h"
#include "modules/documents/ports.h"
#include "modules/plans/plans_types.h"
#include "modules/retrieval/ports.h"
#include "observe/log.h"
#include "observe/metrics.h"

#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <exception>
#include <mutex>

namespace nexus::rag {
namespace {

RunFailure failure_of(const retrieval::RetrievalError& error) {
  return {std::string(error.kind().code), error.what()};
}

/// What a resumed request must repeat.
std::string question_of(const RunRequest& request) {
  return std::to_string(request.corpus_id.size()) + ":" + request.corpus_id + request.message;
}

/// Empty for a corpus that is unknown or badly configured: retrieval says so later, in its own words.
std::string provider_of(db::Snapshot& db, const TenantScope& tenant, std::string_view corpus_id) {
  const std::optional<documents::StoredCorpus> corpus =
      documents::DocumentsRepository().find_corpus(db, tenant, corpus_id);
  if (!corpus) return {};
  try {
    return retrieval::parse_config(corpus->provider_config_json).provider;
  } catch (const retrieval::InvalidCorpusConfig&) {
    return {};
  }
}

boost::json::object metadata_object(const std::string& text) {
  const boost::json::value value = json::parse(text);
  return value.is_object() ? value.as_object() : boost::json::object{};
}

SearchHit hit_from(const retrieval::Passage& passage, bool explain) {
  SearchHit hit{.chunk_id = passage.chunk_id,
                .document_id = passage.document_id,
                .source = passage.source,
                .score = passage.score,
                .text = passage.text,
                .metadata = metadata_object(passage.metadata),
                .document_version = passage.document_version,
                .start = passage.start_byte,
                .end = passage.end_byte,
                .sha256 = crypto::sha256_hex(passage.text),
                .lexical = std::nullopt,
                .dense = std::nullopt};
  if (explain) {
    hit.lexical = passage.lexical;
    hit.dense = passage.dense;
  }
  return hit;
}

}  // namespace

/// The session transaction, under way while the same thread retrieves. wait() must be called before the request goes.
class RunService::Opening {
 public:
  void finish(std::exception_ptr error) {
    // Under the lock: once the waiter can see `done_`, it may take this object away.
    const std::lock_guard lock(mutex_);
    done_ = true;
    error_ = std::move(error);
    changed_.notify_one();
  }
  std::exception_ptr wait() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return done_; });
    return error_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool done_ = false;
  std::exception_ptr error_;
};

RunService::RunService(RunServices& services, audit::Log& audit, const retrieval::Retriever& retriever,
                       plans::Entitlements& entitlements, RunLogs& logs, RunOptions options)
    : services_(services),
      audit_(audit),
      retriever_(retriever),
      entitlements_(entitlements),
      logs_(logs),
      options_(options),
      places_(options.max_concurrency, options.per_tenant) {}

void RunService::check_sizes(const RunRequest& request) const {
  const auto bound = [](std::string_view name, const std::string& value, std::int64_t most) {
    if (std::cmp_greater(value.size(), most))
      throw ApiError(errors::kInvalidInput, fmt::format("{} is longer than {} bytes", name, most));
  };
  bound("message", request.message, options_.max_message_bytes);
  bound("session_id", request.session_id, options_.max_session_id_bytes);
}

void RunService::require_provider(const TenantScope& tenant, std::string_view corpus_id) const {
  // A plan with all providers need not know which one this is.
  if (entitlements_.enabled(tenant, plans::kRetrievalLocalPgvector) &&
      entitlements_.enabled(tenant, plans::kRetrievalAwsBedrock) &&
      entitlements_.enabled(tenant, plans::kRetrievalGcpVertex))
    return;
  const std::string provider = services_.db.read([&](db::Snapshot& db) { return provider_of(db, tenant, corpus_id); });
  const std::string_view feature = plans::feature_of_provider(provider);
  if (!feature.empty()) entitlements_.require(tenant, feature);
}

std::shared_ptr<const RunPlan> RunService::prepare(const http::Call& call, const RunRequest& request) {
  check_sizes(request);
  auto plan = std::make_shared<RunPlan>(call.tenant());
  plan->slot = places_.try_acquire(call.tenant().id());
  if (!plan->slot) {
    services_.metrics.counter("nexusrag_service_busy_total").add();
    throw ApiError(errors::kServiceBusy, "Run capacity is saturated").with_header("Retry-After", "1");
  }
  require_provider(call.tenant(), request.corpus_id);
  if (request.audio) entitlements_.require(call.tenant(), plans::kTts);
  plan->trace = observe::current_trace();
  plan->run_id = uuid4();
  plan->http_request_id = call.request_id;
  plan->session_id = request.session_id;
  plan->corpus_id = request.corpus_id;
  plan->question = request.message;
  plan->started_at = call.now;
  plan->log =
      logs_.open(call.tenant().id(), call.principal().subject_id, request.session_id, call.now, question_of(request));

  // The user's turn need not be on the disk before the answer is: the answer's durable commit carries it (ADR 0002).
  bool foreign = false;
  std::vector<StoredMessage> history;
  Opening opening;
  const std::string message_id = uuid7(call.now);
  const std::int64_t opening_us = services_.segments.persistence_pre_stream.begin(plan->trace);
  services_.db.write_async(
      [&](db::Tx& tx) {
        const SessionsRepository& rows = services_.sessions;
        foreign = !rows.open(tx, plan->tenant, plan->session_id, call.principal().subject_id, call.now);
        if (foreign) return;
        const std::int64_t seq =
            rows.append(tx, plan->tenant, plan->session_id, message_id, "user", plan->question, "complete", call.now);
        // Here, not in a snapshot of its own: the writer has these pages at hand, and a new session has no history.
        if (seq > 1) history = rows.recent(tx, plan->tenant, plan->session_id, seq, options_.history_messages);
        record_invocation(tx, call, *plan, request);
      },
      db::Durability::kRelaxed, [&](std::exception_ptr error) { opening.finish(std::move(error)); });

  std::exception_ptr unexpected;
  try {
    const auto timer = services_.segments.retrieval.time(plan->trace);
    retrieve(*plan, call, request);
  } catch (const std::exception&) {
    unexpected = std::current_exception();  // the transaction still points into this frame
  }
  const std::exception_ptr not_opened = opening.wait();
  services_.segments.persistence_pre_stream.record(plan->trace, opening_us);
  if (unexpected) std::rethrow_exception(unexpected);
  if (not_opened) {
    observe::log_error("run could not be opened", {{"request_id", call.request_id}});
    plan->opened = false;
    plan->failure = RunFailure{std::string(errors::kDbError.code), "Database error during run. Check server logs."};
  } else if (foreign) {
    plan->opened = false;
    plan->failure = RunFailure{std::string(errors::kNotFound.code), "Session not found"};
  }
  if (plan->opened) {
    plan->history = std::move(history);
    plan->headers = {{"X-SLA-Status", "healthy"},
                     {"X-SLA-Policy-Id", ""},
                     {"X-SLA-Decision", "allow"},
                     {"X-SLA-Route-Class", "run"},
                     {"X-SLA-Window-End", ""}};
    if (services_.llm.reads_messages())
      plan->messages = build_messages(plan->question, plan->history, plan->context, options_.prompt);
  }
  return plan;
}

void RunService::retrieve(RunPlan& plan, const http::Call& call, const RunRequest& request) const {
  try {
    retrieval::Answer found = retriever_.retrieve({.tenant = call.tenant(),
                                                   .principal = call.principal(),
                                                   .corpus_id = request.corpus_id,
                                                   .query = request.message,
                                                   .top_k = request.top_k,
                                                   .most = retrieval::kMostForRun,
                                                   .mode = std::nullopt});
    plan.top_k = found.top_k;
    plan.provider = found.provider;
    plan.context = std::move(found.passages);
  } catch (const retrieval::RetrievalError& e) {
    plan.failure = failure_of(e);
  }
}

void RunService::record_invocation(db::Tx& tx, const http::Call& call, const RunPlan& plan,
                                   const RunRequest& request) const {
  audit::Event event = audit::event_of(call, "run.invoked");
  event.resource_type = "run";
  event.resource_id = plan.run_id;
  event.metadata = {{"session_id", request.session_id},
                    {"corpus_id", request.corpus_id},
                    {"top_k_requested", request.top_k ? boost::json::value(*request.top_k) : boost::json::value()},
                    {"top_k_effective", request.top_k ? boost::json::value(std::clamp<std::int64_t>(
                                                            *request.top_k, 1, retrieval::kMostForRun))
                                                      : boost::json::value()},
                    {"audio_requested", request.audio},
                    {"audio_effective", false}};
  audit_.record(tx, event);
}

SearchAnswer RunService::search(const http::Call& call, const SearchRequest& request) const {
  if (std::cmp_greater(request.query.size(), options_.max_message_bytes))
    throw ApiError(errors::kInvalidInput, fmt::format("query is longer than {} bytes", options_.max_message_bytes));
  require_provider(call.tenant(), request.corpus_id);
  std::optional<search::Mode> mode;
  if (request.mode) mode = retrieval::parse_mode(*request.mode);
  try {
    const retrieval::Answer found = retriever_.retrieve({.tenant = call.tenant(),
                                                         .principal = call.principal(),
                                                         .corpus_id = request.corpus_id,
                                                         .query = request.query,
                                                         .top_k = request.top_k,
                                                         .most = retrieval::kMostForSearch,
                                                         .mode = mode});
    SearchAnswer answer{.corpus_id = request.corpus_id,
                        .mode = std::string(retrieval::mode_name(found.mode)),
                        .top_k = found.top_k,
                        .hits = {}};
    answer.hits.reserve(found.passages.size());
    for (const retrieval::Passage& passage : found.passages) answer.hits.push_back(hit_from(passage, request.explain));
    return answer;
  } catch (const retrieval::CorpusNotFound&) {
    throw ApiError(errors::kNotFound, "Corpus not found");
  } catch (const retrieval::RetrievalError& e) {
    throw ApiError(e.kind(), e.what());
  }
}

FoundRun RunService::find_run(const http::Call& call, const RunRequest& request) const {
  const std::string question = question_of(request);
  return logs_.find_anywhere({.tenant = call.tenant().id(),
                              .subject = call.principal().subject_id,
                              .session = request.session_id,
                              .question = question},
                             call.now);
}

}  // namespace nexus::rag

#pragma once

#include "base/error.h"
#include "base/principal.h"
#include "base/time.h"
#include "db/database.h"
#include "exec/bulkhead.h"
#include "exec/lane.h"
#include "http/message.h"
#include "modules/quotas/ports.h"
#include "modules/rag/llm.h"
#include "modules/rag/prompt.h"
#include "modules/rag/run_log.h"
#include "modules/rag/sessions_repository.h"
#include "modules/retrieval/ports.h"
#include "observe/segment.h"
#include "observe/trace.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace nexus::observe {
class Metrics;
}

namespace nexus::rag {

/// What went wrong before or during a run, as the SSE `error` event says it.
struct RunFailure {
  std::string code;
  std::string message;
};

/// Everything decided about one run before its stream begins. Shared by the stream (I/O thread) and the generator
/// (outbound lane); immutable by then.
struct RunPlan {
  explicit RunPlan(TenantScope scope) : tenant(std::move(scope)) {}
  /// A run that never became a stream, or whose stream was torn down, must not keep resumed readers waiting.
  ~RunPlan() {
    if (log) log->finish(false);
  }
  RunPlan(const RunPlan&) = delete;
  RunPlan& operator=(const RunPlan&) = delete;

  TenantScope tenant;
  observe::TraceContext trace;  ///< of the request; invalid where nothing is traced
  std::string run_id;
  std::string http_request_id;
  std::string session_id;
  std::string corpus_id;
  std::string question;
  Timestamp started_at;
  std::int64_t top_k = 0;  ///< effective
  std::string provider;
  std::vector<StoredMessage> history;
  std::vector<ChatMessage> messages;
  std::vector<retrieval::Passage> context;
  std::optional<RunFailure> failure;  ///< found while preparing: the stream says so and ends
  bool opened = true;                 ///< false: the session transaction failed, nothing of the run is stored
  http::Pairs headers;
  /// Given back by the stream when it goes: writes that still wait hold the plan, not the place.
  mutable std::optional<exec::Bulkhead::Slot> slot;
  std::shared_ptr<RunLog> log;  ///< null when resuming is off
};

struct RunStreamOptions {
  std::int64_t heartbeat_us = 10 * Timestamp::kSecond;
  std::int64_t pace_us = 0;  ///< pause after each token.delta (SSE_FLUSH_INTERVAL_MS)
  bool debug_events = false;
  double chars_per_token = 4.0;  ///< COST_ESTIMATOR_TOKEN_CHARS_RATIO
  db::Durability answer_durability = db::Durability::kDurable;
};

/// The timed stretches of a run (contract 01 §13.1); without any, nothing is measured.
struct RunSegments {
  observe::Segment persistence_pre_stream;
  observe::Segment retrieval;
  observe::Segment generation_stream;
  observe::Segment checkpoint_snapshot;
  observe::Segment sse_first_token;
  observe::Segment persistence_post_stream;
  observe::Segment sse_completion;

  RunSegments() = default;
  explicit RunSegments(const observe::Segments& make)
      : persistence_pre_stream(make.of("run", "persistence_pre_stream")),
        retrieval(make.of("run", "retrieval")),
        generation_stream(make.of("run", "generation_stream")),
        checkpoint_snapshot(make.of("run", "checkpoint_snapshot")),
        sse_first_token(make.of("run", "sse_first_token")),
        persistence_post_stream(make.of("run", "persistence_post_stream")),
        sse_completion(make.of("run", "sse_completion")) {}
};

/// What streams need of the process. Outlives every stream.
struct RunServices {
  db::Database& db;
  const Clock& clock;
  exec::Lane& outbound;
  const Llm& llm;
  observe::Metrics& metrics;
  SessionsRepository sessions;
  RunStreamOptions options;
  quotas::TokenMeter* tokens = nullptr;  ///< null: nobody counts
  RunSegments segments = {};
};

}  // namespace nexus::rag

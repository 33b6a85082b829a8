#pragma once

#include "base/time.h"
#include "db/database.h"
#include "exec/bulkhead.h"
#include "http/call.h"
#include "modules/audit/ports.h"
#include "modules/plans/ports.h"
#include "modules/rag/run_log.h"
#include "modules/rag/run_plan.h"
#include "modules/rag/run_types.h"
#include "modules/retrieval/ports.h"

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace nexus::rag {

struct RunOptions {
  std::size_t max_concurrency = 10;
  std::size_t per_tenant = 0;  ///< 0: no share
  std::int64_t max_message_bytes = 64 * 1024;
  std::int64_t max_session_id_bytes = 256;
  std::int64_t history_messages = 50;
  PromptBudget prompt;
};

/// Prepares runs: takes a place, opens the session, retrieves, builds the prompt. Everything here blocks and runs on
/// the db lane; the stream that follows does not.
class RunService {
 public:
  RunService(RunServices& services, audit::Log& audit, const retrieval::Retriever& retriever,
             plans::Entitlements& entitlements, RunLogs& logs, RunOptions options);

  /// Throws ApiError 503 SERVICE_BUSY when no place is free, 422 for oversized fields and 403 FEATURE_NOT_ENABLED when
  /// the tenant's plan lacks the corpus's provider or speech; what goes wrong after the session is opened is part of
  /// the plan and is told by the stream.
  [[nodiscard]] std::shared_ptr<const RunPlan> prepare(const http::Call& call, const RunRequest& request);

  [[nodiscard]] SearchAnswer search(const http::Call& call, const SearchRequest& request) const;
  /// The run that a resumed request reads on, wherever it was begun.
  [[nodiscard]] FoundRun find_run(const http::Call& call, const RunRequest& request) const;

 private:
  class Opening;

  void check_sizes(const RunRequest& request) const;
  void require_provider(const TenantScope& tenant, std::string_view corpus_id) const;
  void retrieve(RunPlan& plan, const http::Call& call, const RunRequest& request) const;
  void record_invocation(db::Tx& tx, const http::Call& call, const RunPlan& plan, const RunRequest& request) const;

  RunServices& services_;
  audit::Log& audit_;
  const retrieval::Retriever& retriever_;
  plans::Entitlements& entitlements_;
  RunLogs& logs_;
  RunOptions options_;
  exec::Bulkhead places_;
};

}  // namespace nexus::rag

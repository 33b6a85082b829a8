#pragma once

#include "app/core.h"
#include "app/pipeline.h"
#include "exec/lane.h"
#include "exec/periodic.h"
#include "http/router.h"
#include "http/server.h"
#include "modules/audit/audit_api.h"
#include "modules/docs/docs_api.h"
#include "modules/documents/documents_api.h"
#include "modules/health/health_api.h"
#include "modules/rag/run_api.h"
#include "modules/rag/run_log.h"
#include "modules/rag/run_service.h"

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

namespace nexus::app {

/// The server: lanes, rooms, pipeline, listener, in-process workers. Built in one place, in order; shut down in
/// reverse.
class App {
 public:
  App(const config::Settings& settings, const Clock& clock, const Core::Options& options = {});
  ~App();
  App(const App&) = delete;
  App& operator=(const App&) = delete;

  /// Binds and serves. Writes DATA_DIR/run/address. Throws std::system_error when the address is taken.
  void start();
  /// Readiness says no, the listener closes, requests and streams finish within SHUTDOWN_GRACE_S, jobs go back to the
  /// queue. True when everything ended in time.
  bool stop();

  [[nodiscard]] std::string address() const { return server_->address(); }
  [[nodiscard]] std::uint16_t port() const { return server_->port(); }
  [[nodiscard]] Core& core() { return core_; }
  [[nodiscard]] const std::vector<http::Endpoint>& endpoints() const { return router_->endpoints(); }

 private:
  [[nodiscard]] std::vector<http::Endpoint> collect_endpoints();
  void start_maintenance();
  void write_address() const;

  Core core_;
  std::atomic<bool> stopping_{false};
  exec::Lane db_lane_;
  exec::Lane outbound_lane_;
  exec::Lane bulk_lane_;
  std::unique_ptr<const rag::Llm> llm_;
  rag::RunServices run_services_;
  rag::RunLogs run_logs_;
  rag::RunService run_service_;
  rag::RunApi run_api_;
  documents::DocumentsApi documents_api_;
  audit::AuditApi audit_api_;
  health::HealthApi health_api_;
  docs::DocsApi docs_api_;
  Pipeline pipeline_;
  std::unique_ptr<http::Router> router_;
  std::unique_ptr<http::Server> server_;
  std::unique_ptr<exec::Periodic> maintenance_;
};

}  // namespace nexus::app

#pragma once

#include "app/core.h"
#include "app/language_models.h"
#include "app/pipeline.h"
#include "app/tracing.h"
#include "exec/lane.h"
#include "exec/periodic.h"
#include "http/router.h"
#include "http/server.h"
#include "modules/audit/audit_api.h"
#include "modules/auth/keys_api.h"
#include "modules/auth/tenant_keys.h"
#include "modules/billing/billing_api.h"
#include "modules/docs/docs_api.h"
#include "modules/documents/documents_api.h"
#include "modules/health/health_api.h"
#include "modules/jobs/queue_gauges.h"
#include "modules/maintenance/maintenance_api.h"
#include "modules/plans/plans_api.h"
#include "modules/plans/upgrade_requests.h"
#include "modules/quotas/quotas_api.h"
#include "modules/rag/run_api.h"
#include "modules/rag/run_log.h"
#include "modules/rag/run_service.h"
#include "modules/stats/aggregates.h"
#include "modules/stats/benchmark_file.h"
#include "modules/stats/stats_api.h"
#include "modules/stats/stats_board.h"
#include "modules/stats/uptime.h"
#include "modules/usage/usage_api.h"

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
  void start_periodic();
  void write_address() const;

  Core core_;
  std::atomic<bool> stopping_{false};
  Tracing tracing_;
  observe::Segments segments_;
  Deliveries deliveries_;
  Enforcement enforcement_;
  exec::Lane db_lane_;
  exec::Lane outbound_lane_;
  exec::Lane bulk_lane_;
  LanguageModels models_;
  rag::RunServices run_services_;
  std::unique_ptr<rag::RunLogStore> shared_runs_;  ///< null without Redis
  rag::RunLogs run_logs_;
  rag::RunService run_service_;
  rag::RunApi run_api_;
  documents::DocumentsApi documents_api_;
  audit::AuditApi audit_api_;
  auth::TenantKeys tenant_keys_;
  auth::KeysApi keys_api_;
  quotas::QuotasApi quotas_api_;
  usage::UsageApi usage_api_;
  plans::UpgradeRequests upgrades_;
  plans::PlansApi plans_api_;
  billing::BillingApi billing_api_;
  maintenance::MaintenanceApi maintenance_api_;
  stats::StatsBoard stats_board_;
  stats::BenchmarkFile benchmark_;
  stats::UptimeMarks uptime_;
  stats::StatsApi stats_api_;
  health::HealthApi health_api_;
  docs::DocsApi docs_api_;
  Pipeline pipeline_;
  jobs::QueueGauges queue_gauges_;
  std::unique_ptr<http::Router> router_;
  std::unique_ptr<http::Server> server_;
  std::unique_ptr<exec::Periodic> periodic_;  ///< what must be on time
  std::unique_ptr<exec::Periodic> cleaning_;  ///< what may take minutes
};

}  // namespace nexus::app

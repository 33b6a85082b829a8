#pragma once

#include "app/enforcement.h"
#include "app/search_cluster.h"
#include "app/shared_state.h"
#include "base/time.h"
#include "config/settings.h"
#include "db/database.h"
#include "db/migrator.h"
#include "modules/audit/aggregated_log.h"
#include "modules/audit/audit_log.h"
#include "modules/auth/authenticator.h"
#include "modules/auth/keys_service.h"
#include "modules/authz/tenant_access.h"
#include "modules/documents/documents_service.h"
#include "modules/documents/object_store.h"
#include "modules/ingestion/ingest_handler.h"
#include "modules/ingestion/reembed_handler.h"
#include "modules/jobs/worker.h"
#include "modules/maintenance/maintenance.h"
#include "modules/retrieval/embedders.h"
#include "modules/retrieval/index_engine.h"
#include "modules/retrieval/postgres_upkeep.h"
#include "modules/retrieval/retriever.h"
#include "observe/metrics.h"
#include "observe/process_figures.h"
#include "text/extract/extract.h"

#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace nexus::app {

/// What the process needs whatever it does: the database, brought up to date, and the services above it, without
/// listener or threads of its own except the audit writer's and those of its connections. Built in order, destroyed in
/// reverse. The server, the worker, the command line and the tests stand on it.
class Core {
 public:
  struct Options {
    bool migrate = true;  ///< false: refuse to start on an old schema
    /// Program that answers `__extract`; tests name the server binary.
    std::string extract_program = "/proc/self/exe";
  };

  /// Throws config::ConfigError, db::Error, db::MigrationError, std::system_error.
  Core(const config::Settings& settings, const Clock& clock, const Options& options);
  ~Core();
  Core(const Core&) = delete;
  Core& operator=(const Core&) = delete;

  const config::Settings& settings;
  const Clock& clock;
  observe::Metrics metrics;
  std::unique_ptr<db::Database> db;
  SharedState shared;
  std::unique_ptr<observe::ProcessFigures> figures;
  std::unique_ptr<audit::AuditLog> audit;
  std::unique_ptr<Outside> outside;
  std::unique_ptr<SearchCluster> search_cluster;  ///< null unless SEARCH_ENGINE says so
  /// For what strangers can cause as often as they like: refusals are counted and written once a window.
  std::unique_ptr<audit::AggregatedLog> refusals;
  std::unique_ptr<Entitled> entitled;
  /// Called after a commit that left a billing event; set, before anything is served, by who delivers.
  billing::AfterStored wake_deliveries;
  std::unique_ptr<billing::BillingOutbox> outbox;
  std::unique_ptr<auth::Authenticator> authenticator;
  std::unique_ptr<auth::KeysService> keys;
  authz::TenantAccess access;
  documents::ObjectStore objects;
  retrieval::Embedders embedders;
  std::unique_ptr<retrieval::IndexEngine> index;
  std::unique_ptr<retrieval::Retriever> retriever;
  text::extract::Extractor extractor;
  std::unique_ptr<ingestion::IngestHandler> ingest_handler;
  std::unique_ptr<jobs::Worker> ingest_worker;
  std::unique_ptr<ingestion::ReembedHandler> reembed_handler;
  std::unique_ptr<jobs::Worker> reembed_worker;
  std::unique_ptr<documents::DocumentsService> documents;
  std::unique_ptr<maintenance::Maintenance> maintenance;

  /// A search waits for another machine: not on a db lane.
  [[nodiscard]] bool searches_elsewhere() const noexcept { return search_cluster != nullptr; }
  /// What keeps the index in order behind the writes, on a thread of its own: deliveries to the search cluster
  /// (OPENSEARCH_FEEDER), statistics and vector indexes in PostgreSQL. Segments need none.
  void start_index_upkeep();
  void stop_index_upkeep();
  /// Start the worker's threads; other processes can wake it and see that it lives.
  void start_ingesting();
  void start_reembedding();
  /// Jobs under way go back to the queue, and other processes see the workers leave.
  void stop_workers();
  /// After a commit that enqueued such a job: wakes whoever does them, here and elsewhere.
  void wake_reembedding();

 private:
  std::unique_ptr<retrieval::PostgresUpkeep> postgres_upkeep_;
  std::unique_ptr<SharedState::Listening> ingest_listening_;
  std::unique_ptr<SharedState::Listening> reembed_listening_;
};

/// The options that settings give to the parts.
[[nodiscard]] std::unique_ptr<db::Database> open_database(const config::Settings& settings, const Clock& clock,
                                                          observe::Metrics& metrics);
[[nodiscard]] jobs::WorkerOptions worker_options(const config::Settings& settings);

}  // namespace nexus::app

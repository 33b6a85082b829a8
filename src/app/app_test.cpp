#include "app/app.h"

#include "app/gates_fixture.h"
#include "app/pipeline.h"
#include "base/errors.h"
#include "observe/log.h"
#include "observe/log_settings.h"
#include "support/call_fixture.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <set>
#include <stdlib.h>
#include <string>

namespace nexus::app {
namespace {

using Changes = std::vector<std::pair<std::string, std::string>>;

/// The server over a data folder of its own, on a free port.
class Premises {
 public:
  explicit Premises(Changes changes = {}) {
    std::string name = (std::filesystem::temp_directory_path() / "nexus-app-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp failed");
    folder_ = name;
    changes.insert(changes.begin(), {{"DATA_DIR", folder_.string()},
                                     {"LISTEN_HOST", "127.0.0.1"},
                                     {"LISTEN_PORT", "0"},
                                     {"LOG_LEVEL", "ERROR"},
                                     {"EMBEDDING_PROVIDER", "fake"},
                                     {"LLM_PROVIDER", "fake"},
                                     {"API_KEY_PEPPER", "test-pepper-0123456789abcdef0123456789abcdef"},
                                     {"AUDIT_SIGNING_KEY", std::string(64, '7')},
                                     {"UI_CURSOR_SECRET", "test-cursor-secret-0123456789abcdef012345"}});
    settings = config::settings_with(changes);
    observe::configure_log(observe::log_options(settings));
  }
  ~Premises() {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  Premises(const Premises&) = delete;
  Premises& operator=(const Premises&) = delete;

  [[nodiscard]] const std::filesystem::path& folder() const { return folder_; }

  config::Settings settings;
  SystemClock clock;  // the server's own threads live by it

 private:
  std::filesystem::path folder_;
};

/// Lets everybody in as an admin.
class OpenGate final : public auth::Gate {
 public:
  void authenticate(http::Call& call) override {
    call.authenticated({.subject_id = "u", .tenant_id = "t1", .role = Role::kAdmin},
                       testing::TenantScopeFactory::make("t1"));
  }
  [[nodiscard]] bool remembers(const http::Call&) const override { return false; }
  void require_role(const http::Call&, Role) override {}
};

TEST(App, EveryOperationHasOneName) {
  const Premises premises;
  const App app(premises.settings, premises.clock);
  std::set<std::string_view> names;
  for (const http::Endpoint& endpoint : app.endpoints())
    EXPECT_TRUE(names.insert(endpoint.spec.operation).second) << endpoint.spec.operation;
  EXPECT_GT(names.size(), 25U);
}

TEST(App, OnlyHealthMetricsAndDocumentationArePublic) {
  const Premises premises;
  const App app(premises.settings, premises.clock);
  std::set<std::string> open;
  for (const http::Endpoint& endpoint : app.endpoints()) {
    if (!endpoint.spec.role) open.insert(std::string(endpoint.spec.operation));
    if (!endpoint.spec.role) continue;
    EXPECT_NE(endpoint.spec.route_class, http::RouteClass::kNone) << endpoint.spec.operation;
  }
  EXPECT_THAT(
      open, ::testing::UnorderedElementsAre("health", "healthz", "livez", "readyz", "metrics", "openapi", "docs",
                                            "docs_redirect", "openapi_redirect", "stats", "stats_options", "heartbeat",
                                            "benchmark_latest", "benchmark_latest_options"));
}

TEST(App, EveryKillSwitchThatARowNamesIsOneThatThePipelineKnows) {
  const Premises premises(Changes{{"KILL_RUN", "true"}, {"KILL_INGEST", "true"}});
  const App app(premises.settings, premises.clock);
  OpenGate gate;
  observe::Metrics metrics;
  FakeGates others;
  Pipeline pipeline(others.with(gate), premises.settings, premises.clock,
                    {.metrics = metrics, .clock = premises.clock});
  int switched = 0;
  for (const http::Endpoint& endpoint : app.endpoints()) {
    if (endpoint.spec.kill_switch.empty()) continue;
    http::Exchange exchange;
    exchange.request = testing::make_request();
    exchange.endpoint = &endpoint;
    pipeline.admit(exchange);
    EXPECT_TRUE(exchange.answered) << endpoint.spec.operation;
    EXPECT_EQ(exchange.reply.status, 503) << endpoint.spec.operation;
    ++switched;
  }
  EXPECT_EQ(switched, 4);
}

TEST(App, WritesWhereItListensAndStopsInTime) {
  const Premises premises;
  App app(premises.settings, premises.clock);
  app.start();
  std::string address;
  std::ifstream(premises.folder() / "run" / "address") >> address;
  EXPECT_EQ(address, app.address());
  EXPECT_EQ(address, "127.0.0.1:" + std::to_string(app.port()));
  EXPECT_TRUE(app.stop());
  EXPECT_TRUE(app.stop());  // again does nothing
}

TEST(App, AnAddressThatIsTakenEndsTheStart) {
  const Premises first;
  App app(first.settings, first.clock);
  app.start();
  const Premises second(Changes{{"LISTEN_PORT", std::to_string(app.port())}});
  App other(second.settings, second.clock);
  EXPECT_THROW(other.start(), std::system_error);
}

TEST(Core, RefusesAnOldSchemaWhenItMayNotMigrate) {
  const Premises premises;
  EXPECT_THROW(Core(premises.settings, premises.clock, {.migrate = false}), db::MigrationError);
  { const Core core(premises.settings, premises.clock, {}); }
  EXPECT_NO_THROW(Core(premises.settings, premises.clock, {.migrate = false}));
}

TEST(Core, InlineModeIngestsInsideTheRequest) {
  const Premises premises(Changes{{"INGEST_EXECUTION_MODE", "inline"}});
  Core core(premises.settings, premises.clock, {});
  http::Endpoint endpoint;
  const http::Request request = testing::make_request("/v1/documents/text");
  http::Call call(request, endpoint);
  call.now = premises.clock.now();
  OpenGate().authenticate(call);
  (void)core.documents->create_corpus(call, {.id = "c1", .name = "c1"});
  const documents::Outcome outcome = core.documents->add_text(call, {.corpus_id = "c1", .text = "hello"});
  EXPECT_EQ(outcome.status, 202);
  EXPECT_EQ(outcome.accepted.status, "queued");
  EXPECT_EQ(core.documents->get(call, outcome.accepted.document_id).status, "succeeded");
}

TEST(WorkerOptions, ComeFromTheSettings) {
  const config::Settings settings = config::settings_with({{"INGEST_WORKERS", "3"},
                                                           {"INGEST_MAX_RETRIES", "7"},
                                                           {"JOB_LEASE_S", "90"},
                                                           {"JOB_POLL_INTERVAL_MS", "250"},
                                                           {"JOB_BACKOFF_MS", "100"},
                                                           {"JOB_BACKOFF_MAX_MS", "5000"},
                                                           {"WORKER_HEARTBEAT_INTERVAL_S", "4"}});
  const jobs::WorkerOptions options = worker_options(settings);
  EXPECT_EQ(options.threads, 3U);
  EXPECT_EQ(options.max_attempts, 7);
  EXPECT_EQ(options.lease_us, 90 * Timestamp::kSecond);
  EXPECT_EQ(options.poll_us, 250'000);
  EXPECT_EQ(options.backoff_us, 100'000);
  EXPECT_EQ(options.backoff_max_us, 5'000'000);
  EXPECT_EQ(options.heartbeat_us, 4 * Timestamp::kSecond);
}

}  // namespace
}  // namespace nexus::app

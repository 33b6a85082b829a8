#include "support/test_app.h"

#include "json/json.h"
#include "modules/plans/plans_service.h"
#include "observe/log.h"
#include "observe/log_settings.h"
#include "support/call_fixture.h"

#include <chrono>
#include <stdexcept>
#include <stdlib.h>
#include <thread>

namespace nexus::testing {
namespace {

config::Settings test_settings(const std::filesystem::path& data_dir, const Changes& store, const Changes& changes) {
  Changes all{{"DATA_DIR", data_dir.string()},
              {"LISTEN_HOST", "127.0.0.1"},
              {"LISTEN_PORT", "0"},
              {"LOG_LEVEL", "ERROR"},
              {"LLM_PROVIDER", "fake"},
              {"RATE_LIMIT_ENABLED", "false"},
              {"EMBEDDING_PROVIDER", "fake"},
              {"API_KEY_PEPPER", "test-pepper-0123456789abcdef0123456789abcdef"},
              {"AUDIT_SIGNING_KEY", std::string(64, '7')},
              {"UI_CURSOR_SECRET", "test-cursor-secret-0123456789abcdef012345"},
              {"SHUTDOWN_GRACE_S", "5"},
              {"JOB_POLL_INTERVAL_MS", "50"}};
  all.insert(all.end(), store.begin(), store.end());
  all.insert(all.end(), changes.begin(), changes.end());
  return config::settings_with(all);
}

std::unique_ptr<app::App> make_app(const config::Settings& settings, const Clock& clock) {
  observe::configure_log(observe::log_options(settings));
  app::Core::Options options;
  options.extract_program = NEXUSRAG_BINARY;
  auto app = std::make_unique<app::App>(settings, clock, options);
  app->start();
  return app;
}

}  // namespace

TempDir::TempDir() {
  std::string pattern = (std::filesystem::temp_directory_path() / "nexusrag-test-XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no temporary folder");
  path_ = pattern;
}

TempDir::~TempDir() {
  std::error_code ignored;  // a leftover folder must not fail a test that has passed
  std::filesystem::remove_all(path_, ignored);
}

TestApp::TestApp(const Changes& changes)
    : settings_(test_settings(dir_.path(), store_.settings(), changes)), app_(make_app(settings_, clock_)) {}

TestApp::~TestApp() = default;

void TestApp::restart() {
  app_.reset();
  app_ = make_app(settings_, clock_);
}

std::string TestApp::make_key(std::string_view role, std::string_view tenant) {
  core().entitled->plans.assign_first(TenantScopeFactory::make(std::string(tenant)), "enterprise",
                                      plans::Actor::tool("test"));
  const auth::IssuedKey issued =
      core().keys->create(TenantScopeFactory::make(std::string(tenant)), {.role = std::string(role), .name = "test"});
  return std::string(issued.plaintext.reveal());
}

void TestApp::make_corpus(std::string_view id, std::string_view tenant) {
  TestClient admin = client(make_key("admin", tenant));
  const Response made =
      admin.post("/v1/corpora", json::write(boost::json::object{{"id", id}, {"name", std::string(id) + " corpus"}}));
  if (made.status != 201) throw std::runtime_error("corpus was not created: " + made.body);
}

TestClient TestApp::anonymous() const {
  return TestClient(port());
}

TestClient TestApp::client(std::string_view key) {
  if (key.empty() && admin_key_.empty()) admin_key_ = make_key();
  TestClient made(port());
  made.bearer(key.empty() ? std::string_view(admin_key_) : key);
  return made;
}

boost::json::object TestApp::wait_for_document(TestClient& client, std::string_view id) {
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  for (;;) {
    const Response got = client.get("/v1/documents/" + std::string(id));
    if (got.status != 200) throw std::runtime_error("document cannot be read: " + got.body);
    boost::json::object document = got.json().at("data").as_object();
    const boost::json::string& status = document.at("status").as_string();
    if (status != "queued" && status != "processing") return document;
    if (std::chrono::steady_clock::now() > until) throw std::runtime_error("document was not ingested in time");
    std::this_thread::yield();
  }
}

std::string TestApp::add_document(std::string_view corpus, std::string_view text, std::string_view key) {
  TestClient editor = client(key);
  const Response added =
      editor.post("/v1/documents/text", json::write(boost::json::object{{"corpus_id", corpus}, {"text", text}}));
  if (added.status != 202) throw std::runtime_error("document was not accepted: " + added.body);
  std::string id(added.json().at("data").at("document_id").as_string());
  const boost::json::object document = wait_for_document(editor, id);
  if (document.at("status").as_string() != "succeeded")
    throw std::runtime_error("document was not ingested: " + json::write(document));
  return id;
}

std::vector<std::string> event_types(const std::vector<SseFrame>& frames) {
  std::vector<std::string> out;
  for (const SseFrame& frame : frames) {
    const boost::json::value payload = frame.json();
    const boost::json::value* type = payload.as_object().if_contains("type");
    out.emplace_back(type ? std::string(type->as_string()) : frame.event);
  }
  return out;
}

}  // namespace nexus::testing

#pragma once

#include "app/app.h"
#include "config/settings.h"
#include "support/engine.h"
#include "support/test_client.h"

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace nexus::testing {

/// A folder of its own under the system's temporary folder, removed with the object.
class TempDir {
 public:
  TempDir();
  ~TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

using Changes = std::vector<std::pair<std::string, std::string>>;

/// The whole server in this process, on a random loopback port, with a scratch data folder and database (engine.h says
/// on which engine), the fake models and real time. Settings can be changed by name.
class TestApp {
 public:
  explicit TestApp(const Changes& changes = {});
  ~TestApp();

  /// A key of the tenant, made as the command line makes it.
  [[nodiscard]] std::string make_key(std::string_view role = "admin", std::string_view tenant = "t1");
  /// A corpus with the fake embedding in hybrid mode.
  void make_corpus(std::string_view id, std::string_view tenant = "t1");
  /// Adds a text document and waits until it is searchable; returns its id.
  std::string add_document(std::string_view corpus, std::string_view text, std::string_view key = {});
  /// Polls the document until it is neither queued nor processing; returns it.
  [[nodiscard]] boost::json::object wait_for_document(TestClient& client, std::string_view id);

  /// A client without credentials, and one with a key (default: an admin of t1).
  [[nodiscard]] TestClient anonymous() const;
  [[nodiscard]] TestClient client(std::string_view key = {});

  [[nodiscard]] app::App& app() { return *app_; }
  [[nodiscard]] app::Core& core() { return app_->core(); }
  [[nodiscard]] const std::filesystem::path& data_dir() const { return dir_.path(); }
  [[nodiscard]] std::uint16_t port() const { return app_->port(); }
  /// Stops the server and starts it again on the same data.
  void restart();

 private:
  TempDir dir_;
  ServerStore store_;
  SystemClock clock_;
  config::Settings settings_;
  std::unique_ptr<app::App> app_;
  std::string admin_key_;
};

/// The events of a run, by type, for short assertions.
[[nodiscard]] std::vector<std::string> event_types(const std::vector<SseFrame>& frames);

}  // namespace nexus::testing

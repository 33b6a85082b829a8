#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace nexus::testing {

/// A real server of the test's own, which it may kill: PostgreSQL or Redis, on a free loopback port with a scratch
/// folder of its own. tools/services/service starts it, as it does those of `./dev services`. Gone with the object.
/// One thread.
class TestServer {
 public:
  /// `kind` is postgres, redis or redis-cluster. Throws std::runtime_error with what the tool printed when it cannot be
  /// had or started.
  explicit TestServer(std::string_view kind);
  ~TestServer();
  TestServer(const TestServer&) = delete;
  TestServer& operator=(const TestServer&) = delete;

  /// Of PostgreSQL a maintenance database of a superuser.
  [[nodiscard]] const std::string& url() const { return url_; }
  /// SIGKILL to the server and its children, as an out-of-memory killer does it. What was written before stays.
  void kill();
  /// Orderly and quick; what Redis held in memory is lost.
  void stop();
  /// On the same port with the same data; returns when it answers. Throws std::runtime_error when it runs.
  void start();

 private:
  [[nodiscard]] std::string tool(std::string_view action, std::string_view more = {}) const;

  std::string kind_;
  std::filesystem::path folder_;
  std::string url_;
};

/// True when this machine can have one: the servers of a test run are there, or this is CI, where they must be.
[[nodiscard]] bool can_have_servers();

}  // namespace nexus::testing

#pragma once

#include "e2e/process.h"
#include "support/test_client.h"

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace nexus::e2e {

using testing::Pairs;
using testing::Response;
using testing::TestClient;

/// The program under test: NEXUSRAG_E2E_BINARY when it is set, else the one of this build.
[[nodiscard]] std::filesystem::path binary();

/// A data folder and the settings of everything that runs on it: the command line, servers, workers. The folder is a
/// scratch one unless given. Fake models, quick leases and quick looks unless changed.
class Installation {
 public:
  explicit Installation(const Environment& changes = {}, std::filesystem::path data = {});

  [[nodiscard]] const std::filesystem::path& data() const { return data_; }
  [[nodiscard]] std::filesystem::path database() const { return data_ / "nexusrag.db"; }
  void change(std::string name, std::string value);

  /// Runs `nexusrag ARGUMENTS` to its end.
  [[nodiscard]] Finished command(std::vector<std::string> arguments);
  /// A key of tenant t1 made with `nexusrag keys create`; throws when that fails.
  [[nodiscard]] std::string make_key(const std::string& role);
  /// Starts `nexusrag ARGUMENTS` and leaves it running; its output goes to `output` in the scratch folder.
  [[nodiscard]] std::unique_ptr<Process> launch(std::vector<std::string> arguments, const std::string& output);
  [[nodiscard]] std::string output_of(const std::string& output) const;

 private:
  ScratchFolder scratch_;
  std::filesystem::path data_;
  Environment environment_;
  int commands_ = 0;
};

/// A `nexusrag serve` that answers.
struct Serving {
  std::unique_ptr<Process> process;
  std::uint16_t port = 0;
};
/// Starts one on any free port and waits until it is ready; throws with its output when it ends instead.
[[nodiscard]] Serving start_serving(Installation& installation, const std::string& output);

/// One `nexusrag serve` at a time on an installation, with an admin's key of tenant t1.
class Server {
 public:
  explicit Server(const Environment& changes = {}, std::filesystem::path data = {});

  /// Starts it on any free port and waits until it is ready; throws with its log when it ends instead.
  void start();
  /// SIGKILL to the server and whatever it started.
  void kill_hard();
  /// SIGTERM; returns the exit code, -1 when it did not end by itself in time.
  int stop();

  [[nodiscard]] Process& process() { return *process_; }
  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] TestClient client() const;
  [[nodiscard]] const std::string& key() const { return key_; }
  [[nodiscard]] Installation& installation() { return installation_; }
  /// Everything this and earlier starts have logged.
  [[nodiscard]] std::string log() const { return installation_.output_of("serve.log"); }

 private:
  Installation installation_;
  std::string key_;
  std::uint16_t port_ = 0;
  std::unique_ptr<Process> process_;
};

}  // namespace nexus::e2e

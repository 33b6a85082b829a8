#include "e2e/server.h"

#include <boost/json/parse.hpp>

#include <csignal>
#include <sstream>
#include <stdexcept>
#include <stdlib.h>
#include <system_error>
#include <utility>

namespace nexus::e2e {
namespace {

constexpr std::chrono::seconds kStartLimit{60};
constexpr std::chrono::seconds kStopLimit{60};

bool is_ready(std::uint16_t port) {
  try {
    return TestClient(port).get("/readyz").status == 200;
  } catch (const std::runtime_error&) {
    return false;
  }
}

/// The port in `HOST:PORT`; 0 when the text is not complete.
std::uint16_t port_in(const std::string& address) {
  const auto colon = address.rfind(':');
  if (colon == std::string::npos || !address.ends_with('\n')) return 0;
  return static_cast<std::uint16_t>(std::stoi(address.substr(colon + 1)));
}

}  // namespace

std::filesystem::path binary() {
  const char* given = ::getenv("NEXUSRAG_E2E_BINARY");
  return given != nullptr ? given : NEXUSRAG_BINARY;
}

Installation::Installation(const Environment& changes, std::filesystem::path data)
    : data_(data.empty() ? scratch_.path() / "data" : std::move(data)),
      environment_{{"DATA_DIR", data_.string()},   {"LOG_FORMAT", "json"},
                   {"LOG_LEVEL", "WARN"},          {"RATE_LIMIT_ENABLED", "false"},
                   {"EMBEDDING_PROVIDER", "fake"}, {"LLM_PROVIDER", "fake"},
                   {"JOB_LEASE_S", "5"},           {"JOB_HEARTBEAT_S", "1"},
                   {"JOB_BACKOFF_MS", "200"},      {"JOB_POLL_INTERVAL_MS", "50"},
                   {"SHUTDOWN_GRACE_S", "30"},     {"RUN_MAX_CONCURRENCY", "64"}} {
  for (const auto& [name, value] : changes) change(name, value);
}

void Installation::change(std::string name, std::string value) {
  std::erase_if(environment_, [&](const auto& pair) { return pair.first == name; });
  environment_.emplace_back(std::move(name), std::move(value));
}

Finished Installation::command(std::vector<std::string> arguments) {
  return run_to_end({.program = binary(),
                     .arguments = std::move(arguments),
                     .environment = environment_,
                     .folder = scratch_.path(),
                     .output = scratch_.path() / ("command-" + std::to_string(++commands_) + ".out")});
}

std::string Installation::make_key(const std::string& role) {
  const Finished made =
      command({"keys", "create", "--tenant", "t1", "--role", role, "--name", "e2e", "--plan", "enterprise", "--json"});
  if (made.code != 0) throw std::runtime_error("no key could be made: " + made.output);
  // Log lines and notices about generated secrets share the file with the one line that was asked for.
  std::istringstream lines(made.output);
  for (std::string line; std::getline(lines, line);)
    if (line.starts_with('{') && line.find("\"api_key\":") != std::string::npos)
      return std::string(boost::json::parse(line).at("api_key").as_string());
  throw std::runtime_error("no key was printed: " + made.output);
}

std::unique_ptr<Process> Installation::launch(std::vector<std::string> arguments, const std::string& output) {
  return std::make_unique<Process>(Process::Start{.program = binary(),
                                                  .arguments = std::move(arguments),
                                                  .environment = environment_,
                                                  .folder = scratch_.path(),
                                                  .output = scratch_.path() / output});
}

std::string Installation::output_of(const std::string& output) const {
  return read_file(scratch_.path() / output);
}

Serving start_serving(Installation& installation, const std::string& output) {
  const std::filesystem::path address = installation.data() / "run" / "address";
  std::filesystem::remove(address);  // that of the start before
  Serving out{.process = installation.launch({"serve", "--listen", "127.0.0.1:0"}, output)};
  const bool ready = eventually(
      [&] {
        if (out.process->ended()) return true;
        if (out.port == 0) out.port = port_in(read_file(address));
        return out.port != 0 && is_ready(out.port);
      },
      kStartLimit);
  if (!ready || out.process->ended())
    throw std::runtime_error("the server did not start: " + installation.output_of(output));
  return out;
}

Server::Server(const Environment& changes, std::filesystem::path data)
    : installation_(changes, std::move(data)), key_(installation_.make_key("admin")) {}

void Server::start() {
  Serving serving = start_serving(installation_, "serve.log");
  process_ = std::move(serving.process);
  port_ = serving.port;
}

void Server::kill_hard() {
  process_->kill_group();
}

int Server::stop() {
  process_->signal(SIGTERM);
  const std::optional<Ending> ending = process_->wait(kStopLimit);
  return ending ? ending->code.value_or(-1) : -1;
}

TestClient Server::client() const {
  TestClient made(port_, std::chrono::seconds(60));
  made.bearer(key_);
  return made;
}

}  // namespace nexus::e2e

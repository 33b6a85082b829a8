#pragma once

#include "observe/metrics.h"
#include "redis/client.h"

#include <algorithm>
#include <arpa/inet.h>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <netinet/in.h>
#include <optional>
#include <random>
#include <stdexcept>
#include <string>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

/// Real servers for tests: processes of their own on free loopback ports, gone with the object.
namespace nexus::redis::testing {

inline constexpr std::int64_t kMs = 1'000;
inline constexpr std::int64_t kSecond = 1'000'000;

[[nodiscard]] inline bool in_path(const std::string& program) {
  const char* path = std::getenv("PATH");
  std::string rest = path != nullptr ? path : "";
  while (!rest.empty()) {
    const std::size_t end = rest.find(':');
    if (::access((rest.substr(0, end) + "/" + program).c_str(), X_OK) == 0) return true;
    rest = end == std::string::npos ? "" : rest.substr(end + 1);
  }
  return false;
}

/// True as soon as `holds` is, false when that does not happen in time.
template <class Condition>
[[nodiscard]] bool eventually(const Condition& holds, std::int64_t limit_us = 15 * kSecond) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::microseconds(limit_us);
  while (!holds()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return true;
}

/// A child that dies with us. Its output goes nowhere.
inline pid_t spawn(const std::vector<std::string>& words) {
  std::vector<char*> arguments;
  for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  const pid_t child = ::fork();
  if (child < 0) throw std::runtime_error("fork");
  if (child == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    const int nowhere = ::open("/dev/null", O_RDWR);
    for (const int fd : {0, 1, 2}) ::dup2(nowhere, fd);
    ::execvp(arguments[0], arguments.data());
    ::_exit(127);
  }
  return child;
}

inline void run(const std::vector<std::string>& words) {
  int status = -1;
  ::waitpid(spawn(words), &status, 0);
  if (status != 0) throw std::runtime_error(words.front() + " failed");
}

[[nodiscard]] inline bool is_free(std::uint16_t port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const bool free = ::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  ::close(fd);
  return free;
}
[[nodiscard]] inline bool listens(std::uint16_t port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const bool up = ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  ::close(fd);
  return up;
}

/// Its cluster bus, 10,000 above, is free as well. Below the range that the system gives to outgoing connections.
[[nodiscard]] inline std::uint16_t free_port() {
  static std::mt19937 random{std::random_device{}()};
  for (;;) {
    const auto port = static_cast<std::uint16_t>(std::uniform_int_distribution<int>(12'000, 22'000)(random));
    if (is_free(port) && is_free(static_cast<std::uint16_t>(port + 10'000))) return port;
  }
}

class ScratchFolder {
 public:
  ScratchFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "nexus-redis-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp");
    path_ = name;
  }
  ~ScratchFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  [[nodiscard]] std::string file(const std::string& name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

/// One redis-server (or sentinel).
class Server {
 public:
  /// `config` is appended to its configuration file.
  explicit Server(const std::string& config = {}, bool sentinel = false, bool plain_port = true)
      : port_(free_port()), sentinel_(sentinel) {
    std::ofstream out(folder_.file("redis.conf"));
    out << (plain_port ? "port " : "port 0\ntls-port ") << port_ << "\nbind 127.0.0.1\ndir " << folder_.path().string()
        << "\n";
    if (!sentinel) out << "save \"\"\nappendonly no\n";
    out << config;
    out.close();
    start();
  }
  ~Server() { kill(); }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  void start() {
    std::vector<std::string> words{"redis-server", folder_.file("redis.conf")};
    if (sentinel_) words.emplace_back("--sentinel");
    pid_ = spawn(words);
    if (!eventually([&] { return listens(port_); })) throw std::runtime_error("redis-server does not listen");
  }
  void kill() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = -1;
  }
  void freeze() const { ::kill(pid_, SIGSTOP); }
  void thaw() const { ::kill(pid_, SIGCONT); }

  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
  [[nodiscard]] std::string url() const { return "redis://" + address(); }
  [[nodiscard]] const ScratchFolder& folder() const { return folder_; }

 private:
  ScratchFolder folder_;
  std::uint16_t port_;
  bool sentinel_;
  pid_t pid_ = -1;
};

/// A client with its metrics; patient, because machines that run tests are busy.
struct TestClient {
  explicit TestClient(const std::string& url, ClientOptions options = patient())
      : client(parse_url(url), std::move(options), metrics) {}

  static ClientOptions patient() {
    ClientOptions options;
    options.connect_timeout_us = kSecond;
    options.command_timeout_us = kSecond;
    options.backoff_most_us = 200 * kMs;
    return options;
  }
  Reply call(std::initializer_list<std::string_view> words) { return client.call(Command(words)); }
  /// What it says, as text; "fault:…" or the error when it does not.
  std::string say(std::initializer_list<std::string_view> words) { return text_of(call(words)); }
  static std::string text_of(const Reply& reply) {
    if (reply.fault != Fault::kNone) return "fault:" + std::string(to_string(reply.fault));
    return reply.value.is_integer() ? std::to_string(reply.value.integer) : reply.value.text;
  }

  observe::Metrics metrics;
  Client client;
};

/// The Redis that the run provides, for tests that only need one: NEXUSRAG_TEST_REDIS.
[[nodiscard]] inline std::optional<std::string> shared_url() {
  const char* url = std::getenv("NEXUSRAG_TEST_REDIS");
  if (url == nullptr || *url == '\0') return std::nullopt;
  return url;
}
[[nodiscard]] inline std::string random_prefix() {
  std::random_device random;
  return "nexusrag-test:" + std::to_string(random()) + std::to_string(random());
}

}  // namespace nexus::redis::testing

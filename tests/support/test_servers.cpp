#include "support/test_servers.h"

#include <charconv>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <memory>
#include <stdexcept>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace nexus::testing {
namespace {

struct Output {
  int status = 0;
  std::string text;
};

/// Runs a shell line without anything that a stranger wrote in it.
Output run(const std::string& line) {
  FILE* pipe = ::popen(line.c_str(), "r");
  if (pipe == nullptr) throw std::runtime_error("no shell");
  Output out;
  char block[4096];
  for (std::size_t n = 0; (n = std::fread(block, 1, sizeof block, pipe)) > 0;) out.text.append(block, n);
  out.status = ::pclose(pipe);
  return out;
}

pid_t number_in(const std::string& text) {
  pid_t pid = 0;
  std::from_chars(text.data(), text.data() + text.size(), pid);
  return pid;
}

/// Gone, or a zombie that nobody has collected yet.
bool gone(pid_t pid) {
  std::ifstream in("/proc/" + std::to_string(pid) + "/stat");
  std::string text;
  std::getline(in, text);
  const auto name_end = text.rfind(')');
  return name_end == std::string::npos || name_end + 2 >= text.size() || text[name_end + 2] == 'Z';
}

}  // namespace

TestServer::TestServer(std::string_view kind) : kind_(kind) {
  std::string pattern = (std::filesystem::temp_directory_path() / "nexusrag-server-XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no temporary folder");
  folder_ = pattern;
  ::chmod(folder_.c_str(), 0711);  // the server's user must reach what is below
  start();
}

TestServer::~TestServer() {
  static_cast<void>(tool("stop"));
  std::error_code ignored;  // a leftover folder must not fail a test that has passed
  std::filesystem::remove_all(folder_, ignored);
}

/// What the tool prints, errors included.
std::string TestServer::tool(std::string_view action, std::string_view more) const {
  std::string line = "NEXUSRAG_SERVICE_OWNER=" + std::to_string(::getpid());
  line.append(" '" NEXUS_SOURCE_DIR "/tools/services/service' ")
      .append(action)
      .append(" ")
      .append(kind_)
      .append(" '")
      .append((folder_ / "server").string())
      .append("' ");
  // Its servers must not hold the pipe that we read to its end.
  const std::string errors = (folder_ / "tool.log").string();
  const Output out = run(line.append(more).append(" 2>'").append(errors).append("'"));
  if (out.status == 0) return out.text;
  std::ifstream in(errors);
  std::string reason((std::istreambuf_iterator<char>(in)), {});
  if (action == "start") throw std::runtime_error(kind_ + " did not start: " + reason);
  return {};
}

void TestServer::start() {
  std::string port;
  if (!url_.empty() && kind_ != "redis-cluster") {
    std::ifstream in(folder_ / "server" / "port");
    std::getline(in, port);
  }
  url_ = tool("start", port);
}

void TestServer::stop() {
  static_cast<void>(tool("stop"));
}

void TestServer::kill() {
  const pid_t leader = number_in(tool("running"));
  if (leader <= 0) throw std::runtime_error(kind_ + " does not run");
  // PostgreSQL's processes are sessions of their own, so that no group holds them together.
  std::vector<pid_t> all{leader};
  std::ifstream in("/proc/" + std::to_string(leader) + "/task/" + std::to_string(leader) + "/children");
  for (pid_t child = 0; in >> child;) all.push_back(child);
  for (const pid_t pid : all) ::kill(pid, SIGKILL);
  for (const pid_t pid : all)
    while (!gone(pid)) std::this_thread::sleep_for(std::chrono::milliseconds(5));
}

bool can_have_servers() {
  const char* ci = ::getenv("CI");
  return ::getenv("NEXUSRAG_TEST_POSTGRES") != nullptr || (ci != nullptr && std::string_view(ci) == "true");
}

}  // namespace nexus::testing

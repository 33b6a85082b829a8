#include "e2e/process.h"

#include <cerrno>
#include <charconv>
#include <csignal>
#include <fcntl.h>
#include <fstream>
#include <iterator>
#include <sstream>
#include <stdexcept>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <system_error>
#include <thread>
#include <unistd.h>

namespace nexus::e2e {
namespace {

constexpr std::chrono::milliseconds kLook{4};

/// Pointers that exec wants, into strings that stay.
std::vector<char*> pointers_to(std::vector<std::string>& texts) {
  std::vector<char*> out;
  for (std::string& text : texts) out.push_back(text.data());
  out.push_back(nullptr);
  return out;
}

std::vector<std::string> environment_of(const Environment& given) {
  std::vector<std::string> out;
  for (const auto& [name, value] : given) out.push_back(std::string(name).append("=").append(value));
  for (const char* name : {"PATH", "HOME", "TMPDIR", "ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS", "LSAN_OPTIONS"})
    if (const char* value = ::getenv(name)) out.push_back(std::string(name) + "=" + value);
  return out;
}

/// The child's side between fork and exec: system calls only.
[[noreturn]] void become(const char* program, char* const* arguments, char* const* environment, const char* folder,
                         int output) {
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  const int input = ::open("/dev/null", O_RDONLY);
  if (::dup2(input, 0) < 0 || ::dup2(output, 1) < 0 || ::dup2(output, 2) < 0 || ::chdir(folder) != 0) ::_exit(126);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::execve(program, arguments, environment);
  ::_exit(127);
}

/// Fields behind the command's name in /proc/PID/stat; empty when the process is gone.
std::string stat_tail(pid_t pid) {
  const std::string text = read_file("/proc/" + std::to_string(pid) + "/stat");
  const auto name_end = text.rfind(')');
  return name_end == std::string::npos ? std::string() : text.substr(name_end + 2);
}

}  // namespace

bool eventually(const std::function<bool()>& condition, std::chrono::milliseconds limit) {
  const auto until = std::chrono::steady_clock::now() + limit;
  for (;;) {
    if (condition()) return true;
    if (std::chrono::steady_clock::now() > until) return false;
    std::this_thread::sleep_for(kLook);
  }
}

ScratchFolder::ScratchFolder() {
  std::string pattern = (std::filesystem::temp_directory_path() / "nexusrag-e2e-XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr) throw std::system_error(errno, std::generic_category(), "mkdtemp");
  path_ = pattern;
}

ScratchFolder::~ScratchFolder() {
  std::error_code ignored;  // a leftover folder must not fail a test that has passed
  std::filesystem::remove_all(path_, ignored);
}

Process::Process(const Start& start) {
  std::vector<std::string> arguments{start.program.string()};
  arguments.insert(arguments.end(), start.arguments.begin(), start.arguments.end());
  std::vector<std::string> environment = environment_of(start.environment);
  const std::vector<char*> argv = pointers_to(arguments);
  const std::vector<char*> envp = pointers_to(environment);
  const std::string folder = start.folder.string();
  const int output = ::open(start.output.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (output < 0) throw std::system_error(errno, std::generic_category(), "open " + start.output.string());
  pid_ = ::fork();
  if (pid_ == 0) become(argv[0], argv.data(), envp.data(), folder.c_str(), output);
  const int error = errno;
  ::close(output);
  if (pid_ < 0) throw std::system_error(error, std::generic_category(), "fork");
  ::setpgid(pid_, pid_);  // whoever is first; a signal to the group must find it
}

Process::~Process() {
  kill_group();
}

void Process::signal(int number) const {
  if (!ending_) ::kill(pid_, number);
}

void Process::kill_group() {
  if (!ending_) ::kill(-pid_, SIGKILL);
  kill_leader();
}

void Process::kill_leader() {
  if (ending_) return;
  ::kill(pid_, SIGKILL);
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  ending_ = Ending{.code = std::nullopt, .signal = SIGKILL};
}

std::optional<Ending> Process::ended() {
  int status = 0;
  if (!ending_ && ::waitpid(pid_, &status, WNOHANG) == pid_) {
    ending_.emplace();
    if (WIFEXITED(status)) ending_->code = WEXITSTATUS(status);
    if (WIFSIGNALED(status)) ending_->signal = WTERMSIG(status);
  }
  return ending_;
}

std::optional<Ending> Process::wait(std::chrono::milliseconds limit) {
  static_cast<void>(eventually([&] { return ended().has_value(); }, limit));
  return ending_;
}

Finished run_to_end(const Process::Start& start, std::chrono::milliseconds limit) {
  Process process(start);
  const std::optional<Ending> ending = process.wait(limit);
  std::string output = read_file(start.output);
  if (!ending) throw std::runtime_error("a command did not end in time; it printed: " + output);
  return {.code = ending->code.value_or(-1), .output = std::move(output)};
}

std::string read_file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

std::vector<pid_t> children_of(pid_t parent, std::string_view word) {
  std::vector<pid_t> out;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const std::string name = entry.path().filename().string();
    pid_t pid = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (error != std::errc() || end != name.data() + name.size()) continue;
    std::istringstream fields(stat_tail(pid));
    std::string state;
    pid_t owner = 0;
    fields >> state >> owner;
    if (owner == parent && read_file(entry.path() / "cmdline").find(word) != std::string::npos) out.push_back(pid);
  }
  return out;
}

bool is_alive(pid_t pid) {
  const std::string fields = stat_tail(pid);
  return !fields.empty() && fields.front() != 'Z' && fields.front() != 'X';
}

}  // namespace nexus::e2e

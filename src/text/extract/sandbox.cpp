#include "text/extract/sandbox.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace nexus::text::extract {
namespace {

constexpr std::size_t kMaxDiagnostics = 4096;

[[noreturn]] void raise_errno(int error, const char* what) {
  throw std::system_error(error, std::generic_category(), what);
}

struct Pipe {
  Descriptor read;
  Descriptor write;
};

Pipe make_pipe() {
  std::array<int, 2> fds{};
  if (pipe2(fds.data(), O_CLOEXEC) != 0) raise_errno(errno, "pipe2");
  return {Descriptor(fds[0]), Descriptor(fds[1])};
}

// The two structures that posix_spawn wants, filled and freed.
class SpawnPlan {
 public:
  SpawnPlan(const ChildCommand& command, int output, int errors) {
    posix_spawn_file_actions_init(&actions_);
    posix_spawnattr_init(&attributes_);
    // dup2 onto itself clears close-on-exec, so equal numbers work too; but a target must not be overwritten before it
    // is used: the three sources are above 2 (below).
    check(posix_spawn_file_actions_adddup2(&actions_, command.input_fd, 0));
    check(posix_spawn_file_actions_adddup2(&actions_, output, 1));
    check(posix_spawn_file_actions_adddup2(&actions_, errors, 2));
    check(posix_spawn_file_actions_addclosefrom_np(&actions_, 3));
    check(posix_spawn_file_actions_addchdir_np(&actions_, "/"));
    sigset_t none;
    sigset_t all;
    sigemptyset(&none);
    sigfillset(&all);
    check(posix_spawnattr_setsigmask(&attributes_, &none));
    check(posix_spawnattr_setsigdefault(&attributes_, &all));
    int flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
    if (command.own_group) flags |= POSIX_SPAWN_SETPGROUP;
    check(posix_spawnattr_setpgroup(&attributes_, 0));
    check(posix_spawnattr_setflags(&attributes_, static_cast<short>(flags)));
  }
  SpawnPlan(const SpawnPlan&) = delete;
  SpawnPlan& operator=(const SpawnPlan&) = delete;
  ~SpawnPlan() {
    posix_spawn_file_actions_destroy(&actions_);
    posix_spawnattr_destroy(&attributes_);
  }

  [[nodiscard]] pid_t start(const ChildCommand& command) const {
    std::vector<char*> argv;
    for (const std::string& argument : command.arguments) argv.push_back(const_cast<char*>(argument.c_str()));
    argv.push_back(nullptr);
    std::array<char*, 1> environment{nullptr};
    pid_t pid = -1;
    check(posix_spawn(&pid, command.executable.c_str(), &actions_, &attributes_, argv.data(), environment.data()));
    return pid;
  }

 private:
  static void check(int error) {
    if (error != 0) raise_errno(error, "posix_spawn");
  }
  posix_spawn_file_actions_t actions_{};
  posix_spawnattr_t attributes_{};
};

// A started child: killed with its group and reaped when this goes out of scope, whatever happens in between.
class Child {
 public:
  Child(pid_t pid, bool own_group)
      : pid_(pid), own_group_(own_group), exited_(static_cast<int>(syscall(SYS_pidfd_open, pid, 0))) {}
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() {
    if (pid_ > 0) reap();
  }

  // Becomes readable when the child has exited; invalid on kernels before 5.3.
  [[nodiscard]] int exit_fd() const { return exited_.get(); }

  void kill_all() const {
    if (own_group_) kill(-pid_, SIGKILL);
    kill(pid_, SIGKILL);
  }

  [[nodiscard]] bool has_exited() const {
    siginfo_t info{};
    return waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == pid_;
  }

  // The group is killed while the unreaped leader still holds its number, so no stranger can have taken it.
  int reap() {
    kill_all();
    int status = 0;
    while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    pid_ = -1;
    return status;
  }

 private:
  pid_t pid_;
  bool own_group_;
  Descriptor exited_;
};

// Appends what is there; false at end of file.
bool drain(int fd, std::string& out, std::size_t keep) {
  std::array<char, 65536> block{};
  const ssize_t n = read(fd, block.data(), block.size());
  if (n < 0) return errno == EINTR || errno == EAGAIN;
  const auto size = static_cast<std::size_t>(n);
  out.append(block.data(), std::min(size, keep - std::min(keep, out.size())));
  return n > 0;
}

class Collector {
 public:
  Collector(const ChildCommand& command, Child& child, Pipe& output, Pipe& errors, int stop_fd)
      : command_(command), child_(child), output_(output), errors_(errors), stop_fd_(stop_fd) {}

  // How it went, unless the child ended by itself.
  ChildEnd run(ChildResult& result) {
    const auto deadline = std::chrono::steady_clock::now() + command_.wall;
    while (true) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
      if (left.count() <= 0) return ChildEnd::kTimedOut;
      std::array<pollfd, 4> fds{{{output_.read.get(), POLLIN, 0},
                                 {errors_.read.get(), POLLIN, 0},
                                 {output_.read || errors_.read ? -1 : child_.exit_fd(), POLLIN, 0},
                                 {stop_fd_, POLLIN, 0}}};
      // Without a pidfd the exit is noticed by looking now and then.
      const auto nap = child_.exit_fd() < 0 ? std::min<std::int64_t>(left.count(), 20) : left.count();
      if (poll(fds.data(), fds.size(), static_cast<int>(std::min<std::int64_t>(nap, 60'000))) < 0 && errno != EINTR)
        raise_errno(errno, "poll");
      if (fds[3].revents != 0) return ChildEnd::kCancelled;
      if (fds[0].revents != 0 && !drain(output_.read.get(), result.output, command_.max_output + 1))
        output_.read.reset();
      if (fds[1].revents != 0 && !drain(errors_.read.get(), result.diagnostics, kMaxDiagnostics)) errors_.read.reset();
      if (result.output.size() > command_.max_output) return ChildEnd::kTooMuchOutput;
      if (!output_.read && !errors_.read && child_.has_exited()) return ChildEnd::kExited;
    }
  }

 private:
  const ChildCommand& command_;
  Child& child_;
  Pipe& output_;
  Pipe& errors_;
  int stop_fd_;
};

// posix_spawn's dup2 steps run in order, so a source must not be one of 0, 1, 2.
Descriptor above_standard(Descriptor fd) {
  if (fd.get() > 2) return fd;
  Descriptor moved(fcntl(fd.get(), F_DUPFD_CLOEXEC, 3));
  if (!moved) raise_errno(errno, "fcntl");
  return moved;
}

}  // namespace

Descriptor& Descriptor::operator=(Descriptor&& other) noexcept {
  if (this != &other) {
    reset();
    fd_ = other.release();
  }
  return *this;
}

int Descriptor::release() {
  return std::exchange(fd_, -1);
}

void Descriptor::reset() {
  if (fd_ >= 0) close(release());
}

Descriptor memory_file(const void* bytes, std::size_t size) {
  Descriptor file(memfd_create("document", MFD_CLOEXEC));
  if (!file) raise_errno(errno, "memfd_create");
  const char* at = static_cast<const char*>(bytes);
  while (size > 0) {
    const ssize_t n = write(file.get(), at, size);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) raise_errno(errno, "write");
    at += n;
    size -= static_cast<std::size_t>(n);
  }
  lseek(file.get(), 0, SEEK_SET);
  return file;
}

Descriptor memory_file_of(const std::string& path, std::size_t max_bytes) {
  const Descriptor source(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!source) raise_errno(errno, "open");
  Descriptor file(memfd_create("document", MFD_CLOEXEC));
  if (!file) raise_errno(errno, "memfd_create");
  std::size_t left = max_bytes + 1;
  while (left > 0) {
    const ssize_t n = sendfile(file.get(), source.get(), nullptr, left);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) raise_errno(errno, "sendfile");
    if (n == 0) break;
    left -= static_cast<std::size_t>(n);
  }
  lseek(file.get(), 0, SEEK_SET);
  return file;
}

ChildResult run_child(const ChildCommand& command, std::stop_token stop) {
  const Descriptor stop_event(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!stop_event) raise_errno(errno, "eventfd");
  const std::stop_callback wake(stop, [&] {
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = write(stop_event.get(), &one, sizeof one);
  });
  Pipe output = make_pipe();
  Pipe errors = make_pipe();
  output.write = above_standard(std::move(output.write));
  errors.write = above_standard(std::move(errors.write));
  Child child(SpawnPlan(command, output.write.get(), errors.write.get()).start(command), command.own_group);
  output.write.reset();
  errors.write.reset();

  ChildResult result;
  result.end = Collector(command, child, output, errors, stop_event.get()).run(result);
  const int status = child.reap();
  if (result.end != ChildEnd::kExited) return result;
  if (WIFSIGNALED(status)) result.end = ChildEnd::kSignalled;
  result.code = WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status);
  return result;
}

}  // namespace nexus::text::extract

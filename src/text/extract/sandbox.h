// Running a program on foreign bytes so that it cannot outlive, flood or block its caller.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <stop_token>
#include <string>
#include <vector>

namespace nexus::text::extract {

// Owns a file descriptor.
class Descriptor {
 public:
  explicit Descriptor(int fd = -1) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(other.release()) {}
  Descriptor& operator=(Descriptor&& other) noexcept;
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() { reset(); }
  [[nodiscard]] int get() const { return fd_; }
  [[nodiscard]] explicit operator bool() const { return fd_ >= 0; }
  int release();
  void reset();

 private:
  int fd_;
};

// An anonymous file in memory that holds `bytes`, positioned at its start. Throws std::system_error.
[[nodiscard]] Descriptor memory_file(const void* bytes, std::size_t size);
// The same with the first `max_bytes` + 1 bytes of a file, so that a longer one shows. Throws std::system_error.
[[nodiscard]] Descriptor memory_file_of(const std::string& path, std::size_t max_bytes);

struct ChildCommand {
  std::string executable;              // absolute path, or /proc/self/exe
  std::vector<std::string> arguments;  // with argv[0]
  int input_fd = -1;                   // becomes standard input; not closed here
  std::size_t max_output = std::size_t{1} << 20;
  std::chrono::milliseconds wall{60'000};
  bool own_group = true;  // false: stays in the caller's process group, to die with it
};

enum class ChildEnd : std::uint8_t { kExited, kSignalled, kTimedOut, kCancelled, kTooMuchOutput };

struct ChildResult {
  ChildEnd end = ChildEnd::kExited;
  int code = 0;             // exit status or signal number
  std::string output;       // standard output
  std::string diagnostics;  // the first 4 KiB of standard error
};

// Starts the program with an empty environment, working directory `/`, every descriptor above 2 closed, default signals
// and (own_group) its own process group; collects its output until it has exited. Past `wall`, past `max_output` or on
// a stop request the whole group is killed. The child is always reaped. Safe in a program with many threads: nothing
// but posix_spawn happens between fork and exec. Throws std::system_error when the program cannot be started. The
// calling thread must live as long as the child (PDEATHSIG), which it does because it waits here.
[[nodiscard]] ChildResult run_child(const ChildCommand& command, std::stop_token stop = {});

}  // namespace nexus::text::extract

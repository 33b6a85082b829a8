#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <utility>
#include <vector>

namespace nexus::e2e {

using Environment = std::vector<std::pair<std::string, std::string>>;

/// Looks at the condition until it holds or the time is up; true when it holds.
[[nodiscard]] bool eventually(const std::function<bool()>& condition,
                              std::chrono::milliseconds limit = std::chrono::seconds(60));

/// A folder of its own under the system's temporary folder, removed with the object.
class ScratchFolder {
 public:
  ScratchFolder();
  ~ScratchFolder();
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

/// How a process ended.
struct Ending {
  std::optional<int> code;    ///< when it ended by itself
  std::optional<int> signal;  ///< when it was killed
};

/// A program running as the leader of a process group of its own, with exactly the given environment and both outputs
/// appended to one file. Killed with its whole group when the object goes, and by the kernel when the thread that
/// started it ends. One thread.
class Process {
 public:
  struct Start {
    std::filesystem::path program;
    std::vector<std::string> arguments;
    Environment environment;
    std::filesystem::path folder;  ///< working directory
    std::filesystem::path output;  ///< created or appended to
  };
  /// Throws std::system_error when there can be no process. A program that cannot be run ends with code 127.
  explicit Process(const Start& start);
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  [[nodiscard]] pid_t pid() const { return pid_; }
  /// To the leader alone.
  void signal(int number) const;
  /// SIGKILL to everybody in the group; returns when the leader is gone.
  void kill_group();
  /// SIGKILL to the leader alone; returns when it is gone.
  void kill_leader();
  /// The ending when the process has ended, now or earlier; does not wait.
  [[nodiscard]] std::optional<Ending> ended();
  /// Waits for the end; empty when the time is up.
  [[nodiscard]] std::optional<Ending> wait(std::chrono::milliseconds limit);

 private:
  pid_t pid_ = -1;
  std::optional<Ending> ending_;
};

/// What a program printed, and how it ended. Throws std::runtime_error when it does not end in time.
struct Finished {
  int code = -1;
  std::string output;  ///< both streams
};
[[nodiscard]] Finished run_to_end(const Process::Start& start,
                                  std::chrono::milliseconds limit = std::chrono::seconds(60));

/// Whole file, empty when there is none.
[[nodiscard]] std::string read_file(const std::filesystem::path& path);

/// Processes whose parent is `parent` and whose command line contains `word`.
[[nodiscard]] std::vector<pid_t> children_of(pid_t parent, std::string_view word);
/// Neither gone nor a zombie.
[[nodiscard]] bool is_alive(pid_t pid);

}  // namespace nexus::e2e

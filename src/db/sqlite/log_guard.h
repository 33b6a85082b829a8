#pragma once

#include <string>

namespace nexus::db::sqlite {

/// Keeps checkpoints and write transactions apart, over all processes of a database. SQLite before 3.51.3 can skip
/// committed pages, and so corrupt the file, when a checkpoint starts at the moment a commit of another connection
/// starts the write-ahead log over (https://sqlite.org/wal.html, "The WAL-Reset Bug"); Debian 12 has 3.40. An
/// open-file- description lock on an empty file beside the database: writers share it, a checkpoint has it alone. One
/// object per thread that locks; holds nothing when it is made.
class LogGuard {
 public:
  /// Throws db::Error when the file cannot be opened.
  explicit LogGuard(const std::string& database_path);
  ~LogGuard();
  LogGuard(const LogGuard&) = delete;
  LogGuard& operator=(const LogGuard&) = delete;

  /// Waits for the lock; holds it until it goes. Not nested.
  class Hold {
   public:
    Hold(const LogGuard& guard, bool alone);
    ~Hold();
    Hold(const Hold&) = delete;
    Hold& operator=(const Hold&) = delete;

   private:
    int fd_;
  };
  [[nodiscard]] Hold for_writing() const { return {*this, false}; }
  [[nodiscard]] Hold for_checkpoint() const { return {*this, true}; }

  /// The file of a database.
  [[nodiscard]] static std::string path_of(const std::string& database_path) { return database_path + "-guard"; }

 private:
  int fd_;
};

}  // namespace nexus::db::sqlite

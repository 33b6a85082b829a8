#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace nexus::e2e {

/// The database file, read behind the program's back with SQLite itself.
class StoredState {
 public:
  explicit StoredState(const std::filesystem::path& database);
  ~StoredState();
  StoredState(const StoredState&) = delete;
  StoredState& operator=(const StoredState&) = delete;

  /// First column of the first row.
  [[nodiscard]] std::int64_t number(std::string_view sql) const;
  [[nodiscard]] std::vector<std::string> texts(std::string_view sql) const;  ///< first column of all rows

  /// What no interruption may leave behind once all work has settled: a damaged file, two chunks in one place, chunks
  /// or texts of nobody, open jobs, a source file that is missing. One sentence each; empty is good.
  [[nodiscard]] std::vector<std::string> damage(const std::filesystem::path& data) const;

 private:
  void* db_ = nullptr;
};

}  // namespace nexus::e2e

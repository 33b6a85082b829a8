#pragma once

#include "base/ids.h"
#include "base/time.h"
#include "db/sqlite/sqlite_database.h"
#include "observe/metrics.h"

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <unistd.h>
#include <utility>

namespace nexus::db {

/// A folder of its own that goes with the test.
class TestFolder {
 public:
  TestFolder() : path_(std::filesystem::temp_directory_path() / ("nexusrag-test-" + hex32())) {
    std::filesystem::create_directories(path_);
  }
  ~TestFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TestFolder(const TestFolder&) = delete;
  TestFolder& operator=(const TestFolder&) = delete;
  [[nodiscard]] std::string file(const std::string& name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

/// A database in a folder of its own, with the table that most tests use.
struct TestDatabase {
  explicit TestDatabase(const std::function<void(SqliteOptions&)>& adjust = nullptr) {
    options.path = folder.file("test.db");
    if (adjust) adjust(options);
    open();
    db->run_script(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT NOT NULL) STRICT;"
        "CREATE TABLE child (id INTEGER PRIMARY KEY, t_id INTEGER NOT NULL REFERENCES t (id) DEFERRABLE INITIALLY "
        "DEFERRED) STRICT;");
  }
  void open() { db = open_sqlite(options, clock, metrics); }

  TestFolder folder;
  SystemClock clock;
  observe::Metrics metrics;
  SqliteOptions options;
  std::unique_ptr<Database> db;
};

}  // namespace nexus::db

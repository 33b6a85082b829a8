#pragma once

#include "base/time.h"
#include "db/database.h"
#include "observe/metrics.h"

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// The tests of one program run on one engine: NEXUSRAG_TEST_ENGINE is `sqlite` (the default) or `postgres`, which
/// needs the server that NEXUSRAG_TEST_POSTGRES names, and uses the Redis of NEXUSRAG_TEST_REDIS where there is one.
namespace nexus::testing {

/// True when this program's tests run on PostgreSQL. Throws std::runtime_error for an engine that is not known.
[[nodiscard]] bool on_postgres();

/// Why a test about SQLite's own files or plans skips on PostgreSQL: `if (on_postgres()) GTEST_SKIP() << kAboutSqlite;`
inline constexpr const char* kAboutSqlite = "about SQLite itself";

/// A private database with all migrations applied; gone with the object.
[[nodiscard]] std::unique_ptr<db::Database> scratch_database(const Clock& clock, observe::Metrics& metrics);
/// The same under a name, for tests that open it again or twice: on SQLite a file of the caller, on PostgreSQL a
/// database that stays as long as the folder of `path` exists.
[[nodiscard]] std::unique_ptr<db::Database> file_database(const std::string& path, const Clock& clock,
                                                          observe::Metrics& metrics);

/// Where a whole server keeps its rows and its shared state during a test, as settings; gone with the object.
class ServerStore {
 public:
  ServerStore();
  ~ServerStore();
  ServerStore(const ServerStore&) = delete;
  ServerStore& operator=(const ServerStore&) = delete;

  /// Nothing on SQLite: the database stands in DATA_DIR.
  [[nodiscard]] const std::vector<std::pair<std::string, std::string>>& settings() const { return settings_; }

 private:
  struct Held;
  std::unique_ptr<Held> held_;
  std::vector<std::pair<std::string, std::string>> settings_;
};

}  // namespace nexus::testing

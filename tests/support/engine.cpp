#include "support/engine.h"

#include "base/ids.h"
#include "db/embedded_migrations.h"
#include "db/migrator.h"
#include "db/open.h"
#include "db/sqlite/sqlite_database.h"
#include "support/postgres_pool.h"

#include <filesystem>
#include <functional>
#include <map>
#include <mutex>
#include <stdexcept>
#include <stdlib.h>
#include <string_view>

namespace nexus::testing {
namespace {

constexpr unsigned kReaders = 4;

std::string_view environment(const char* name) {
  const char* value = ::getenv(name);
  return value == nullptr ? std::string_view() : std::string_view(value);
}

std::string schema_checksum() {
  std::string all;
  for (const db::Migration& step : db::embedded_migrations("postgres")) all += step.sha256;
  return std::to_string(std::hash<std::string>()(all));
}

void migrate(const std::string& url) {
  const SystemClock clock;
  observe::Metrics metrics;
  const auto database = db::open_database(url, {.readers = 1, .pool_size = 1}, clock, metrics);
  db::Migrator(*database, clock, db::embedded_migrations(database->engine())).apply();
}

/// The one server of this program, and its databases that have a name. It starts with the first test that needs it and
/// must outlive all of them, which is why it is not an object of a test.
class PostgresStores {
 public:
  static PostgresStores& of_this_program() {
    static PostgresStores stores;
    return stores;
  }

  using Lease = std::shared_ptr<PostgresPool::Lease>;
  [[nodiscard]] Lease scratch() { return pool_.take(); }
  [[nodiscard]] Lease named(const std::string& path) {
    const std::lock_guard lock(mutex_);
    std::erase_if(named_, [](const auto& entry) {
      return entry.second.use_count() == 1 &&
             !std::filesystem::exists(std::filesystem::path(entry.first).parent_path());
    });
    Lease& lease = named_[path];
    if (!lease) lease = pool_.take();
    return lease;
  }

 private:
  PostgresStores() : pool_(server(), schema_checksum(), migrate) {}
  static std::string server() {
    const std::string_view url = environment("NEXUSRAG_TEST_POSTGRES");
    if (url.empty())
      throw std::runtime_error("NEXUSRAG_TEST_ENGINE=postgres needs NEXUSRAG_TEST_POSTGRES; ./dev services up sets it");
    return std::string(url);
  }

  PostgresPool pool_;
  std::mutex mutex_;
  std::map<std::string, Lease> named_;
};

/// An open database that takes its place on the server with it.
class LeasedDatabase final : public db::Database {
 public:
  LeasedDatabase(PostgresStores::Lease lease, const Clock& clock, observe::Metrics& metrics)
      : lease_(std::move(lease)),
        inner_(db::open_database(lease_->url(), {.readers = kReaders, .pool_size = kReaders}, clock, metrics)) {}

  void write_async(Work work, db::Durability durability, Done done) override {
    inner_->write_async(std::move(work), durability, std::move(done));
  }
  std::vector<std::string> check_statements(db::StatementList statements) override {
    return inner_->check_statements(statements);
  }
  void run_script(std::string_view sql) override { inner_->run_script(sql); }
  std::uint64_t data_version() const override { return inner_->data_version(); }
  std::uint64_t change_count(std::string_view scope) const override { return inner_->change_count(scope); }
  std::vector<std::string> quick_check() override { return inner_->quick_check(); }
  std::string_view engine() const override { return inner_->engine(); }

 protected:
  void run_write(Work work, db::Durability durability) override { inner_->write(work, durability); }
  void run_read(const std::function<void(db::Snapshot&)>& work) override { inner_->read(work); }

 private:
  PostgresStores::Lease lease_;
  std::unique_ptr<db::Database> inner_;
};

std::unique_ptr<db::Database> sqlite_database(const std::string& path, const Clock& clock, observe::Metrics& metrics) {
  db::SqliteOptions options;
  options.path = path;
  options.readers = kReaders;
  auto database = db::open_sqlite(options, clock, metrics);
  db::Migrator(*database, clock, db::embedded_migrations("sqlite")).apply();
  return database;
}

}  // namespace

bool on_postgres() {
  const std::string_view engine = environment("NEXUSRAG_TEST_ENGINE");
  if (engine.empty() || engine == "sqlite") return false;
  if (engine != "postgres") throw std::runtime_error("NEXUSRAG_TEST_ENGINE is sqlite or postgres");
  return true;
}

std::unique_ptr<db::Database> scratch_database(const Clock& clock, observe::Metrics& metrics) {
  if (!on_postgres()) return sqlite_database(":memory:", clock, metrics);
  return std::make_unique<LeasedDatabase>(PostgresStores::of_this_program().scratch(), clock, metrics);
}

std::unique_ptr<db::Database> file_database(const std::string& path, const Clock& clock, observe::Metrics& metrics) {
  if (!on_postgres()) return sqlite_database(path, clock, metrics);
  return std::make_unique<LeasedDatabase>(PostgresStores::of_this_program().named(path), clock, metrics);
}

struct ServerStore::Held {
  PostgresStores::Lease database;
};

ServerStore::ServerStore() {
  if (!on_postgres()) return;
  held_ = std::make_unique<Held>(Held{.database = PostgresStores::of_this_program().scratch()});
  settings_.emplace_back("DATABASE_URL", held_->database->url());
  const std::string_view redis = environment("NEXUSRAG_TEST_REDIS");
  if (redis.empty()) return;
  settings_.emplace_back("REDIS_URL", redis);
  const std::string prefix = "nexusrag-test:" + hex32() + ":";
  for (const char* part : {"RL", "CB", "ROLLOUT", "FAILOVER", "RUN_RESUME"})
    settings_.emplace_back(std::string(part) + "_REDIS_PREFIX", prefix + part);
}

ServerStore::~ServerStore() = default;

}  // namespace nexus::testing

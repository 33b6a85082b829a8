#include "db/sqlite/sqlite_database.h"

#include "base/ids.h"
#include "db/sqlite/database_probe.h"
#include "db/sqlite/readers.h"
#include "db/sqlite/writer.h"

#include <fmt/format.h>

#include <atomic>
#include <condition_variable>
#include <fcntl.h>
#include <filesystem>
#include <mutex>
#include <stdexcept>
#include <unistd.h>
#include <utility>

namespace nexus::db {
namespace sqlite {
namespace {

/// The transactions that this thread is inside of, innermost first: a read within one joins it.
struct OpenTransaction {
  const void* database = nullptr;
  SqliteSession* session = nullptr;
  OpenTransaction* outer = nullptr;
};
thread_local OpenTransaction* innermost = nullptr;

OpenTransaction* open_transaction(const void* database) {
  for (OpenTransaction* t = innermost; t != nullptr; t = t->outer) {
    if (t->database == database && t->session != nullptr) return t;
  }
  return nullptr;
}

class TransactionScope {
 public:
  TransactionScope(const void* database, SqliteSession* session) : entry_{database, session, innermost} {
    innermost = &entry_;
  }
  ~TransactionScope() { innermost = entry_.outer; }
  TransactionScope(const TransactionScope&) = delete;
  TransactionScope& operator=(const TransactionScope&) = delete;

 private:
  OpenTransaction entry_;
};

/// The scratch file behind ":memory:".
class ScratchFile {
 public:
  explicit ScratchFile(bool wanted) {
    if (!wanted) return;
    std::error_code ignored;
    const std::filesystem::path shared = "/dev/shm";
    const bool in_memory = access(shared.c_str(), W_OK) == 0;
    path_ = ((in_memory ? shared : std::filesystem::temp_directory_path(ignored)) / ("nexusrag-" + hex32())).string();
  }
  ~ScratchFile() {
    if (path_.empty()) return;
    for (const char* suffix : {"", "-wal", "-shm", "-guard"}) unlink((path_ + suffix).c_str());
  }
  ScratchFile(const ScratchFile&) = delete;
  ScratchFile& operator=(const ScratchFile&) = delete;
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

SqliteOptions prepared_options(SqliteOptions options, const ScratchFile& scratch) {
  if (!scratch.path().empty()) options.path = scratch.path();
  const std::filesystem::path folder = std::filesystem::path(options.path).parent_path();
  std::error_code failed;
  if (!folder.empty()) std::filesystem::create_directories(folder, failed);
  if (failed) throw Error(ErrorCode::kUnavailable, fmt::format("create {}: {}", folder.string(), failed.message()));
  // Rows are nobody else's business: SQLite would create the file readable by all, and the log takes its mode.
  const int file = open(options.path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (file >= 0) close(file);
  return options;
}

/// What a blocked write waits on.
class Completion {
 public:
  void complete(std::exception_ptr failure) {
    const std::lock_guard lock(mutex_);
    failure_ = std::move(failure);
    done_ = true;
    ready_.notify_one();  // under the lock: the waiter destroys this object as soon as it may
  }
  void wait() {
    std::unique_lock lock(mutex_);
    ready_.wait(lock, [this] { return done_; });
    if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
  }

 private:
  std::mutex mutex_;
  std::condition_variable ready_;
  std::exception_ptr failure_;
  bool done_ = false;
};

}  // namespace

class SqliteDatabase final : public Database {
 public:
  SqliteDatabase(const SqliteOptions& options, const Clock& clock, observe::Metrics& metrics)
      : scratch_(options.path == ":memory:"),
        options_(prepared_options(options, scratch_)),
        clock_(clock),
        probe_(metrics),
        writer_(options_, clock, probe_, changes_, [this](SqliteSession* session) { enter_write(session); }),
        readers_(options_, clock, probe_) {}
  ~SqliteDatabase() override { writer_.stop(); }  // what it still runs may read
  SqliteDatabase(const SqliteDatabase&) = delete;
  SqliteDatabase& operator=(const SqliteDatabase&) = delete;

  void write_async(Work work, Durability durability, Done done) override {
    WriteJob job{.work = std::move(work), .durability = durability, .done = std::move(done)};
    if (const auto refused = writer_.submit(job, false)) job.done(std::make_exception_ptr(*refused));
  }

  std::vector<std::string> check_statements(StatementList statements) override {
    const Readers::Lease session = readers_.take();
    std::vector<std::string> problems;
    for (const Statement* statement : statements) {
      try {
        session->check(*statement);
      } catch (const Error& e) {
        problems.emplace_back(e.what());  // begins with the statement's name
      }
    }
    return problems;
  }

  void run_script(std::string_view sql) override {
    run_write([&](Tx& tx) { tx.script(sql); }, Durability::kDurable);
  }

  [[nodiscard]] std::uint64_t data_version() const override { return writer_.foreign_version(); }
  [[nodiscard]] std::uint64_t change_count(std::string_view scope) const override {
    // Beside another process no number stands for a state that is still true: each is a new one.
    if (writer_.has_company()) return kNeverTwice | never_twice_.fetch_add(1, std::memory_order_relaxed);
    return changes_.count(Changes::slot(scope)) + writer_.foreign_version();
  }

  std::vector<std::string> quick_check() override {
    static constexpr Statement kQuickCheck("db.quick_check", "PRAGMA quick_check(20)");
    return read([](Snapshot& snapshot) {
      std::vector<std::string> problems;
      Cursor rows = snapshot.query(kQuickCheck);
      while (rows.next()) {
        if (rows.text(0) != "ok") problems.push_back(rows.str(0));
      }
      return problems;
    });
  }

  [[nodiscard]] std::string_view engine() const override { return "sqlite"; }

 protected:
  void run_write(Work work, Durability durability) override {
    if (writer_.on_own_thread()) {
      throw std::logic_error("a write inside a write, or in what runs after its commit, would wait for itself");
    }
    Completion completion;
    WriteJob job{.work = std::move(work), .durability = durability, .done = [&completion](std::exception_ptr failure) {
                   completion.complete(std::move(failure));
                 }};
    if (const auto refused = writer_.submit(job, true)) throw Error(*refused);
    completion.wait();
  }

  void run_read(const std::function<void(Snapshot&)>& work) override {
    if (const OpenTransaction* outer = open_transaction(this)) {
      Snapshot snapshot(*outer->session);
      work(snapshot);
      return;
    }
    const Readers::Lease session = readers_.take();
    const std::int64_t start_us = clock_.steady_us();
    session->begin_read();
    try {
      const TransactionScope scope(this, &*session);
      Snapshot snapshot(*session);
      work(snapshot);
      session->end_read();
    } catch (...) {
      session->abandon_read();
      throw;
    }
    probe_.read_done(clock_.steady_us() - start_us);
  }

 private:
  void enter_write(SqliteSession* session) {
    // On the writer's thread: one entry per database, filled while a job runs.
    writing_ = {this, session, nullptr};
    innermost = session == nullptr ? nullptr : &writing_;
  }

  const ScratchFile scratch_;
  const SqliteOptions options_;
  const Clock& clock_;
  DatabaseProbe probe_;
  static constexpr std::uint64_t kNeverTwice = std::uint64_t{1} << 62;
  Changes changes_;
  mutable std::atomic<std::uint64_t> never_twice_{0};
  OpenTransaction writing_;
  Writer writer_;
  Readers readers_;
};

}  // namespace sqlite

std::unique_ptr<Database> open_sqlite(const SqliteOptions& options, const Clock& clock, observe::Metrics& metrics) {
  return std::make_unique<sqlite::SqliteDatabase>(options, clock, metrics);
}

}  // namespace nexus::db

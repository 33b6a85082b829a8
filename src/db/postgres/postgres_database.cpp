#include "db/postgres/postgres_database.h"

#include "db/changes.h"
#include "db/postgres/async_writer.h"
#include "db/postgres/conninfo.h"
#include "db/postgres/listener.h"
#include "db/postgres/pool.h"
#include "db/postgres/probe.h"
#include "db/postgres/transactor.h"

#include <utility>

namespace nexus::db {
namespace postgres {

class PostgresDatabase final : public Database {
 public:
  PostgresDatabase(const PostgresOptions& options, const Clock& clock, observe::Metrics& metrics)
      : options_(options),
        info_(connection_parameters(options_)),
        probe_(metrics),
        listener_(info_, options_, changes_, probe_),
        pool_(info_, options_, probe_),
        transactor_(this, options_, clock, probe_, pool_, listener_, changes_),
        async_(options_.write_queue, options_.group_jobs, options_.async_threads, probe_,
               [this](const Work& work, Durability durability, std::size_t jobs) {
                 counted([&] { transactor_.write(work, durability, jobs); });
               }) {}

  void write_async(Work work, Durability durability, Done done) override {
    AsyncWriter::Job job{.work = std::move(work), .durability = durability, .done = std::move(done)};
    if (async_.submit(job)) return;
    job.done(std::make_exception_ptr(Error(ErrorCode::kBusy, "the queue of writes is full")));
  }

  std::vector<std::string> check_statements(StatementList statements) override {
    const Pool::Lease session = pool_.take();
    std::vector<std::string> problems;
    for (const Statement* statement : statements) {
      try {
        session->check(*statement);
      } catch (const PostgresError& e) {
        if (e.lost()) throw;
        problems.emplace_back(e.what());  // begins with the statement's name
      } catch (const Error& e) {
        problems.emplace_back(e.what());
      }
    }
    return problems;
  }

  void run_script(std::string_view sql) override {
    run_write([&](Tx& tx) { tx.script(sql); }, Durability::kDurable);
  }

  [[nodiscard]] std::uint64_t data_version() const override { return listener_.version(); }
  [[nodiscard]] std::uint64_t change_count(std::string_view scope) const override {
    // Both only grow, so that their sum stays exactly when neither has moved.
    return changes_.count(Changes::slot(scope)) + listener_.generation();
  }

  std::vector<std::string> quick_check() override {
    static constexpr Statement kInvalid("db.quick_check", R"(
      SELECT c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
      WHERE NOT (i.indisvalid AND i.indisready) ORDER BY 1)");
    return read([](Snapshot& snapshot) {
      std::vector<std::string> problems;
      for (Cursor rows = snapshot.query(kInvalid); rows.next();) {
        problems.push_back("index " + rows.str(0) + " is not valid: REINDEX it");
      }
      return problems;
    });
  }

  [[nodiscard]] std::string_view engine() const override { return "postgres"; }

 protected:
  void run_write(Work work, Durability durability) override {
    counted([&] { transactor_.write(work, durability, 1); });
  }

  void run_read(const std::function<void(Snapshot&)>& work) override {
    counted([&] { transactor_.read(work); });
  }

 private:
  template <class F>
  void counted(const F& run) {
    try {
      run();
    } catch (const Error& e) {
      probe_.failed(e.code());
      throw;
    }
  }

  const PostgresOptions options_;
  const ConnInfo info_;
  Probe probe_;
  Changes changes_;
  mutable Listener listener_;
  Pool pool_;
  Transactor transactor_;
  AsyncWriter async_;  // last: what it still runs needs the rest
};

}  // namespace postgres

std::unique_ptr<Database> open_postgres(const PostgresOptions& options, const Clock& clock, observe::Metrics& metrics) {
  return std::make_unique<postgres::PostgresDatabase>(options, clock, metrics);
}

}  // namespace nexus::db

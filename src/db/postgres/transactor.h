#pragma once

#include "base/time.h"
#include "db/changes.h"
#include "db/database.h"
#include "db/postgres/contention.h"
#include "db/postgres/listener.h"
#include "db/postgres/pool.h"
#include "db/postgres/probe.h"

#include <cstddef>
#include <functional>
#include <optional>
#include <vector>

namespace nexus::db::postgres {

/// Runs transactions to their end: takes a connection, and runs the work again when that is safe and may help.
///   conflicts (40001, 40P01, a name that is taken)   again, with growing care, up to the busy limit
///   a connection lost before COMMIT was sent         again on another one, twice at most
///   a connection lost while COMMIT was under way     UnknownOutcome: never again by itself
/// Thread-safe; blocks.
class Transactor {
 public:
  /// `database` is whom nested transactions belong to.
  Transactor(const void* database, const PostgresOptions& options, const Clock& clock, Probe& probe, Pool& pool,
             Listener& listener, Changes& changes);

  void write(const Database::Work& work, Durability durability, std::size_t jobs);
  void read(const std::function<void(Snapshot&)>& work);

 private:
  struct Attempt {
    std::vector<NameAsked> names;                // to take before the transaction begins
    std::vector<std::function<void()>> actions;  // of the committed one
    std::optional<PostgresError> failure;        // why it has to run again
  };

  void attempt_write(const Database::Work& work, Durability durability, Attempt& attempt);
  void after_failed_write(Pool::Lease& lease, Attempt& attempt);
  std::optional<PostgresError> attempt_read(const std::function<void(Snapshot&)>& work);
  void bump(const std::vector<Changes::Slot>& touched);

  const void* database_;
  const PostgresOptions& options_;
  const Clock& clock_;
  Probe& probe_;
  Pool& pool_;
  Listener& listener_;
  Changes& changes_;
  Contention contention_;
};

}  // namespace nexus::db::postgres

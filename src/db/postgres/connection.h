#pragma once

#include "db/postgres/conninfo.h"
#include "db/postgres/postgres_errors.h"

#include <chrono>
#include <cstddef>
#include <libpq-fe.h>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace nexus::db::postgres {

struct ClearResult {
  void operator()(PGresult* result) const noexcept { PQclear(result); }
};
using Result = std::unique_ptr<PGresult, ClearResult>;

/// Parameters of one execution as libpq takes them; libpq copies them when they are queued.
struct BoundValues {
  std::vector<const char*> values;
  std::vector<int> lengths;
  std::vector<int> formats;  ///< 0 text, 1 binary
};

/// One connection in libpq's pipeline mode: commands are queued and go out together, so that several cost one round
/// trip. One thread at a time. A lost connection stays lost: throw the object away.
class Connection {
 public:
  using Limit = std::chrono::milliseconds;

  /// Connects. `answer_limit` bounds every wait for the server beyond its own statement_timeout; 0: none.
  /// Throws PostgresError{kUnavailable}.
  Connection(const ConnInfo& info, Limit answer_limit);
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // --- these queue and do not wait; they throw PostgresError when the connection is lost
  void queue(const char* sql);
  void queue(const char* sql, std::span<const char* const> texts);
  void queue_prepare(const char* name, const std::string& sql);
  void queue_describe(const char* name);
  void queue_run(const char* name, const BoundValues& values);

  /// Sends what is queued and waits for all answers. The result of the last command; throws the first error, named
  /// after `what`. The commands behind an error have not run.
  Result exchange(std::string_view what);
  /// Sends what is queued without waiting; its answers, failures too, are dropped when the next exchange comes by them.
  void send_and_forget() noexcept;
  /// Runs a script outside the pipeline, without a time limit of ours.
  void run_script(const std::string& sql);

  /// A look without a round trip: false when the server has hung up.
  [[nodiscard]] bool alive() noexcept;
  [[nodiscard]] PGTransactionStatusType transaction() const { return PQtransactionStatus(connection_.get()); }

  // --- for the listener
  [[nodiscard]] int socket() const { return PQsocket(connection_.get()); }
  /// Takes a notification that has arrived: its payload.
  [[nodiscard]] std::optional<std::string> take_notification();

 private:
  struct Finish {
    void operator()(PGconn* connection) const noexcept { PQfinish(connection); }
  };

  void check_queued(int accepted);
  void wait_for_answer(Limit limit, std::string_view what);
  Result next_result(Limit limit, std::string_view what);
  void finish_batch(std::size_t commands, Result* last, std::optional<PostgresError>* failure, std::string_view what);
  void settle(std::string_view what);
  [[noreturn]] void fail(std::string_view what, std::string_view why);

  std::unique_ptr<PGconn, Finish> connection_;
  Limit answer_limit_;
  std::size_t queued_ = 0;              // commands since the last sync
  std::vector<std::size_t> forgotten_;  // sizes of batches whose answers are still to come
  bool lost_ = false;
};

}  // namespace nexus::db::postgres

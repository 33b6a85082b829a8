#pragma once

#include "base/time.h"
#include "db/database.h"

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>

namespace nexus::observe {
class Metrics;
}

namespace nexus::db {

struct PostgresOptions {
  std::string url;                                      ///< as parse_postgres_url() takes it; a secret
  unsigned pool_size = 20;                              ///< connections kept open
  unsigned max_overflow = 10;                           ///< opened beyond them under load, closed when idle for long
  std::chrono::milliseconds busy_limit{5'000};          ///< longest wait for a connection, and of a write's retries
  std::chrono::milliseconds statement_timeout{15'000};  ///< of one statement, at the server; 0: none
  std::chrono::milliseconds idle_in_transaction{
      60'000};                                       ///< the server ends a transaction that is left alone; 0: never
  std::chrono::milliseconds connect_timeout{5'000};  ///< for each host of the URL; whole seconds, at least 2
  std::chrono::milliseconds foreign_poll{250};       ///< how often commits of others are asked for
  std::chrono::milliseconds foreign_limit{1'000};    ///< no news for so long: nothing is known of others any more
  std::chrono::milliseconds reconnect_first{50};     ///< wait after a failed connect, growing with jitter up to …
  std::chrono::milliseconds reconnect_most{2'000};   ///< … this
  std::chrono::minutes connection_age{30};           ///< a connection is replaced after about so long
  std::size_t write_queue = 4096;                    ///< asynchronous writes that wait
  std::size_t group_jobs = 32;                       ///< most asynchronous writes in one commit
  unsigned async_threads = 1;                        ///< more than one gives up their order
  std::string application_name = "nexusrag";         ///< unless the URL names one
};

/// Connects; throws Error{kUnavailable} that never holds the password.
[[nodiscard]] std::unique_ptr<Database> open_postgres(const PostgresOptions& options, const Clock& clock,
                                                      observe::Metrics& metrics);

}  // namespace nexus::db

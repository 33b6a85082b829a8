#pragma once

#include "base/time.h"
#include "db/database.h"
#include "exec/backoff.h"
#include "opensearch/cluster.h"
#include "opensearch/options.h"
#include "opensearch/outbox_repository.h"

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace nexus::observe {
class Metrics;
}

namespace nexus::opensearch {

/// Brings the index to what the rows say. Claims documents from the outbox, sends all their chunks with the outbox
/// number as external version, then deletes what is older of the same documents, and only then forgets the claims. Any
/// number of feeders may run, in any number of processes:
/// - at least once: a claim whose feeder died is due again when its lease ends, and sending again changes nothing;
/// - never backwards: an older number is refused by the server (409, which counts as done), also for an hour after the
///   chunk was deleted; a feeder that finds its lease lost makes the document due again.
/// A fault of the cluster postpones, for as long as it lasts. A chunk that the server will never take makes its
/// document `dead`: visible in the metrics and in `search-index verify`, tried again when the document changes.
class Feeder {
 public:
  /// Attributes of a document's readers for wide permission filters; called with a snapshot. Optional.
  using AttributesOf = std::function<std::vector<std::string>(db::Snapshot&, const Subject&)>;

  Feeder(db::Database& db, Cluster& cluster, const Clock& clock, FeedOptions options, observe::Metrics& metrics,
         exec::Random random, AttributesOf attributes = {});
  ~Feeder();
  Feeder(const Feeder&) = delete;
  Feeder& operator=(const Feeder&) = delete;

  /// The thread that delivers until stop().
  void start();
  void stop();
  /// Something was put into the outbox. Any thread; cheap.
  void wake();

  /// Claims and delivers one batch on the calling thread.
  struct Round {
    std::size_t claimed = 0;
    std::size_t delivered = 0;
    std::size_t postponed = 0;
    std::size_t dead = 0;
    std::string fault;  ///< of the first that was postponed or dead
  };
  Round run_once(const std::stop_token& stop = {});

 private:
  struct Delivery;  // one claim and what becomes of it
  class Batch;      // the claims of one round on their way

  void loop(const std::stop_token& stop);
  [[nodiscard]] std::vector<Claim> claim(const std::string& owner);
  /// Each once, from the one after `start` and around.
  [[nodiscard]] std::vector<std::string> due_tenants(db::Snapshot& db, const std::string& start, Timestamp now) const;
  [[nodiscard]] Round settle(const std::vector<Delivery>& deliveries, const std::string& owner);
  [[nodiscard]] std::int64_t pause_us(std::int64_t attempts);
  void measure();

  db::Database& db_;
  Cluster& cluster_;
  const Clock& clock_;
  const FeedOptions options_;
  observe::Metrics& metrics_;
  OutboxRepository rows_;
  const AttributesOf attributes_;

  std::mutex mutex_;
  std::condition_variable_any woken_;
  exec::Random random_;      // guarded by mutex_
  bool due_ = false;         // guarded by mutex_
  std::string last_tenant_;  // guarded by mutex_: where the next claim goes on
  std::jthread thread_;      // last: joins before the rest goes
};

}  // namespace nexus::opensearch

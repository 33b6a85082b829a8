#pragma once

#include "base/time.h"
#include "db/database.h"
#include "modules/audit/audit_repository.h"
#include "modules/audit/checkpoints.h"
#include "modules/audit/ports.h"
#include "observe/metrics.h"

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <vector>

namespace nexus::audit {

class PreparedRow;

struct AuditOptions {
  std::shared_ptr<const CheckpointSigner> signer;  ///< null: no checkpoints are made, and none verify
  std::filesystem::path checkpoint_dir;            ///< AUDIT_CHECKPOINT_DIR; empty: only in the database
  std::int64_t checkpoint_events = 1000;           ///< AUDIT_CHECKPOINT_EVENTS
  std::int64_t checkpoint_interval_s = 60;         ///< AUDIT_CHECKPOINT_INTERVAL_S
  std::size_t queue_capacity = 65'536;             ///< events that record_soon() may hold before callers wait
  std::size_t batch_events = 1'024;                ///< most events of one write job
  std::chrono::milliseconds linger{5};             ///< how long a lone event waits for company
  std::chrono::milliseconds most_wait{5'000};      ///< for a place in a full queue, then db::Error{kBusy}
  bool background = true;  ///< false: nothing runs by itself; the owner calls flush() and maintain() (tests)
};

/// The audit log: rows, per-tenant hash chain (00-decisions §5), checkpoints. Thread-safe. Owns one thread that writes
/// what record_soon() queued and makes checkpoints when they are due. Stop it before the database closes.
class AuditLog final : public Log {
 public:
  AuditLog(db::Database& database, const Clock& clock, AuditOptions options, observe::Metrics& metrics);
  ~AuditLog() override;
  AuditLog(const AuditLog&) = delete;
  AuditLog& operator=(const AuditLog&) = delete;

  /// Costs one read of the chain's head, one hash and two inserts in the caller's transaction.
  void record(db::Tx& tx, const Event& event) override;
  /// Must not be called inside a transaction: while the queue is full it waits for the database.
  void record_soon(Event event) override;

  /// Waits until everything that was queued before the call is written (or, while stopping, given up). Without a
  /// background thread the caller's thread writes it.
  void flush();
  /// Writes the checkpoints that are due by count or by age. Returns how many. Called by the background thread each
  /// second. Throws db::Error, std::system_error.
  std::size_t maintain();
  /// Flushes, makes the last checkpoints, joins. Idempotent; later events are written at once.
  void stop();

  /// Signs and stores what is behind the last checkpoint of each chain ('' is the platform's). Returns how many.
  std::size_t checkpoint(std::span<const std::string> chains);

  /// Checks a whole chain against its rows and checkpoints. One snapshot: with writers at work it shows a head that was
  /// true when it began. Throws db::Error.
  [[nodiscard]] VerifyReport verify(std::string_view chain) const;
  [[nodiscard]] std::vector<std::string> chains() const;

  struct Pruned {
    std::int64_t through_seq = 0;
    std::int64_t events = 0;
  };
  /// Removes the oldest events of a chain that are older than `cutoff`, never beyond its last checkpoint, and records
  /// `audit.pruned` in the same chain first, so that verify() accepts their absence. Links stay. Short transactions; a
  /// stop ends it between two of them, and the next call goes on.
  Pruned prune(std::string_view chain, Timestamp cutoff, const std::stop_token& stop = {});

 private:
  struct Due {
    std::int64_t events = 0;  ///< since the last checkpoint, an estimate
    std::int64_t appended_seq = 0;
    Timestamp since;
    int fruitless = 0;  ///< checkpoints that found less than was appended (transactions in progress or undone)
  };

  void count_written(const Event& event) { (event.success ? success_total_ : failure_total_).add(); }
  void append_one(db::Tx& tx, const Event& event);
  [[nodiscard]] Head append(db::Tx& tx, PreparedRow& row, const Head& head);
  void append_batch(db::Tx& tx, std::span<const Event> events);
  void run(const std::stop_token& stop);
  void write_taken(std::vector<Event>& events, bool stopping);
  bool try_write(std::span<const Event> events);
  void write_one_by_one(std::span<const Event> events);
  void note_appended(std::string_view chain, std::int64_t seq);
  [[nodiscard]] std::vector<std::string> due_chains(bool all);
  void load_unfinished();
  void settle(std::string_view chain, std::int64_t checkpoint_seq);

  db::Database& database_;
  const Clock& clock_;
  const AuditOptions options_;
  AuditRepository repository_;
  const Checkpoints checkpoints_;
  observe::Counter& success_total_;
  observe::Counter& failure_total_;
  observe::Counter& lost_total_;
  observe::Counter& checkpoints_total_;

  std::mutex queue_mutex_;
  std::condition_variable_any work_;
  std::condition_variable_any progress_;
  std::vector<Event> queue_;
  std::uint64_t queued_count_ = 0;
  std::uint64_t settled_count_ = 0;
  int flush_waiters_ = 0;
  bool stopped_ = false;

  std::mutex due_mutex_;
  std::unordered_map<std::string, Due> due_;
  bool unfinished_loaded_ = false;

  std::jthread writer_;
};

}  // namespace nexus::audit

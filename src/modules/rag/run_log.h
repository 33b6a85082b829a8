#pragma once

#include "base/time.h"
#include "modules/rag/run_log_store.h"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace nexus::rag {

/// The frames of one run, kept so that a client which lost its connection can read on (`Last-Event-ID`). Written by the
/// run's stream, read by resumed ones; thread-safe.
class RunLog {
 public:
  /// `total` is the byte count of all logs of a RunLogs; this one's share is taken back when it dies. `shared` gets the
  /// frames as well; null: only this process has them.
  explicit RunLog(std::shared_ptr<std::atomic<std::size_t>> total, std::shared_ptr<SharedRunWriter> shared = nullptr)
      : total_(std::move(total)), shared_(std::move(shared)) {}
  ~RunLog() { total_->fetch_sub(bytes_); }
  RunLog(const RunLog&) = delete;
  RunLog& operator=(const RunLog&) = delete;

  /// Frame number `seq` (from 1, without gaps), whole with its trailing blank line.
  void append(std::string_view frame);
  /// `complete`: the last frame was `done`. False: the reader was lost and the run stopped. The first call counts.
  void finish(bool complete);

  struct Tail {
    std::vector<std::string> frames;  ///< those after `after_seq`
    bool finished = false;
    bool complete = false;
  };
  [[nodiscard]] Tail after(std::uint64_t after_seq) const;
  [[nodiscard]] std::size_t bytes() const;
  /// Null when the run is not shared.
  [[nodiscard]] SharedRunWriter* shared() const { return shared_.get(); }

 private:
  std::shared_ptr<std::atomic<std::size_t>> total_;
  const std::shared_ptr<SharedRunWriter> shared_;
  mutable std::mutex mutex_;
  std::vector<std::string> frames_;
  std::size_t bytes_ = 0;
  bool finished_ = false;
  bool complete_ = false;
};

/// A run to read on: in this process, at another replica, or (both null) nowhere.
struct FoundRun {
  std::shared_ptr<const RunLog> local;
  std::shared_ptr<SharedRun> shared;
};

/// The latest run of each session, for `ttl` after it began and within a budget of bytes; the oldest go first.
/// Thread-safe.
class RunLogs {
 public:
  /// With a `store` every run is shared with the other replicas and theirs are found; it outlives this.
  RunLogs(std::int64_t ttl_us, std::size_t budget_bytes, RunLogStore* store = nullptr)
      : ttl_us_(ttl_us), budget_bytes_(budget_bytes), store_(store) {}

  /// Starts the log of a run; it replaces the one of the session's previous run. Null when resuming is switched off.
  /// `question` is what was asked: only the same question reads on.
  [[nodiscard]] std::shared_ptr<RunLog> open(std::string_view tenant, std::string_view subject,
                                             std::string_view session, Timestamp now, std::string_view question = {});
  /// The run of this process. Null when unknown, expired or of another question.
  [[nodiscard]] std::shared_ptr<RunLog> find(std::string_view tenant, std::string_view subject,
                                             std::string_view session, Timestamp now,
                                             std::string_view question = {}) const;
  /// The same among all replicas: the session's latest run, wherever it was begun. Blocks for one round trip to the
  /// store, where there is one: not for I/O threads.
  [[nodiscard]] FoundRun find_anywhere(const RunIdentity& run, Timestamp now) const;

 private:
  struct Entry {
    std::string key;
    Timestamp opened;
    std::size_t question = 0;  // hash
    std::shared_ptr<RunLog> log;
  };
  /// The logs that must go although their time is not over. mutex_ held.
  [[nodiscard]] std::vector<std::shared_ptr<RunLog>> evict(Timestamp now);

  const std::int64_t ttl_us_;
  const std::size_t budget_bytes_;
  RunLogStore* const store_;
  mutable std::mutex mutex_;
  std::list<Entry> by_age_;  // oldest first
  std::unordered_map<std::string, std::list<Entry>::iterator> by_key_;
  std::shared_ptr<std::atomic<std::size_t>> total_ = std::make_shared<std::atomic<std::size_t>>(0);
};

}  // namespace nexus::rag

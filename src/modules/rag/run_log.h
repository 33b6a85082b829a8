#pragma once

#include "base/time.h"

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
  /// `total` is the byte count of all logs of a RunLogs; this one's share is taken back when it dies.
  explicit RunLog(std::shared_ptr<std::atomic<std::size_t>> total) : total_(std::move(total)) {}
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

 private:
  std::shared_ptr<std::atomic<std::size_t>> total_;
  mutable std::mutex mutex_;
  std::vector<std::string> frames_;
  std::size_t bytes_ = 0;
  bool finished_ = false;
  bool complete_ = false;
};

/// The latest run of each session, for `ttl` after it began and within a budget of bytes; the oldest go first.
/// Thread-safe.
class RunLogs {
 public:
  RunLogs(std::int64_t ttl_us, std::size_t budget_bytes) : ttl_us_(ttl_us), budget_bytes_(budget_bytes) {}

  /// Starts the log of a run; it replaces the one of the session's previous run. Null when resuming is switched off.
  /// `question` is what was asked: only the same question reads on.
  [[nodiscard]] std::shared_ptr<RunLog> open(std::string_view tenant, std::string_view subject,
                                             std::string_view session, Timestamp now, std::string_view question = {});
  /// Null when unknown, expired or of another question.
  [[nodiscard]] std::shared_ptr<RunLog> find(std::string_view tenant, std::string_view subject,
                                             std::string_view session, Timestamp now,
                                             std::string_view question = {}) const;

 private:
  struct Entry {
    std::string key;
    Timestamp opened;
    std::size_t question = 0;  // hash
    std::shared_ptr<RunLog> log;
  };
  void evict(Timestamp now);  // mutex_ held

  const std::int64_t ttl_us_;
  const std::size_t budget_bytes_;
  mutable std::mutex mutex_;
  std::list<Entry> by_age_;  // oldest first
  std::unordered_map<std::string, std::list<Entry>::iterator> by_key_;
  std::shared_ptr<std::atomic<std::size_t>> total_ = std::make_shared<std::atomic<std::size_t>>(0);
};

}  // namespace nexus::rag

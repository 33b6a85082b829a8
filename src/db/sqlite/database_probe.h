#pragma once

#include "db/database.h"

#include <cstddef>
#include <cstdint>

namespace nexus::observe {
class Counter;
class Gauge;
class Histogram;
class Metrics;
}  // namespace nexus::observe

namespace nexus::db::sqlite {

/// The engine's numbers: the families nexusrag_db_*. Thread-safe; times are microseconds.
class DatabaseProbe {
 public:
  explicit DatabaseProbe(observe::Metrics& metrics);

  void committed(Durability durability, std::size_t jobs, std::int64_t commit_us);
  void synced(std::int64_t us);
  void write_failed(const std::exception_ptr& failure);
  void write_waited(std::int64_t us);
  void queue_depth(std::size_t jobs);
  void retried();
  void checkpointed(std::int64_t us);
  void wal_pages(int pages);
  void read_waited(std::int64_t us);
  void read_done(std::int64_t us);
  void readers(unsigned open);

 private:
  observe::Metrics& metrics_;
  observe::Histogram& commit_durable_;
  observe::Histogram& commit_relaxed_;
  observe::Histogram& sync_seconds_;
  observe::Histogram& group_size_;
  observe::Gauge& queue_depth_;
  observe::Histogram& write_wait_;
  observe::Histogram& read_wait_;
  observe::Histogram& read_seconds_;
  observe::Counter& retries_;
  observe::Histogram& checkpoint_seconds_;
  observe::Gauge& wal_pages_;
  observe::Gauge& readers_;
};

}  // namespace nexus::db::sqlite

#pragma once

#include "db/database.h"

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace nexus::observe {
class Counter;
class Gauge;
class Histogram;
class Metrics;
}  // namespace nexus::observe

namespace nexus::db::postgres {

/// The families nexusrag_db_* as far as they apply here. Thread-safe.
class Probe {
 public:
  explicit Probe(observe::Metrics& metrics);

  void committed(Durability durability, std::size_t jobs, std::int64_t us);
  void read_done(std::int64_t us);
  void waited(bool for_write, std::int64_t us);
  /// A transaction runs again: "serialization", "name", "connection".
  void retried(std::string_view reason);
  void failed(ErrorCode code);
  void queue_depth(std::size_t jobs);
  void connections(std::size_t open, std::size_t idle);
  void listening(bool yes);

 private:
  observe::Metrics& metrics_;
  observe::Histogram& commit_durable_;
  observe::Histogram& commit_relaxed_;
  observe::Histogram& group_size_;
  observe::Histogram& read_seconds_;
  observe::Histogram& read_wait_;
  observe::Histogram& write_wait_;
  observe::Gauge& queue_depth_;
  observe::Gauge& open_;
  observe::Gauge& idle_;
  observe::Gauge& listening_;
};

}  // namespace nexus::db::postgres

#include "db/sqlite/database_probe.h"

#include "db/code_name.h"
#include "observe/metrics.h"

#include <string>

namespace nexus::db::sqlite {
namespace {

double seconds(std::int64_t us) {
  return static_cast<double>(us) / 1e6;
}

}  // namespace

DatabaseProbe::DatabaseProbe(observe::Metrics& metrics)
    : metrics_(metrics),
      commit_durable_(metrics.histogram("nexusrag_db_commit_seconds", {{"durability", "durable"}})),
      commit_relaxed_(metrics.histogram("nexusrag_db_commit_seconds", {{"durability", "relaxed"}})),
      sync_seconds_(metrics.histogram("nexusrag_db_sync_seconds")),
      group_size_(metrics.histogram("nexusrag_db_commit_group_size")),
      queue_depth_(metrics.gauge("nexusrag_db_write_queue_depth")),
      write_wait_(metrics.histogram("nexusrag_db_write_wait_seconds")),
      read_wait_(metrics.histogram("nexusrag_db_read_wait_seconds")),
      read_seconds_(metrics.histogram("nexusrag_db_read_seconds")),
      retries_(metrics.counter("nexusrag_db_retries_total", {{"reason", "locked"}})),
      checkpoint_seconds_(metrics.histogram("nexusrag_db_checkpoint_seconds")),
      wal_pages_(metrics.gauge("nexusrag_db_wal_pages")),
      readers_(metrics.gauge("nexusrag_db_connections", {{"role", "reader"}})) {
  metrics.gauge("nexusrag_db_connections", {{"role", "writer"}}).set(1);
}

void DatabaseProbe::synced(std::int64_t us) {
  sync_seconds_.observe(seconds(us));
}

void DatabaseProbe::committed(Durability durability, std::size_t jobs, std::int64_t commit_us) {
  (durability == Durability::kDurable ? commit_durable_ : commit_relaxed_).observe(seconds(commit_us));
  group_size_.observe(static_cast<double>(jobs));
}

void DatabaseProbe::write_failed(const std::exception_ptr& failure) {
  try {
    std::rethrow_exception(failure);
  } catch (const Error& e) {
    metrics_.counter("nexusrag_db_errors_total", {{"code", std::string(code_name(e.code()))}}).add();
  } catch (...) {
    return;  // the caller's own refusal, on its way to the caller: no fault of the database
  }
}

void DatabaseProbe::write_waited(std::int64_t us) {
  write_wait_.observe(seconds(us));
}

void DatabaseProbe::queue_depth(std::size_t jobs) {
  queue_depth_.set(static_cast<double>(jobs));
}

void DatabaseProbe::retried() {
  retries_.add();
}

void DatabaseProbe::checkpointed(std::int64_t us) {
  checkpoint_seconds_.observe(seconds(us));
}

void DatabaseProbe::wal_pages(int pages) {
  wal_pages_.set(pages);
}

void DatabaseProbe::read_waited(std::int64_t us) {
  read_wait_.observe(seconds(us));
}

void DatabaseProbe::read_done(std::int64_t us) {
  read_seconds_.observe(seconds(us));
}

void DatabaseProbe::readers(unsigned open) {
  readers_.set(open);
}

}  // namespace nexus::db::sqlite

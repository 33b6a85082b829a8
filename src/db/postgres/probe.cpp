#include "db/postgres/probe.h"

#include "db/code_name.h"
#include "observe/metrics.h"

#include <string>

namespace nexus::db::postgres {
namespace {

double seconds(std::int64_t us) {
  return static_cast<double>(us) / 1e6;
}

}  // namespace

Probe::Probe(observe::Metrics& metrics)
    : metrics_(metrics),
      commit_durable_(metrics.histogram("nexusrag_db_commit_seconds", {{"durability", "durable"}})),
      commit_relaxed_(metrics.histogram("nexusrag_db_commit_seconds", {{"durability", "relaxed"}})),
      group_size_(metrics.histogram("nexusrag_db_commit_group_size")),
      read_seconds_(metrics.histogram("nexusrag_db_read_seconds")),
      read_wait_(metrics.histogram("nexusrag_db_read_wait_seconds")),
      write_wait_(metrics.histogram("nexusrag_db_write_wait_seconds")),
      queue_depth_(metrics.gauge("nexusrag_db_write_queue_depth")),
      open_(metrics.gauge("nexusrag_db_connections", {{"role", "open"}})),
      idle_(metrics.gauge("nexusrag_db_connections", {{"role", "idle"}})),
      listening_(metrics.gauge("nexusrag_db_connections", {{"role", "listener"}})) {}

void Probe::committed(Durability durability, std::size_t jobs, std::int64_t us) {
  (durability == Durability::kDurable ? commit_durable_ : commit_relaxed_).observe(seconds(us));
  group_size_.observe(static_cast<double>(jobs));
}

void Probe::read_done(std::int64_t us) {
  read_seconds_.observe(seconds(us));
}

void Probe::waited(bool for_write, std::int64_t us) {
  (for_write ? write_wait_ : read_wait_).observe(seconds(us));
}

void Probe::retried(std::string_view reason) {
  metrics_.counter("nexusrag_db_retries_total", {{"reason", std::string(reason)}}).add();
}

void Probe::failed(ErrorCode code) {
  metrics_.counter("nexusrag_db_errors_total", {{"code", std::string(code_name(code))}}).add();
}

void Probe::queue_depth(std::size_t jobs) {
  queue_depth_.set(static_cast<double>(jobs));
}

void Probe::connections(std::size_t open, std::size_t idle) {
  open_.set(static_cast<double>(open));
  idle_.set(static_cast<double>(idle));
}

void Probe::listening(bool yes) {
  listening_.set(yes ? 1 : 0);
}

}  // namespace nexus::db::postgres

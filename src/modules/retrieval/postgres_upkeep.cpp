#include "modules/retrieval/postgres_upkeep.h"

#include "observe/log.h"

#include <chrono>
#include <cstddef>
#include <exception>

namespace nexus::retrieval {
namespace {

constexpr std::size_t kChunksBetweenNews = 10'000;

}  // namespace

PostgresUpkeep::PostgresUpkeep(db::Database& db, const PostgresIndex& index, Options options)
    : db_(db), index_(index), options_(options) {}

PostgresUpkeep::~PostgresUpkeep() {
  stop();
}

void PostgresUpkeep::start() {
  if (!thread_.joinable()) thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

void PostgresUpkeep::stop() {
  thread_.request_stop();
  if (thread_.joinable()) thread_.join();
}

void PostgresUpkeep::run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    try {
      look(stop);
    } catch (const std::exception& e) {  // the next look tries again
      observe::log_warn("the search index was not tended", {{"reason", e.what()}});
    }
    std::unique_lock lock(mutex_);
    wake_.wait_for(lock, stop, std::chrono::seconds(options_.interval_s), [] { return false; });
  }
}

void PostgresUpkeep::look(const std::stop_token& stop) const {
  std::size_t indexed = 0;
  std::size_t told = 0;
  while (!stop.stop_requested()) {
    const std::size_t page = index_.backfill_once(db_);
    if (page == 0) break;
    indexed += page;
    if (indexed - told >= kChunksBetweenNews) {
      observe::log_info("chunks are being indexed for search by words", {{"chunks", indexed}});
      told = indexed;
    }
    (void)index_.tidy_all_once(db_);
  }
  while (!stop.stop_requested() && index_.tidy_all_once(db_)) {
  }
  if (stop.stop_requested()) return;
  if (index_.build_vector_index(db_)) observe::log_info("the vector index was built", {});
}

}  // namespace nexus::retrieval

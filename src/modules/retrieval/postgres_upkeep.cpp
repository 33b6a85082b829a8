#include "modules/retrieval/postgres_upkeep.h"

#include "observe/log.h"

#include <chrono>
#include <cstddef>
#include <exception>

namespace nexus::retrieval {
namespace {

constexpr std::size_t kChunksBetweenNews = 10'000;

}  // namespace

namespace {

/// One of the jobs; what fails is tried again at the next look, and does not keep the others from theirs.
template <class Job>
void tend(std::string_view what, const Job& job) {
  try {
    job();
  } catch (const std::exception& e) {
    observe::log_warn("the search index was not tended", {{"part", what}, {"reason", e.what()}});
  }
}

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
    tend("words", [&] { give_words(stop); });
    tend("statistics", [&] {
      while (!stop.stop_requested() && index_.tidy_all_once(db_)) {
      }
    });
    if (!stop.stop_requested())
      tend("vectors", [&] {
        if (index_.build_vector_index(db_)) observe::log_info("the vector index was built", {});
      });
    std::unique_lock lock(mutex_);
    wake_.wait_for(lock, stop, std::chrono::seconds(options_.interval_s), [] { return false; });
  }
}

void PostgresUpkeep::give_words(const std::stop_token& stop) const {
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
}

}  // namespace nexus::retrieval

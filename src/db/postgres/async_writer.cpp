#include "db/postgres/async_writer.h"

#include "db/postgres/postgres_errors.h"
#include "exec/thread_name.h"
#include "observe/log.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace nexus::db::postgres {
namespace {

void tell(AsyncWriter::Job& job, std::exception_ptr failure) {
  try {
    job.done(std::move(failure));
  } catch (const std::exception& e) {
    observe::log_error("the end of an asynchronous write threw", {{"reason", e.what()}});
  }
}

}  // namespace

AsyncWriter::AsyncWriter(std::size_t capacity, std::size_t group_jobs, unsigned threads, Probe& probe, Run run)
    : capacity_(capacity), group_jobs_(std::max<std::size_t>(group_jobs, 1)), probe_(probe), run_(std::move(run)) {
  for (unsigned i = 0; i < std::max(threads, 1U); ++i) {
    threads_.emplace_back([this] {
      exec::name_thread("db-async");
      loop();
    });
  }
}

AsyncWriter::~AsyncWriter() {
  stop();
}

void AsyncWriter::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  ready_.notify_all();
  for (std::thread& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
}

bool AsyncWriter::submit(Job& job) {
  {
    const std::lock_guard lock(mutex_);
    if (stopping_ || queue_.size() >= capacity_) return false;
    queue_.push_back(std::move(job));
    probe_.queue_depth(queue_.size());
  }
  ready_.notify_one();
  return true;
}

void AsyncWriter::loop() {
  std::vector<Job> group;
  for (;;) {
    group.clear();
    {
      std::unique_lock lock(mutex_);
      ready_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
      if (queue_.empty()) return;
      const auto count = static_cast<std::ptrdiff_t>(std::min(queue_.size(), group_jobs_));
      group.assign(std::make_move_iterator(queue_.begin()), std::make_move_iterator(queue_.begin() + count));
      queue_.erase(queue_.begin(), queue_.begin() + count);
      probe_.queue_depth(queue_.size());
    }
    if (group.size() == 1) {
      run_alone(group.front());
    } else {
      run_group(group);
    }
  }
}

void AsyncWriter::run_alone(Job& job) {
  std::exception_ptr failure;
  try {
    run_(job.work, job.durability, 1);
  } catch (...) {
    failure = std::current_exception();
  }
  tell(job, std::move(failure));
}

void AsyncWriter::run_group(std::span<Job> jobs) {
  const bool durable =
      std::any_of(jobs.begin(), jobs.end(), [](const Job& job) { return job.durability == Durability::kDurable; });
  const Database::Work all = [&](Tx& tx) {
    for (Job& job : jobs) job.work(tx);
  };
  try {
    run_(all, durable ? Durability::kDurable : Durability::kRelaxed, jobs.size());
  } catch (const UnknownOutcome&) {
    for (Job& job : jobs) tell(job, std::current_exception());  // running them again might do it twice
    return;
  } catch (...) {
    for (Job& job : jobs) run_alone(job);  // one of them failed: each has its own end
    return;
  }
  for (Job& job : jobs) tell(job, nullptr);
}

}  // namespace nexus::db::postgres

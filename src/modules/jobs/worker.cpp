#include "modules/jobs/worker.h"

#include "base/ids.h"
#include "exec/thread_name.h"
#include "observe/log.h"
#include "observe/metrics.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <exception>
#include <random>
#include <stdexcept>
#include <unistd.h>
#include <utility>

namespace nexus::jobs {
namespace {

std::int64_t backoff(const WorkerOptions& options, int attempts) {
  const int doublings = std::clamp(attempts - 1, 0, 20);
  const std::int64_t base = std::min(options.backoff_max_us, options.backoff_us << doublings);
  thread_local std::minstd_rand random{std::random_device{}()};
  return std::uniform_int_distribution<std::int64_t>(base / 2, base + base / 2)(random);
}

/// The machine's trouble and not the job's: no space, no lock, no connection.
bool is_passing(const db::Error& error) {
  using enum db::ErrorCode;
  return error.code() == kFull || error.code() == kBusy || error.code() == kUnavailable;
}

}  // namespace

/// A claimed job while it runs: the lease that the handler sees and the keeper extends.
class Worker::Held final : public Lease {
 public:
  Held(Worker& worker, Job job, std::string owner)
      : worker_(worker), job_(std::move(job)), owner_(std::move(owner)), tenant_(TenantScope(job_.tenant_id)) {
    const std::lock_guard lock(worker_.mutex_);
    worker_.held_.push_back(this);
    if (worker_.stopping_) stop_.request_stop();
  }
  ~Held() override {
    const std::lock_guard lock(worker_.mutex_);
    std::erase(worker_.held_, this);
  }
  Held(const Held&) = delete;
  Held& operator=(const Held&) = delete;

  [[nodiscard]] const Job& job() const override { return job_; }
  [[nodiscard]] const TenantScope& tenant() const override { return tenant_; }
  [[nodiscard]] std::stop_token stopped() const override { return stop_.get_token(); }
  void complete(db::Tx& tx) override {
    if (!worker_.jobs_.complete(tx, job_.id, owner_, worker_.clock_.now())) throw LeaseLost();
  }
  void request_stop() { stop_.request_stop(); }
  [[nodiscard]] const std::string& owner() const { return owner_; }

 private:
  Worker& worker_;
  Job job_;
  std::string owner_;
  TenantScope tenant_;
  std::stop_source stop_;
};

Worker::Worker(db::Database& db, const Clock& clock, Handler& handler, WorkerOptions options, observe::Metrics& metrics)
    : db_(db),
      clock_(clock),
      handler_(handler),
      options_(options),
      metrics_(metrics),
      id_(fmt::format("{}-{}", ::getpid(), hex32())),
      started_at_(clock.now()) {}

Worker::~Worker() {
  stop();
}

void Worker::start() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = false;
  }
  for (std::size_t i = 0; i < options_.threads; ++i)
    threads_.emplace_back([this](const std::stop_token& stop) {
      exec::name_thread(handler_.kind());
      loop(stop);
    });
  threads_.emplace_back([this](const std::stop_token& stop) { keep_alive(stop); });
}

void Worker::stop() {
  for (std::jthread& thread : threads_) thread.request_stop();
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    for (Held* held : held_) held->request_stop();
  }
  changed_.notify_all();
  threads_.clear();
}

void Worker::wake(std::string_view kind) {
  if (kind != handler_.kind()) return;
  {
    const std::lock_guard lock(mutex_);
    ++wakes_;
  }
  changed_.notify_all();  // one could be the keeper, which has no use for it
}

std::uint64_t Worker::wakes() {
  const std::lock_guard lock(mutex_);
  return wakes_;
}

void Worker::wait(const std::stop_token& stop, std::uint64_t seen) {
  const bool announced = options_.announced && options_.announced();
  const std::int64_t sleep_us = announced ? std::max(options_.poll_us, options_.announced_poll_us) : options_.poll_us;
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, stop, std::chrono::microseconds(sleep_us), [&] { return wakes_ != seen; });
}

void Worker::loop(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    const std::uint64_t seen = wakes();  // before the look, so that work which arrives after it is not slept through
    try {
      if (!run_one()) wait(stop, seen);
    } catch (const std::exception& e) {
      observe::log_warn("worker cannot reach its queue", {{"kind", handler_.kind()}, {"reason", e.what()}});
      wait(stop, seen);
    }
  }
}

void Worker::keep_alive(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    std::vector<std::pair<std::string, std::string>> leases;  // job, owner
    {
      std::unique_lock lock(mutex_);
      changed_.wait_for(lock, stop, std::chrono::microseconds(std::min(options_.heartbeat_us, options_.lease_us / 3)),
                        [] { return false; });
      for (const Held* held : held_) leases.emplace_back(held->job().id, held->owner());
    }
    if (stop.stop_requested()) return;
    try {
      const Timestamp now = clock_.now();
      std::vector<std::string> lost;
      db_.write(
          [&](db::Tx& tx) {
            lost.clear();
            for (const auto& [id, owner] : leases)
              if (!jobs_.extend(tx, id, owner, now + options_.lease_us)) lost.push_back(owner);
            jobs_.heartbeat(tx, id_, handler_.kind(), started_at_, now);
          },
          db::Durability::kRelaxed);
      const std::lock_guard lock(mutex_);
      for (Held* held : held_)
        if (std::find(lost.begin(), lost.end(), held->owner()) != lost.end()) held->request_stop();
    } catch (const std::exception& e) {
      observe::log_warn("worker cannot extend its leases", {{"kind", handler_.kind()}, {"reason", e.what()}});
    }
  }
}

std::string Worker::next_owner() {
  return fmt::format("{}.{}", id_, claims_.fetch_add(1) + 1);
}

bool Worker::run_one() {
  const Timestamp now = clock_.now();
  const std::string owner = next_owner();
  std::optional<Job> job =
      db_.write([&](db::Tx& tx) { return jobs_.claim(tx, handler_.kind(), owner, now, now + options_.lease_us); },
                db::Durability::kRelaxed);
  if (!job) return false;
  run_claimed(std::move(*job), owner, false);
  return true;
}

void Worker::run_now(std::string_view job_id) {
  const auto finished = [&] {
    return db_.read([&](db::Snapshot& snapshot) { return !jobs_.is_open(snapshot, job_id); });
  };
  const auto stopping = [&] {
    const std::lock_guard lock(mutex_);
    return stopping_;
  };
  while (!stopping() && !finished()) {
    const Timestamp now = clock_.now();
    const std::string owner = next_owner();
    std::optional<Job> job =
        db_.write([&](db::Tx& tx) { return jobs_.claim_by_id(tx, job_id, owner, now, now + options_.lease_us); });
    if (!job) return;  // somebody else holds it
    run_claimed(std::move(*job), owner, true);
  }
}

void Worker::run_claimed(Job job, std::string owner, bool retry_at_once) {
  Held held(*this, std::move(job), std::move(owner));
  const std::int64_t begun = clock_.steady_us();
  metrics_.histogram("nexusrag_job_wait_seconds", {{"kind", std::string(handler_.kind())}})
      .observe(static_cast<double>(clock_.now() - held.job().run_at) / 1e6);
  std::string_view outcome = "done";
  try {
    // Whoever held it before died with it: the job may be what kills them, so it is not tried for ever.
    if (held.job().attempts > options_.max_attempts + options_.max_deaths)
      throw std::runtime_error("every attempt ended without a word");
    handler_.run(held);
  } catch (const LeaseLost&) {
    outcome = "lost";
    count_lost_lease();
    observe::log_warn("job was taken over by another worker", {{"job_id", held.job().id}, {"kind", handler_.kind()}});
  } catch (const PermanentFailure& e) {
    outcome = "dead";
    settle_failure(held, {.reason = e.what(), .permanent = true}, retry_at_once);
  } catch (const TryLater& e) {
    outcome = "retried";
    settle_failure(held, {.reason = e.what(), .least_wait_us = e.least_wait_us()}, retry_at_once);
  } catch (const db::Error& e) {
    outcome = "retried";
    // A caller waits for an inline job: it is told soon, so there the attempts count whatever the reason.
    if (is_passing(e) && !retry_at_once && !held.stopped().stop_requested()) {
      postpone(held, e.what());
    } else {
      settle_failure(held, {.reason = e.what()}, retry_at_once);
    }
  } catch (const std::exception& e) {
    outcome = "retried";
    settle_failure(held, {.reason = e.what()}, retry_at_once);
  }
  metrics_.counter("nexusrag_jobs_total", {{"kind", std::string(handler_.kind())}, {"outcome", std::string(outcome)}})
      .add();
  metrics_.histogram("nexusrag_job_seconds", {{"kind", std::string(handler_.kind())}})
      .observe(static_cast<double>(clock_.steady_us() - begun) / 1e6);
}

/// Acknowledged work outlives a full disk, however long it stays full.
void Worker::postpone(Held& held, std::string_view reason) {
  constexpr int kPatience = 4;  // as after so many attempts
  const Job& job = held.job();
  const Timestamp now = clock_.now();
  observe::log_warn("job waits until the database can take its result",
                    {{"job_id", job.id}, {"kind", job.kind}, {"tenant_id", job.tenant_id}, {"reason", reason}});
  const bool held_still = db_.write([&](db::Tx& tx) {
    return jobs_.postpone(tx, job.id, held.owner(), reason, now + backoff(options_, kPatience), now);
  });
  if (!held_still) count_lost_lease();
}

void Worker::count_lost_lease() {
  metrics_.counter("nexusrag_jobs_leases_lost_total").add();
}

void Worker::settle_failure(Held& held, const Failure& failure, bool retry_at_once) {
  const Job& job = held.job();
  const Timestamp now = clock_.now();
  if (held.stopped().stop_requested() && !failure.permanent) {
    if (!db_.write([&](db::Tx& tx) { return jobs_.release(tx, job.id, held.owner(), now); })) count_lost_lease();
    observe::log_info("job returns to the queue", {{"job_id", job.id}, {"kind", job.kind}});
    return;
  }
  const bool dead = failure.permanent || job.attempts >= options_.max_attempts;
  observe::log_warn(dead ? "job failed for good" : "job failed, will be retried", {{"job_id", job.id},
                                                                                   {"kind", job.kind},
                                                                                   {"tenant_id", job.tenant_id},
                                                                                   {"attempt", job.attempts},
                                                                                   {"reason", failure.reason}});
  const std::int64_t wait_us = retry_at_once ? 0 : std::max(failure.least_wait_us, backoff(options_, job.attempts));
  const bool held_still = db_.write([&](db::Tx& tx) {
    if (!dead) return jobs_.retry(tx, job.id, held.owner(), failure.reason, now + wait_us, now);
    if (!jobs_.bury(tx, job.id, held.owner(), failure.reason, now)) return false;
    handler_.on_dead(tx, held.tenant(), job, failure.reason, failure.permanent);
    return true;
  });
  if (!held_still) {
    count_lost_lease();
  } else if (dead) {
    metrics_.counter("nexusrag_jobs_dead_total", {{"kind", std::string(handler_.kind())}}).add();
  }
}

}  // namespace nexus::jobs

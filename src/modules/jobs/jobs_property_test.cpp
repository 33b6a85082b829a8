// The queue against a model that keeps all jobs in a vector and looks at each of them.
#include "modules/jobs/jobs_fixture.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace nexus::jobs {
namespace {

constexpr std::int64_t kLease = 30 * Timestamp::kSecond;

struct ModelJob {
  std::string id;
  std::string tenant;
  std::string state = "queued";
  std::string owner;
  std::optional<std::string> dedupe;
  Timestamp run_at;
  Timestamp lease_until;
  int attempts = 0;
};

struct ModelQueue {
  std::vector<ModelJob> jobs;
  std::map<std::string, Timestamp> served;

  bool enqueue(const ModelJob& job) {
    for (const ModelJob& other : jobs)
      if (job.dedupe && other.dedupe == job.dedupe && other.tenant == job.tenant &&
          (other.state == "queued" || other.state == "leased"))
        return false;
    jobs.push_back(job);
    return true;
  }

  std::string claim(const std::string& owner, Timestamp now) {
    ModelJob* chosen = nullptr;
    for (ModelJob& job : jobs)
      if (job.state == "leased" && job.lease_until < now && (!chosen || job.lease_until < chosen->lease_until))
        chosen = &job;
    if (!chosen) {
      const auto rank = [&](const ModelJob& job) {
        const auto turn = served.find(job.tenant);
        return std::tuple(turn == served.end() ? Timestamp{} : turn->second, job.tenant, job.run_at, job.id);
      };
      for (ModelJob& job : jobs)
        if (job.state == "queued" && job.run_at <= now && (!chosen || rank(job) < rank(*chosen))) chosen = &job;
    }
    if (!chosen) return "";
    chosen->state = "leased";
    chosen->owner = owner;
    chosen->lease_until = now + kLease;
    ++chosen->attempts;
    served[chosen->tenant] = now;
    return chosen->id;
  }

  ModelJob* held(const std::string& id, const std::string& owner) {
    for (ModelJob& job : jobs)
      if (job.id == id && job.state == "leased" && job.owner == owner) return &job;
    return nullptr;
  }
};

TEST(JobsProperty, AnyOrderOfCallsAgreesWithTheModel) {
  QueueFixture q;  // shared: each case has a kind of its own
  int cases = 0;
  EXPECT_TRUE(rc::check([&] {
    const std::string kind = fmt::format("kind-{}", ++cases);
    ModelQueue model;
    const auto steps = *rc::gen::container<std::vector<std::tuple<int, int, int, int>>>(rc::gen::tuple(
        rc::gen::inRange(0, 9), rc::gen::inRange(0, 3), rc::gen::inRange(0, 4), rc::gen::inRange(0, 50)));
    for (const auto& [what, who, which, number] : steps) {
      q.clock.advance_us(1 + (what == 8 ? std::int64_t{number} * Timestamp::kSecond : 0));
      const Timestamp now = q.clock.now();
      const std::string owner = fmt::format("w{}", who);
      if (what <= 2) {
        ModelJob job{.id = fmt::format("{}-{:03}", kind, model.jobs.size()),
                     .tenant = fmt::format("t{}", who),
                     .run_at = now + std::int64_t{number % 4} * Timestamp::kSecond};
        if (which < 2) job.dedupe = fmt::format("d{}", which);
        const bool added = q.in_write([&](db::Tx& tx) {
          return q.jobs.enqueue(tx,
                                {.id = job.id,
                                 .tenant_id = job.tenant,
                                 .kind = kind,
                                 .payload = "{}",
                                 .dedupe_key = job.dedupe,
                                 .run_at = job.run_at},
                                now);
        });
        RC_ASSERT(added == model.enqueue(job));
      } else if (what <= 5) {
        const std::optional<Job> got =
            q.in_write([&](db::Tx& tx) { return q.jobs.claim(tx, kind, owner, now, now + kLease); });
        RC_ASSERT((got ? got->id : "") == model.claim(owner, now));
      } else if (what <= 7 && !model.jobs.empty()) {
        const std::string id = model.jobs[static_cast<std::size_t>(number) % model.jobs.size()].id;
        ModelJob* held = model.held(id, owner);
        bool done = false;
        if (what == 6 && which < 2) {
          done = q.in_write([&](db::Tx& tx) { return q.jobs.complete(tx, id, owner, now); });
          if (held) held->state = "done";
        } else if (what == 6) {
          done = q.in_write([&](db::Tx& tx) { return q.jobs.bury(tx, id, owner, "x", now); });
          if (held) held->state = "dead";
        } else if (which == 0) {
          done = q.in_write([&](db::Tx& tx) { return q.jobs.extend(tx, id, owner, now + kLease); });
          if (held) held->lease_until = now + kLease;
        } else if (which == 1) {
          done = q.in_write([&](db::Tx& tx) { return q.jobs.release(tx, id, owner, now); });
          if (held) held->state = "queued", --held->attempts;
        } else {
          const Timestamp due = now + std::int64_t{number} * Timestamp::kSecond;
          done = q.in_write([&](db::Tx& tx) { return q.jobs.retry(tx, id, owner, "x", due, now); });
          if (held) held->state = "queued", held->run_at = due;
        }
        RC_ASSERT(done == (held != nullptr));
      }
    }
    for (const ModelJob& job : model.jobs) {
      const Job stored = q.job(job.id, job.tenant);
      RC_ASSERT(stored.state == job.state);
      RC_ASSERT(stored.attempts == job.attempts);
    }
  }));
}

}  // namespace
}  // namespace nexus::jobs

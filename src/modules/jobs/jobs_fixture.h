#pragma once

#include "modules/jobs/jobs_repository.h"
#include "support/call_fixture.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

/// For the tests of this room only.
namespace nexus::jobs {

/// A queue of kind "work" in a scratch database, seen by tenants t1, t2, …
struct QueueFixture {
  testing::FakeClock clock;
  observe::Metrics metrics;
  std::unique_ptr<db::Database> database = testing::scratch_database(clock, metrics);
  JobsRepository jobs;

  [[nodiscard]] static TenantScope scope(std::string tenant) {
    return testing::TenantScopeFactory::make(std::move(tenant));
  }

  bool add(const std::string& id, const std::string& tenant = "t1", std::int64_t due_in_s = 0,
           std::optional<std::string> dedupe = std::nullopt, const std::string& kind = "work") {
    return database->write([&](db::Tx& tx) {
      return jobs.enqueue(tx,
                          {.id = id,
                           .tenant_id = tenant,
                           .kind = kind,
                           .payload = "{}",
                           .dedupe_key = dedupe,
                           .run_at = clock.now() + due_in_s * Timestamp::kSecond},
                          clock.now());
    });
  }

  std::optional<Job> claim(const std::string& owner = "w1", std::int64_t lease_s = 60) {
    return database->write([&](db::Tx& tx) {
      return jobs.claim(tx, "work", owner, clock.now(), clock.now() + lease_s * Timestamp::kSecond);
    });
  }

  /// The id of the claimed job, or "".
  std::string claim_id(const std::string& owner = "w1", std::int64_t lease_s = 60) {
    const std::optional<Job> job = claim(owner, lease_s);
    return job ? job->id : "";
  }

  [[nodiscard]] Job job(std::string_view id, std::string tenant = "t1") const {
    return database->read([&](db::Snapshot& s) { return jobs.find(s, scope(std::move(tenant)), id).value(); });
  }

  template <class F>
  auto in_write(F&& work) {
    return database->write([&](db::Tx& tx) { return work(tx); });
  }
};

}  // namespace nexus::jobs

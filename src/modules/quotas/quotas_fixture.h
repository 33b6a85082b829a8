#pragma once

#include "base/errors.h"
#include "json/json.h"
#include "modules/billing/ports.h"
#include "modules/quotas/quota_ledger.h"
#include "support/call_fixture.h"

#include <boost/json/object.hpp>

#include <memory>
#include <mutex>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

/// For the tests of this room and of usage.
namespace nexus::quotas {

inline TenantScope tenant(std::string id = "t1") {
  return testing::TenantScopeFactory::make(std::move(id));
}

/// Remembers what was committed; a key is used once for a tenant and event.
class RecordingOutbox final : public billing::Outbox {
 public:
  struct Item {
    std::string tenant_id;
    std::string event_type;
    std::string fields;
    std::string dedupe_key;
  };

  void enqueue(db::Tx& tx, const TenantScope& scope, std::string_view event_type, const boost::json::object& fields,
               std::string_view dedupe_key) override {
    tx.after_commit(
        [this, item = Item{scope.id(), std::string(event_type), json::write(fields), std::string(dedupe_key)}] {
          const std::lock_guard lock(mutex_);
          if (used_.insert({item.tenant_id, item.event_type, item.dedupe_key}).second) items_.push_back(item);
        });
  }
  [[nodiscard]] std::vector<Item> items() const {
    const std::lock_guard lock(mutex_);
    return items_;
  }

 private:
  mutable std::mutex mutex_;
  std::set<std::tuple<std::string, std::string, std::string>> used_;
  std::vector<Item> items_;
};

class FixedPlans final : public PlanDefaults {
 public:
  DefaultLimits limits;
  [[nodiscard]] DefaultLimits defaults(const TenantScope&) override { return limits; }
};

/// What surrounds ledgers: one clock, one audit log, one outbox.
struct Surroundings {
  testing::FakeClock clock;
  observe::Metrics metrics;
  testing::RecordingLog audit;
  RecordingOutbox outbox;
  FixedPlans plans;

  [[nodiscard]] std::unique_ptr<QuotaLedger> ledger(db::Database& database, LedgerOptions options = {},
                                                    std::vector<Passenger*> passengers = {}) {
    return std::make_unique<QuotaLedger>(database, audit, outbox, plans, clock, metrics, options,
                                         std::move(passengers));
  }
  [[nodiscard]] std::uint64_t trips(const std::string& kind) {
    return metrics.counter("nexusrag_quota_trips_total", {{"kind", kind}}).value();
  }
  [[nodiscard]] std::uint64_t trips() { return trips("load") + trips("ask") + trips("flush"); }
};

/// A request of an API key, as the pipeline hands it to the gate.
struct Asking {
  explicit Asking(const Clock& clock, http::RouteClass route_class = http::RouteClass::kRead,
                  std::string tenant_id = "t1")
      : endpoint{.spec = {.path = "/x", .route_class = route_class}}, call(request, endpoint) {
    call.request_id = "req-1";
    call.now = clock.now();
    call.authenticated({.subject_id = "user-1", .tenant_id = tenant_id, .role = Role::kAdmin, .credential_id = "key-1"},
                       tenant(tenant_id));
  }
  Asking(const Asking&) = delete;
  Asking& operator=(const Asking&) = delete;

  http::Request request = testing::make_request();
  http::Endpoint endpoint;
  http::Call call;
};

inline void set_limits(db::Database& database, const Limits& limits, const std::string& tenant_id = "t1",
                       QuotaLedger* ledger = nullptr) {
  database.write([&](db::Tx& tx) {
    QuotasRepository().set_limits(tx, tenant(tenant_id), limits, testing::FakeClock::kStart);
    if (ledger != nullptr) ledger->changed(tx, tenant_id);
  });
}

inline Counted stored(db::Database& database, Period period, Timestamp at, const std::string& tenant_id = "t1") {
  return database.read([&](db::Snapshot& db) {
    return QuotasRepository().counted(db, tenant(tenant_id), period, periods_of(at).start(period));
  });
}

/// Charges one request; false when the quota refuses it.
inline bool charge(QuotaLedger& ledger, const Clock& clock, http::RouteClass route_class = http::RouteClass::kRead,
                   Charge* charged = nullptr, const std::string& tenant_id = "t1") {
  Asking asking(clock, route_class, tenant_id);
  try {
    const Charge charge = ledger.charge(asking.call);
    if (charged != nullptr) *charged = charge;
    return true;
  } catch (const ApiError& e) {
    if (e.kind() == errors::kQuotaExceeded) return false;
    throw;
  }
}

/// Makes every write of counters fail until it goes.
class BrokenCounters {
 public:
  explicit BrokenCounters(db::Database& database) : database_(database) {
    database_.run_script("ALTER TABLE usage_counters RENAME COLUMN updated_at TO broken");  // only additions need it
  }
  ~BrokenCounters() { database_.run_script("ALTER TABLE usage_counters RENAME COLUMN broken TO updated_at"); }
  BrokenCounters(const BrokenCounters&) = delete;
  BrokenCounters& operator=(const BrokenCounters&) = delete;

 private:
  db::Database& database_;
};

}  // namespace nexus::quotas

#include "modules/quotas/quota_ledger.h"

#include "base/ids.h"
#include "modules/quotas/quota_answers.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace nexus::quotas {
namespace {

/// Another thread may always be quicker to what a trip has brought; after so many a request takes no for an answer.
constexpr int kMostTrips = 4;

observe::Counter& trips(observe::Metrics& metrics, std::string_view kind) {
  return metrics.counter("nexusrag_quota_trips_total", {{"kind", std::string(kind)}});
}

}  // namespace

QuotaLedger::QuotaLedger(db::Database& database, audit::Log& audit, billing::Outbox& outbox, PlanDefaults& plans,
                         const Clock& clock, observe::Metrics& metrics, const LedgerOptions& options,
                         std::vector<Passenger*> passengers)
    : database_(database),
      plans_(plans),
      clock_(clock),
      options_(options),
      passengers_(std::move(passengers)),
      exceeded_(metrics.counter("nexusrag_quota_exceeded_total")),
      loads_(trips(metrics, "load")),
      asks_(trips(metrics, "ask")),
      flushes_(trips(metrics, "flush")),
      settlement_(repository_, hex32(), options.leases),
      notes_(repository_, audit, outbox),
      tenants_(options.leases, options.most_tenants) {}

QuotaLedger::~QuotaLedger() = default;

std::shared_ptr<LedgerTenant> QuotaLedger::find(const TenantScope& scope) {
  return tenants_.find_or_make(scope, clock_.steady_us());
}

// ---- the request's path ----

Charge QuotaLedger::charge(const http::Call& call) {
  const std::int64_t units = cost_of(call.endpoint.spec.route_class);
  if (units == 0) return {};
  const Periods periods = periods_of(call.now);
  const std::shared_ptr<Tenant> tenant = find(call.tenant());
  Lock lock = enter(*tenant, periods);
  for (int trips_made = 0;;) {
    while (!is_ready(*tenant, periods)) load(lock, *tenant, periods);
    const auto decision = tenant->book.charge(periods, units, clock_.steady_us());
    if (decision.answer == TenantBook::Answer::kGranted) break;
    if (decision.answer == TenantBook::Answer::kRefused || trips_made == kMostTrips)
      refuse(lock, tenant, call, periods, decision.refusal);
    try {
      if (ask(lock, *tenant, periods, units)) ++trips_made;
    } catch (...) {
      tenants_.enqueue(tenant);
      throw;
    }
  }
  tenant->book.notes().granted(call, periods, tenant->book.standing(periods));
  tenants_.enqueue(tenant);
  return {.units = units, .at = call.now};
}

void QuotaLedger::refuse(Lock& lock, const std::shared_ptr<Tenant>& tenant, const http::Call& call,
                         const Periods& periods, const Refusal& why) {
  const Standing standing = tenant->book.standing(periods);
  tenant->book.notes().blocked(call, periods, standing, why);
  tenants_.enqueue(tenant);
  lock.unlock();
  exceeded_.add();
  throw quota_exceeded(standing, why);
}

void QuotaLedger::refund(const http::Call& call, Charge& charge) noexcept {
  if (charge.units == 0) return;
  const std::shared_ptr<Tenant> tenant = find(call.tenant());
  const Lock lock(tenant->mutex);
  tenant->book.refund(periods_of(charge.at), charge.units);
  charge.units = 0;
  tenants_.enqueue(tenant);
}

void QuotaLedger::append_headers(const http::Call& call, http::Pairs& headers) {
  const Periods periods = periods_of(call.now);
  const std::shared_ptr<Tenant> tenant = find(call.tenant());
  Lock lock = enter(*tenant, periods);
  const Standing standing = tenant->book.standing(periods);
  lock.unlock();
  http::Pairs made = quota_headers(standing);
  headers.insert(headers.end(), std::make_move_iterator(made.begin()), std::make_move_iterator(made.end()));
}

void QuotaLedger::add(const TenantScope& tenant_scope, std::int64_t tokens, Timestamp at) {
  if (tokens == 0) return;
  const std::shared_ptr<Tenant> tenant = find(tenant_scope);
  const Lock lock(tenant->mutex);
  tenant->book.add_tokens(periods_of(at), tokens);
  tenants_.enqueue(tenant);
}

QuotaStatus QuotaLedger::status(const TenantScope& scope) {
  const Periods periods = periods_of(clock_.now());
  const std::shared_ptr<Tenant> tenant = find(scope);
  Lock lock(tenant->mutex);
  tenant->seen_us = clock_.steady_us() - options_.stale_us - 1;  // others' use counts too: look if they have written
  while (!is_ready(*tenant, periods)) load(lock, *tenant, periods);
  return status_of(tenant->book.standing(periods));
}

Counted QuotaLedger::counted(const TenantScope& scope, Period period, Timestamp start) {
  const std::shared_ptr<Tenant> tenant = find(scope);
  Lock lock(tenant->mutex);
  tenant->trip_over.wait(lock, [&] { return !tenant->on_trip; });
  Counted counted;
  without_lock(lock, *tenant, [&] {
    counted = database_.read([&](db::Snapshot& db) { return repository_.counted(db, scope, period, start); });
  });
  counted.requests += tenant->book.unflushed(period, start);
  if (const std::int64_t tokens = tenant->book.unflushed_tokens(period, start); tokens != 0)
    counted.tokens = counted.tokens.value_or(0) + tokens;
  return counted;
}

// ---- trips to the database for one tenant ----

/// Locks the tenant with its limits and the counters of the periods in memory.
QuotaLedger::Lock QuotaLedger::enter(Tenant& tenant, const Periods& periods) {
  // Plans answer from memory and may read the database: not under the tenant's lock.
  std::optional<Limits> plan;
  if (tenant.limits_from.load(std::memory_order_acquire) == LimitsFrom::kPlan)
    plan = limits_of(plans_.defaults(tenant.scope));
  Lock lock(tenant.mutex);
  if (plan && tenant.limits_from.load(std::memory_order_relaxed) == LimitsFrom::kPlan) tenant.book.set_limits(*plan);
  while (!is_ready(tenant, periods)) load(lock, tenant, periods);
  return lock;
}

bool QuotaLedger::is_ready(const Tenant& tenant, const Periods& periods) const {
  if (!tenant.limits_known || !tenant.book.is_loaded(periods)) return false;
  return clock_.steady_us() - tenant.seen_us <= options_.stale_us || tenant.data_version == database_.data_version();
}

/// Marks the tenant as on a trip, so that nobody else reads or writes its rows, and releases the lock meanwhile.
void QuotaLedger::without_lock(Lock& lock, Tenant& tenant, const std::function<void()>& trip) {
  tenant.on_trip = true;
  lock.unlock();
  const auto back = [&] {
    lock.lock();
    tenant.on_trip = false;
    tenant.trip_over.notify_all();
  };
  try {
    trip();
  } catch (...) {
    back();
    throw;
  }
  back();
}

/// Reads limits and counters, or waits for a trip that may have brought them.
void QuotaLedger::load(Lock& lock, Tenant& tenant, const Periods& periods) {
  if (tenant.on_trip) {
    tenant.trip_over.wait(lock, [&] { return !tenant.on_trip; });
    return;
  }
  const std::uint64_t invalidations = tenant.invalidations;
  const std::uint64_t version = database_.data_version();
  std::optional<Limits> row;
  std::optional<Limits> plan;
  QuotasRepository::Use use;
  without_lock(lock, tenant, [&] {
    database_.read([&](db::Snapshot& db) {
      row = repository_.limits(db, tenant.scope);
      use = repository_.use(db, tenant.scope, periods);
    });
    if (!row) plan = limits_of(plans_.defaults(tenant.scope));
  });
  loads_.add();
  tenant.limits_from.store(row ? LimitsFrom::kRow : LimitsFrom::kPlan, std::memory_order_release);
  tenant.limits_known = tenant.invalidations == invalidations;
  tenant.book.set_limits(row ? *row : *plan);
  tenant.book.load(periods, use.day, use.month);
  tenant.data_version = version;
  tenant.seen_us = clock_.steady_us();
}

/// Makes room for a request: adds what is pending and leases what the request and those that wait need. False: somebody
/// else was on a trip, and may have brought enough.
bool QuotaLedger::ask(Lock& lock, Tenant& tenant, const Periods& periods, std::int64_t units) {
  if (tenant.on_trip) {
    tenant.book.wait_for(periods, units);
    tenant.trip_over.wait(lock, [&] { return !tenant.on_trip; });
    tenant.book.wait_for(periods, -units);
    return false;
  }
  const std::uint64_t version = database_.data_version();
  const std::int64_t taken_us = clock_.steady_us();
  Flight flight = tenant.book.take_for(periods, units, taken_us);
  try {
    without_lock(lock, tenant, [&] {
      database_.write(
          [&](db::Tx& tx) {
            settlement_.settle(tx, tenant.scope, flight, clock_.now());
            notes_.write(tx, tenant.scope, flight.notes);
          },
          db::Durability::kRelaxed);
    });
  } catch (...) {
    tenant.book.crashed(std::move(flight));
    throw;
  }
  asks_.add();
  tenant.book.landed(flight, taken_us, clock_.steady_us());
  tenant.data_version = version;
  tenant.seen_us = clock_.steady_us();
  return true;
}

// ---- changes of limits ----

void QuotaLedger::changed(db::Tx& tx, std::string_view tenant_id) {
  versions_.bump(tx, tenant_id);
  tx.after_commit([this, id = std::string(tenant_id)] { forget_limits(id); });
}

void QuotaLedger::forget_limits(std::string_view tenant_id) {
  const std::shared_ptr<Tenant> tenant = tenants_.find(tenant_id);
  if (!tenant) return;
  const Lock lock(tenant->mutex);
  ++tenant->invalidations;
  tenant->limits_known = false;
}

void QuotaLedger::refresh() {
  const std::lock_guard lock(refresh_mutex_);
  const std::uint64_t version = database_.data_version();
  if (refreshed_at_ == version) return;
  const auto changes = database_.read([&](db::Snapshot& db) { return versions_.changes(db, seen_version_); });
  seen_version_ = changes.version;
  for (const std::string& tenant_id : changes.tenants) forget_limits(tenant_id);
  refreshed_at_ = version;
}

}  // namespace nexus::quotas

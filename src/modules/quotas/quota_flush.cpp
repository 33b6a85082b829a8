// The write-behind half of QuotaLedger.
#include "modules/quotas/quota_ledger.h"

#include <algorithm>
#include <iterator>
#include <span>
#include <utility>

namespace nexus::quotas {
namespace {

constexpr std::int64_t kSweepEveryUs = 10 * Timestamp::kSecond;

}  // namespace

/// A tenant whose pending use is in the flush's transaction.
struct QuotaLedger::Boarded {
  std::shared_ptr<Tenant> tenant;
  Flight flight;
  std::int64_t taken_us = 0;
};

void QuotaLedger::flush() {
  flush(TenantBook::Taking::kDue);
}

void QuotaLedger::stop() {
  flush(TenantBook::Taking::kAll);
}

void QuotaLedger::flush(TenantBook::Taking taking) {
  const std::lock_guard one_at_a_time(flush_mutex_);
  const std::uint64_t version = database_.data_version();
  if (taking == TenantBook::Taking::kDue && version != flushed_version_) taking = TenantBook::Taking::kLook;
  auto queue = tenants_.take_queue();
  // Every process locks rows in the same order.
  std::sort(queue.begin(), queue.end(), [](const auto& a, const auto& b) { return a->scope.id() < b->scope.id(); });
  std::span<const std::shared_ptr<Tenant>> rest(queue);
  bool first = true;
  do {
    const auto part = rest.first(std::min(rest.size(), options_.flush_tenants));
    rest = rest.subspan(part.size());
    auto boarded = board(part, taking);
    const auto aboard = first ? board_passengers() : std::vector<Passenger*>{};  // last: they wait to hear of landing
    try {
      fly(boarded, aboard, version);
    } catch (...) {
      for (const auto& tenant : rest) {
        const Lock lock(tenant->mutex);
        tenant->queued = false;
        tenants_.enqueue(tenant);
      }
      throw;
    }
    first = false;
  } while (!rest.empty());
  flushed_version_ = version;

  if (const std::int64_t now_us = clock_.steady_us(); now_us - swept_us_ >= kSweepEveryUs) {
    swept_us_ = now_us;
    queue.clear();  // its pointers would keep everybody in memory
    tenants_.forget(now_us - options_.forget_us);
  }
}

std::vector<QuotaLedger::Boarded> QuotaLedger::board(std::span<const std::shared_ptr<Tenant>> queue,
                                                     TenantBook::Taking taking) {
  std::vector<Boarded> boarded;
  for (const std::shared_ptr<Tenant>& tenant : queue) {
    Lock lock(tenant->mutex);
    tenant->queued = false;
    if (taking == TenantBook::Taking::kAll) tenant->trip_over.wait(lock, [&] { return !tenant->on_trip; });
    if (tenant->on_trip) {
      tenants_.enqueue(tenant);
      continue;
    }
    const std::int64_t now_us = clock_.steady_us();
    Flight flight = tenant->book.take(taking, now_us);
    if (flight.empty()) {
      if (tenant->book.needs_flush()) tenants_.enqueue(tenant);
      continue;
    }
    tenant->on_trip = true;
    boarded.push_back({tenant, std::move(flight), now_us});
  }
  return boarded;
}

std::vector<Passenger*> QuotaLedger::board_passengers() const {
  std::vector<Passenger*> aboard;
  std::copy_if(passengers_.begin(), passengers_.end(), std::back_inserter(aboard),
               [](Passenger* passenger) { return passenger->board(); });
  return aboard;
}

void QuotaLedger::fly(std::vector<Boarded>& boarded, const std::vector<Passenger*>& aboard, std::uint64_t version) {
  if (boarded.empty() && aboard.empty()) return;

  const auto settle = [&](bool committed) {
    for (Boarded& one : boarded) {
      Tenant& tenant = *one.tenant;
      const Lock lock(tenant.mutex);
      if (committed) {
        tenant.book.landed(one.flight, one.taken_us, clock_.steady_us());
        tenant.data_version = version;
        tenant.seen_us = one.flight.legs.empty() ? tenant.seen_us : clock_.steady_us();
      } else {
        tenant.book.crashed(std::move(one.flight));
      }
      tenant.on_trip = false;
      tenant.trip_over.notify_all();
      if (tenant.book.needs_flush()) tenants_.enqueue(one.tenant);
    }
    for (Passenger* passenger : aboard) passenger->landed(committed);
  };
  try {
    database_.write(
        [&](db::Tx& tx) {
          for (Boarded& one : boarded) {
            settlement_.settle(tx, one.tenant->scope, one.flight, clock_.now());
            notes_.write(tx, one.tenant->scope, one.flight.notes);
          }
          for (Passenger* passenger : aboard) passenger->write(tx);
        },
        db::Durability::kRelaxed);
  } catch (...) {
    settle(false);
    throw;
  }
  settle(true);
  flushes_.add();
}

}  // namespace nexus::quotas

#include "modules/usage/usage_counters.h"

#include "http/endpoint.h"
#include "modules/quotas/quotas_types.h"

#include <algorithm>
#include <iterator>
#include <tuple>
#include <utility>

namespace nexus::usage {
namespace {

/// A tenant has a handful of cells between two flushes: a search is as good as a map.
void add_to(std::vector<RollUp>& cells, const RollUp& row) {
  const auto cell = std::find_if(cells.begin(), cells.end(), [&](const RollUp& known) {
    return known.kind == row.kind && known.day == row.day && known.route_class == row.route_class;
  });
  if (cell == cells.end()) {
    cells.push_back(row);
    return;
  }
  cell->count += row.count;
  cell->last_at = std::max(cell->last_at, row.last_at);
}

}  // namespace

void UsageCounters::request(const http::Call& call) {
  count(call, Kind::kRequest);
}

void UsageCounters::rate_limited(const http::Call& call) {
  count(call, Kind::kRateLimited);
}

void UsageCounters::count(const http::Call& call, Kind kind) {
  const http::RouteClass route_class = call.endpoint.spec.route_class;
  if (route_class == http::RouteClass::kNone) return;  // outside the pipeline
  const RollUp row{.kind = kind,
                   .day = quotas::periods_of(call.now).day,
                   .route_class = std::string(http::to_string(route_class)),
                   .count = 1,
                   .last_at = call.now};
  const std::string_view tenant_id = call.tenant().id();
  Shard& shard = shard_of(tenant_id);
  const std::lock_guard lock(shard.mutex);
  auto at = shard.pending.find(tenant_id);
  if (at == shard.pending.end()) at = shard.pending.emplace(std::string(tenant_id), std::vector<RollUp>{}).first;
  add_to(at->second, row);
}

bool UsageCounters::board() {
  const std::lock_guard flight(flight_mutex_);
  bool something = false;
  for (std::size_t i = 0; i < kShards; ++i) {
    const std::lock_guard lock(shards_[i].mutex);
    aboard_[i] = std::exchange(shards_[i].pending, {});
    something = something || !aboard_[i].empty();
  }
  flying_ = something;
  return something;
}

void UsageCounters::write(db::Tx& tx) {
  using Cell = std::pair<std::string_view, const RollUp*>;
  std::vector<Cell> all;
  for (const ByTenant& tenants : aboard_)
    for (const auto& [tenant_id, cells] : tenants)
      for (const RollUp& row : cells) all.emplace_back(tenant_id, &row);
  // Every process locks rows in the same order.
  const auto place = [](const Cell& cell) {
    return std::tie(cell.first, cell.second->kind, cell.second->day, cell.second->route_class);
  };
  std::sort(all.begin(), all.end(), [&](const Cell& a, const Cell& b) { return place(a) < place(b); });
  for (const auto& [tenant_id, row] : all) repository_.add(tx, tenant_id, *row);
}

void UsageCounters::landed(bool committed) noexcept {
  const std::lock_guard flight(flight_mutex_);
  for (std::size_t i = 0; i < kShards; ++i) {
    if (!committed) {
      const std::lock_guard lock(shards_[i].mutex);
      for (const auto& [tenant_id, cells] : aboard_[i])
        for (const RollUp& row : cells) add_to(shards_[i].pending[tenant_id], row);
    }
    aboard_[i].clear();
  }
  flying_ = false;
  landed_.notify_all();
}

std::vector<RollUp> UsageCounters::since(const TenantScope& tenant, Timestamp first_day) {
  std::unique_lock flight(flight_mutex_);
  landed_.wait(flight, [&] { return !flying_; });
  auto rows = database_.read([&](db::Snapshot& db) { return repository_.since(db, tenant, first_day); });
  Shard& shard = shard_of(tenant.id());
  const std::lock_guard lock(shard.mutex);
  if (const auto at = shard.pending.find(std::string_view(tenant.id())); at != shard.pending.end())
    std::copy_if(at->second.begin(), at->second.end(), std::back_inserter(rows),
                 [&](const RollUp& row) { return row.day >= first_day; });
  return rows;
}

}  // namespace nexus::usage

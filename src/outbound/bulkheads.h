#pragma once

#include "exec/bulkhead.h"
#include "outbound/client.h"

#include <cstddef>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

namespace nexus::outbound {

struct BulkheadOptions {
  std::size_t per_integration = 0;  ///< exchanges at a time, those that wait or pause included; 0: no limit
  std::size_t per_tenant = 0;       ///< of these, for one tenant at most; 0: all. Needs `per_integration`
};

/// Keeps one service that answers slowly, or one tenant, from taking all places of the client. Thread-safe; outlives
/// its slots.
class Bulkheads {
 public:
  using Slot = exec::Bulkhead::Slot;

  explicit Bulkheads(BulkheadOptions options) : options_(options) {}

  /// Empty when there is no limit. Never waits; throws Error(kBusy) when no place is free.
  [[nodiscard]] std::optional<Slot> enter(std::string_view integration, std::string_view tenant) {
    if (options_.per_integration == 0) return std::nullopt;
    std::optional<Slot> slot = of(integration).try_acquire(tenant);
    if (!slot) throw Error(Fault::kBusy, std::string(integration) + ": too many calls are under way");
    return slot;
  }

 private:
  exec::Bulkhead& of(std::string_view integration) {
    const std::lock_guard lock(mutex_);
    const auto found = bulkheads_.find(integration);
    if (found != bulkheads_.end()) return found->second;
    return bulkheads_.try_emplace(std::string(integration), options_.per_integration, options_.per_tenant)
        .first->second;
  }

  const BulkheadOptions options_;
  std::mutex mutex_;
  std::map<std::string, exec::Bulkhead, std::less<>> bulkheads_;  // never shrinks: integrations are literals
};

}  // namespace nexus::outbound

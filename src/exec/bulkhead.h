#pragma once

#include <cstddef>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace nexus::exec {

/// A number of places for work that must not take everything, with a share that one tenant may hold at most.
/// Thread-safe; outlives its slots.
class Bulkhead {
 public:
  /// One place; gives itself back. Move-only.
  class Slot {
   public:
    Slot(Slot&& other) noexcept : owner_(std::exchange(other.owner_, nullptr)), tenant_(std::move(other.tenant_)) {}
    Slot& operator=(Slot&& other) noexcept {
      if (this != &other) {
        give_back();
        owner_ = std::exchange(other.owner_, nullptr);
        tenant_ = std::move(other.tenant_);
      }
      return *this;
    }
    ~Slot() { give_back(); }

   private:
    friend class Bulkhead;
    Slot(Bulkhead& owner, std::string tenant) : owner_(&owner), tenant_(std::move(tenant)) {}
    void give_back() noexcept {
      if (owner_ != nullptr) std::exchange(owner_, nullptr)->release(tenant_);
    }

    Bulkhead* owner_;
    std::string tenant_;
  };

  /// `per_tenant` 0: one tenant may take all places.
  explicit Bulkhead(std::size_t places, std::size_t per_tenant = 0) : places_(places), per_tenant_(per_tenant) {}
  Bulkhead(const Bulkhead&) = delete;
  Bulkhead& operator=(const Bulkhead&) = delete;

  /// Empty when no place is free or the tenant holds its share; never waits. An empty tenant has no share.
  [[nodiscard]] std::optional<Slot> try_acquire(std::string_view tenant = {}) {
    const std::lock_guard lock(mutex_);
    if (used_ >= places_) return std::nullopt;
    if (per_tenant_ > 0 && !tenant.empty()) {
      auto held = held_.find(tenant);
      if (held == held_.end()) held = held_.emplace(std::string(tenant), 0).first;
      if (held->second >= per_tenant_) return std::nullopt;
      ++held->second;
    }
    ++used_;
    return Slot(*this, std::string(tenant));
  }
  [[nodiscard]] std::size_t used() const {
    const std::lock_guard lock(mutex_);
    return used_;
  }
  [[nodiscard]] std::size_t places() const { return places_; }

 private:
  void release(std::string_view tenant) noexcept {
    const std::lock_guard lock(mutex_);
    --used_;
    const auto held = held_.find(tenant);
    if (held != held_.end() && --held->second == 0) held_.erase(held);
  }

  const std::size_t places_;
  const std::size_t per_tenant_;
  mutable std::mutex mutex_;
  std::size_t used_ = 0;
  std::map<std::string, std::size_t, std::less<>> held_;
};

}  // namespace nexus::exec

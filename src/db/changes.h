#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>

namespace nexus::db {

/// How often what a name stands for has been changed by commits of this process. Names share a fixed number of
/// counters: a collision makes a cache look again, never keep what is old. Thread-safe.
class Changes {
 public:
  using Slot = std::size_t;

  [[nodiscard]] static Slot slot(std::string_view scope) noexcept {
    return std::hash<std::string_view>{}(scope) % kSlots;
  }
  void bump(Slot slot) noexcept { counts_[slot].fetch_add(1, std::memory_order_release); }
  [[nodiscard]] std::uint64_t count(Slot slot) const noexcept { return counts_[slot].load(std::memory_order_acquire); }

 private:
  static constexpr std::size_t kSlots = 4096;
  std::array<std::atomic<std::uint64_t>, kSlots> counts_{};
};

}  // namespace nexus::db

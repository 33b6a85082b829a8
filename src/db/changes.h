#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace nexus::db {

/// How often what a name stands for has been changed by commits of this process. Names share a fixed number of
/// counters: a collision makes a cache look again, never keep what is old. Thread-safe.
class Changes {
 public:
  using Slot = std::size_t;

  [[nodiscard]] static Slot slot(std::string_view scope) noexcept {
    std::uint64_t hash = 0xcbf29ce484222325;  // FNV-1a: processes of different builds must agree
    for (const char c : scope) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
    return hash % kSlots;
  }
  void bump(Slot slot) noexcept { counts_[slot].fetch_add(1, std::memory_order_release); }
  [[nodiscard]] std::uint64_t count(Slot slot) const noexcept { return counts_[slot].load(std::memory_order_acquire); }

  static constexpr std::size_t kSlots = 4096;

 private:
  std::array<std::atomic<std::uint64_t>, kSlots> counts_{};
};

}  // namespace nexus::db

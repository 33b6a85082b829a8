#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>

namespace nexus::db::postgres {

/// Lets the writes of this process out of each other's way once they have failed for one another:
///   kFree    a first attempt: any number at once
///   kInTurn  attempts after a conflict: one at a time, beside the free ones, so that losers do not beat each other
///   kAlone   who keeps losing: nobody else begins meanwhile
/// Other processes are met with jitter only. Thread-safe.
class Contention {
 public:
  enum class Level : std::uint8_t { kFree, kInTurn, kAlone };
  using Steady = std::chrono::steady_clock;

  /// A pass; given back when it goes.
  class Pass {
   public:
    Pass(Contention& owner, Level level) : owner_(&owner), level_(level) {}
    ~Pass() {
      if (owner_ != nullptr) owner_->leave(level_);
    }
    Pass(Pass&& other) noexcept : owner_(other.owner_), level_(other.level_) { other.owner_ = nullptr; }
    Pass& operator=(Pass&&) = delete;
    Pass(const Pass&) = delete;
    Pass& operator=(const Pass&) = delete;

   private:
    Contention* owner_;
    Level level_;
  };

  /// Throws Error{kBusy} at the deadline.
  [[nodiscard]] Pass enter(Level level, Steady::time_point deadline);

 private:
  void leave(Level level) noexcept;
  [[nodiscard]] bool may_enter(Level level) const;

  std::mutex mutex_;
  std::condition_variable changed_;
  unsigned running_ = 0;
  bool turn_taken_ = false;
  bool alone_ = false;          // somebody runs alone
  unsigned wanting_alone_ = 0;  // they keep first attempts from starting
};

}  // namespace nexus::db::postgres

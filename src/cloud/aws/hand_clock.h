#pragma once

#include "base/time.h"

#include <atomic>
#include <cstdint>

namespace nexus::cloud::aws {

/// A clock for tests: starts at 2026-02-17T10:00:00Z and moves only when told to. Thread-safe.
class HandClock final : public Clock {
 public:
  [[nodiscard]] Timestamp now() const override { return kStart + passed_us_.load(); }
  [[nodiscard]] std::int64_t steady_us() const override { return passed_us_.load(); }
  void advance_us(std::int64_t us) { passed_us_ += us; }
  void advance_s(std::int64_t seconds) { advance_us(seconds * Timestamp::kSecond); }

 private:
  static constexpr Timestamp kStart{1'771'322'400 * Timestamp::kSecond};
  std::atomic<std::int64_t> passed_us_ = 0;
};

}  // namespace nexus::cloud::aws

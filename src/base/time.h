#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace nexus {

/// A point in time: microseconds since 1970-01-01T00:00:00Z, as stored and as computed with.
struct Timestamp {
  std::int64_t us = 0;

  static constexpr std::int64_t kSecond = 1'000'000;
  static constexpr std::int64_t kDay = 86'400 * kSecond;

  friend constexpr auto operator<=>(Timestamp, Timestamp) = default;
  friend constexpr Timestamp operator+(Timestamp t, std::int64_t micros) { return {t.us + micros}; }
  friend constexpr Timestamp operator-(Timestamp t, std::int64_t micros) { return {t.us - micros}; }
  friend constexpr std::int64_t operator-(Timestamp a, Timestamp b) { return a.us - b.us; }
};

/// `2026-02-17T10:00:00.123456+00:00`; the fraction is left out when it is zero (contract 01 §0).
[[nodiscard]] std::string iso(Timestamp t);
/// `2026-02-17T10:00:00Z`, whole seconds.
[[nodiscard]] std::string iso_z(Timestamp t);
/// Reads ISO 8601 dates with time, with or without offset; a missing offset means UTC. Empty when malformed.
[[nodiscard]] std::optional<Timestamp> parse_iso(std::string_view text);

/// Where the time comes from. Injected everywhere, so that tests own it. Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  /// Wall clock, UTC.
  [[nodiscard]] virtual Timestamp now() const = 0;
  /// Microseconds on a clock that never jumps; only differences mean anything.
  [[nodiscard]] virtual std::int64_t steady_us() const = 0;
};

/// The real clocks of this machine.
class SystemClock final : public Clock {
 public:
  [[nodiscard]] Timestamp now() const override;
  [[nodiscard]] std::int64_t steady_us() const override;
};

}  // namespace nexus

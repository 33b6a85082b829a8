#include "modules/limits/bucket.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

namespace nexus::limits {
namespace {

constexpr std::int64_t kUsPerMs = 1'000;
constexpr std::int64_t kUsPerSecond = 1'000'000;

constexpr std::int64_t ceil_div(std::int64_t amount, std::int64_t by) {
  return amount / by + (amount % by != 0 ? 1 : 0);
}

}  // namespace

Rate::Rate(double per_second, std::int64_t burst) : units_per_us_(0), capacity_(0) {
  if (!(per_second >= kLeastPerSecond && per_second <= kMostPerSecond))
    throw std::invalid_argument("a rate must be between 0.001 and 1000000 tokens per second");
  if (burst < 1 || burst > kMostBurst) throw std::invalid_argument("a burst must be between 1 and 1000000 tokens");
  units_per_us_ = std::llround(per_second * 1e6);
  capacity_ = burst * kToken;
}

std::int64_t Rate::window_s() const {
  return ceil_div(capacity_, units_per_us_ * kUsPerSecond);
}

void Bucket::refill(const Rate& rate, std::int64_t now_us) {
  level = std::min(level, rate.capacity());  // the rate may have been lowered since
  if (now_us <= at_us) return;
  const std::int64_t missing = rate.capacity() - level;
  const std::int64_t passed_us = now_us - at_us;
  // Compared before it is multiplied: a bucket may have been idle for years.
  level =
      passed_us >= ceil_div(missing, rate.units_per_us()) ? rate.capacity() : level + passed_us * rate.units_per_us();
  at_us = now_us;
}

std::int64_t Bucket::wait_ms(const Rate& rate, std::int64_t units) const {
  return level >= units ? 0 : ceil_div(units - level, rate.units_per_us() * kUsPerMs);
}

std::int64_t Bucket::full_at_us(const Rate& rate) const {
  return level >= rate.capacity() ? at_us : at_us + ceil_div(rate.capacity() - level, rate.units_per_us());
}

}  // namespace nexus::limits

#include "modules/limits/rate_headers.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <string_view>

namespace nexus::limits {
namespace {

constexpr std::int64_t kMsPerSecond = 1'000;

std::int64_t seconds(std::int64_t ms) {
  return (ms + kMsPerSecond - 1) / kMsPerSecond;
}

std::int64_t window_s(const Rate& rate, std::int64_t level, std::int64_t cost) {
  const std::int64_t price = cost * kToken;
  const std::int64_t next = (level / price + 1) * price;
  return seconds(Bucket{.level = level}.wait_ms(rate, std::min(next, rate.capacity())));
}

void append_item(std::string& out, std::string_view bucket, std::string_view route_class, const Rate& rate,
                 std::int64_t level, std::int64_t cost) {
  fmt::format_to(std::back_inserter(out), R"({}"{}-{}";r={};t={})", out.empty() ? "" : ", ", bucket, route_class,
                 level / kToken, window_s(rate, level, cost));
}

}  // namespace

std::string rate_limit_policy(http::RouteClass route_class, const Rate& key, const Rate& tenant) {
  return fmt::format(R"("key-{0}";q={1};w={2}, "tenant-{0}";q={3};w={4})", http::to_string(route_class), key.burst(),
                     key.window_s(), tenant.burst(), tenant.window_s());
}

std::string rate_limit(http::RouteClass route_class, const Take& take, const Decision& decision) {
  std::string out;
  const std::string_view name = http::to_string(route_class);
  if (decision.denied != Scope::kTenant) append_item(out, "key", name, take.key_rate, decision.key_level, take.cost);
  if (decision.denied != Scope::kApiKey)
    append_item(out, "tenant", name, take.tenant_rate, decision.tenant_level, take.cost);
  return out;
}

std::string retry_after(std::int64_t wait_ms) {
  return std::to_string(seconds(wait_ms));
}

}  // namespace nexus::limits

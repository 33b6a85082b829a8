#include "modules/limits/rate_headers.h"

#include <gtest/gtest.h>

#include <string>

namespace nexus::limits {
namespace {

using http::RouteClass;

TEST(RateHeaders, SayWhatABucketHoldsAndHowLongItFills) {
  EXPECT_EQ(rate_limit_policy(RouteClass::kRead, Rate(5, 20), Rate(15, 61)),
            R"("key-read";q=20;w=4, "tenant-read";q=61;w=5)");
}

TEST(RateHeaders, AFullBucketWaitsForNothing) {
  const Rate key(1, 5);
  const Rate tenant(0.5, 10);
  const Take take{.credential_id = "k",
                  .tenant_id = "t",
                  .route_class = RouteClass::kRead,
                  .cost = 1,
                  .key_rate = key,
                  .tenant_rate = tenant,
                  .now_us = 0};
  EXPECT_EQ(rate_limit(RouteClass::kRead, take,
                       {.allowed = true, .key_level = 5 * kToken, .tenant_level = 9 * kToken + kToken / 2}),
            R"("key-read";r=5;t=0, "tenant-read";r=9;t=1)");
}

TEST(RateHeaders, NeverTellAWindowThatEndsAfterRetryAfter) {
  const Rate slow(0.3, 5);
  const Take take{.credential_id = "k",
                  .tenant_id = "t",
                  .route_class = RouteClass::kRun,
                  .cost = 3,
                  .key_rate = slow,
                  .tenant_rate = slow,
                  .now_us = 0};
  for (std::int64_t level = kToken; level < 3 * kToken; level += kToken / 7) {
    Bucket key{.level = level};
    Bucket tenant{.level = level / 2};
    const Decision decision = take_from(key, tenant, take);
    EXPECT_EQ(rate_limit(RouteClass::kRun, take, decision),
              "\"tenant-run\";r=" + std::to_string(level / 2 / kToken) + ";t=" + retry_after(decision.retry_after_ms));
  }
}

}  // namespace
}  // namespace nexus::limits

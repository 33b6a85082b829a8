#include "outbound/bulkheads.h"

#include "outbound/client_fixture.h"

#include <gtest/gtest.h>

#include <future>
#include <optional>
#include <string>

namespace nexus::outbound {
namespace {

using nexus::testing::twin_status;
using nexus::testing::TwinAnswer;

TEST(Bulkheads, KeepsOneIntegrationFromTheOthersPlaces) {
  Bulkheads bulkheads({.per_integration = 1});
  const auto held = bulkheads.enter("slow", "");
  EXPECT_TRUE(held.has_value());
  EXPECT_THROW((void)bulkheads.enter("slow", ""), Error);
  EXPECT_TRUE(bulkheads.enter("other", "").has_value());
}

TEST(Bulkheads, LeavesPlacesToOtherTenants) {
  Bulkheads bulkheads({.per_integration = 3, .per_tenant = 1});
  std::optional<Bulkheads::Slot> first = bulkheads.enter("llm", "greedy");
  EXPECT_THROW((void)bulkheads.enter("llm", "greedy"), Error);
  EXPECT_TRUE(bulkheads.enter("llm", "modest").has_value());
  EXPECT_TRUE(bulkheads.enter("llm", "").has_value()) << "the platform's own calls have no share";
  first.reset();
  EXPECT_TRUE(bulkheads.enter("llm", "greedy").has_value());
}

TEST(Bulkheads, LimitsNothingUnlessAsked) {
  Bulkheads bulkheads({});
  EXPECT_FALSE(bulkheads.enter("any", "t").has_value());
}

using BulkheadsOfAClient = CurlClientFixture;

TEST_F(BulkheadsOfAClient, RefuseATenantThatHasItsShareUnderWayAndNobodyElse) {
  options.bulkheads = {.per_integration = 8, .per_tenant = 1};
  TwinAnswer held = twin_status(200);
  held.hold = true;
  twin.script({held});
  Request request = post();
  request.tenant = "greedy";
  (void)client();
  auto first = std::async(std::launch::async, [&] { return outcome(request); });
  (void)twin.wait_for_requests(1);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(outcome(request), "busy");
  EXPECT_EQ(breaker.state("test"), BreakerState::kClosed) << "our own refusals say nothing about the service";
  request.tenant = "modest";
  EXPECT_EQ(outcome(request), "200 {}");
  twin.release();
  EXPECT_EQ(first.get(), "200 {}");
  request.tenant = "greedy";
  EXPECT_EQ(outcome(request), "200 {}");
}

}  // namespace
}  // namespace nexus::outbound

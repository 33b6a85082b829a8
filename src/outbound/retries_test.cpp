#include "outbound/retries.h"

#include "outbound/transfer.h"

#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <vector>

namespace nexus::outbound {
namespace {

class ManualClock final : public Clock {
 public:
  [[nodiscard]] Timestamp now() const override { return {us}; }
  [[nodiscard]] std::int64_t steady_us() const override { return us; }
  std::atomic<std::int64_t> us{1'000'000};
};

struct RetriesFixture : ::testing::Test {
  ManualClock clock;
  RetryOptions options{.attempts = 2, .backoff_ms = 200};
  std::vector<std::int64_t> pauses;
  double dice = 0;
  int retried = 0;
  int attempts = 0;

  Request request(bool idempotent, int most = 0) {
    Request r{.integration = "test"};
    r.idempotent = idempotent;
    r.attempts = most;
    return r;
  }

  /// Runs attempts that fail `failures` times; "ok N" or the name of the fault.
  template <class Failure>
  std::string run(Retries& retries, const Request& r, const Failure& failure, int failures,
                  exec::Deadline deadline = exec::Deadline::none()) {
    attempts = 0;
    try {
      const Response response = retries.run(r, deadline, {}, [&]() -> Response {
        if (++attempts <= failures) throw failure;
        return {.status = 200};
      });
      return "ok " + std::to_string(response.attempts);
    } catch (const Error& error) {
      return std::string(to_string(error.fault()));
    }
  }
  Retries make() {
    return Retries(
        options, clock, [this] { return dice; },
        [this](std::int64_t us, const std::stop_token&) {
          pauses.push_back(us);
          clock.us += us;
        },
        [this] { ++retried; });
  }
};
using RetriesTest = RetriesFixture;

const Error kTimeout(Fault::kTimeout, "late");
const Error kNetwork(Fault::kNetwork, "reset");

TEST_F(RetriesTest, RepeatIdempotentCallsAfterTimeoutsAndNetworkErrors) {
  Retries retries = make();
  EXPECT_EQ(run(retries, request(true), kTimeout, 1), "ok 2");
  EXPECT_EQ(run(retries, request(true), kNetwork, 1), "ok 2");
  EXPECT_EQ(run(retries, request(true), kNetwork, 2), "network");
  EXPECT_EQ(attempts, 2);
  EXPECT_EQ(retried, 3);
}

TEST_F(RetriesTest, RepeatOtherCallsOnlyWhenNothingWasSent) {
  Retries retries = make();
  EXPECT_EQ(run(retries, request(false), kNetwork, 1), "network");
  EXPECT_EQ(run(retries, request(false), kTimeout, 1), "timeout");
  EXPECT_EQ(run(retries, request(false), NothingSent(Fault::kNetwork, "refused"), 1), "ok 2");
  EXPECT_EQ(run(retries, request(false, 1), NothingSent(Fault::kNetwork, "refused"), 1), "network");
}

TEST_F(RetriesTest, LeaveEveryOtherFaultAlone) {
  Retries retries = make();
  for (const Fault fault : {Fault::kRefusedAddress, Fault::kBadUrl, Fault::kTooLarge, Fault::kBreakerOpen,
                            Fault::kCancelled, Fault::kBusy}) {
    EXPECT_EQ(run(retries, request(true, 5), NothingSent(fault, "no"), 1), to_string(fault));
    EXPECT_EQ(attempts, 1);
  }
  EXPECT_TRUE(pauses.empty());
}

TEST_F(RetriesTest, PauseLongerEachTimeByHalfToOneAndAHalf) {
  Retries retries = make();
  dice = 0;
  EXPECT_EQ(run(retries, request(true, 4), kTimeout, 3), "ok 4");
  dice = 0.999999;
  EXPECT_EQ(run(retries, request(true, 4), kTimeout, 3), "ok 4");
  ASSERT_EQ(pauses.size(), 6u);
  for (std::size_t n = 0; n < 3; ++n) {
    const double base = 200'000.0 * static_cast<double>(1 << n);
    EXPECT_NEAR(static_cast<double>(pauses[n]), 0.5 * base, 2);
    EXPECT_NEAR(static_cast<double>(pauses[3 + n]), 1.5 * base, 2);
  }
}

TEST_F(RetriesTest, BeginNoPauseThatWouldOutlastTheDeadline) {
  Retries retries = make();
  EXPECT_EQ(run(retries, request(true), kTimeout, 1, exec::Deadline::after(clock, 100'000)), "timeout");
  EXPECT_EQ(run(retries, request(true), kTimeout, 1, exec::Deadline::after(clock, 150'000)), "ok 2");
}

TEST_F(RetriesTest, DoNotMultiplyAnOutage) {
  options.budget_per_second = 0;
  Retries retries = make();
  constexpr int kCalls = 1000;
  for (int i = 0; i < kCalls; ++i) EXPECT_EQ(run(retries, request(true), kNetwork, 2), "network");
  EXPECT_LE(retried, 10 + kCalls / 5);
  EXPECT_GE(retried, kCalls / 5);
}

TEST_F(RetriesTest, KeepTheBudgetsOfIntegrationsApart) {
  options.budget_per_second = 0;
  options.budget_share = 0;
  Retries retries = make();
  for (int i = 0; i < 20; ++i) (void)run(retries, request(true), kNetwork, 2);
  EXPECT_EQ(retried, 10);
  Request other = request(true);
  other.integration = "other";
  EXPECT_EQ(run(retries, other, kNetwork, 1), "ok 2");
}

TEST_F(RetriesTest, RegainABudgetWithTime) {
  options.budget_share = 0;
  Retries retries = make();
  for (int i = 0; i < 20; ++i) (void)run(retries, request(true), kNetwork, 2);
  EXPECT_EQ(run(retries, request(true), kNetwork, 1), "network");
  clock.us += 10'000'000;
  EXPECT_EQ(run(retries, request(true), kNetwork, 1), "ok 2");
}

TEST_F(RetriesTest, EndWithTheStopThatComesDuringAPause) {
  Retries retries(
      options, clock, [] { return 0.0; },
      [](std::int64_t, const std::stop_token&) { throw Error(Fault::kCancelled, "stop"); }, [this] { ++retried; });
  EXPECT_EQ(run(retries, request(true), kTimeout, 1), "cancelled");
  EXPECT_EQ(retried, 0);
}

}  // namespace
}  // namespace nexus::outbound

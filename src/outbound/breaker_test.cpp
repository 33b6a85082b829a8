#include "outbound/breaker.h"

#include "observe/metrics.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <latch>
#include <stdexcept>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

namespace nexus::outbound {
namespace {

class ManualClock final : public Clock {
 public:
  [[nodiscard]] Timestamp now() const override { return {us}; }
  [[nodiscard]] std::int64_t steady_us() const override { return us; }
  std::atomic<std::int64_t> us{1'000'000};
};

constexpr BreakerPolicy kPolicy{.failure_threshold = 3, .open_us = 1'000, .half_open_trials = 2};

struct BreakerFixture : ::testing::Test {
  ManualClock clock;
  LocalBreakerStore store{clock};
  observe::Metrics metrics;
  std::vector<std::string> changes;
  CircuitBreaker breaker{store, kPolicy, metrics, [this](std::string_view name, BreakerState to) {
                           changes.push_back(std::string(name) + ":" + std::string(to_string(to)));
                         }};

  void fail(int times = 1) {
    for (int i = 0; i < times; ++i) breaker.admit("a").value().failed();
  }
  void open() {
    fail(kPolicy.failure_threshold);
    ASSERT_EQ(breaker.state("a"), BreakerState::kOpen);
  }
};
using Breaker = BreakerFixture;

TEST_F(Breaker, OpensAfterFailuresInARow) {
  fail(2);
  breaker.admit("a").value().succeeded();
  fail(2);
  EXPECT_EQ(breaker.state("a"), BreakerState::kClosed);
  fail();
  EXPECT_FALSE(breaker.admit("a"));
  EXPECT_TRUE(breaker.admit("b")) << "each integration has its own";
  EXPECT_EQ(changes, std::vector<std::string>{"a:open"});
}

TEST_F(Breaker, TakesNoNoticeOfCallsThatProveNothing) {
  fail(2);
  (void)breaker.admit("a").value();  // dropped: a 4xx
  EXPECT_EQ(breaker.state("a"), BreakerState::kClosed);
  fail();
  EXPECT_EQ(breaker.state("a"), BreakerState::kOpen) << "neither resets nor adds";
}

TEST_F(Breaker, DoesNotCountItsOwnRefusals) {
  open();
  for (int i = 0; i < 100; ++i) EXPECT_FALSE(breaker.admit("a"));
  clock.us += kPolicy.open_us;
  EXPECT_TRUE(breaker.admit("a"));
}

TEST_F(Breaker, LetsAFewTrialsThroughAndClosesOnASuccess) {
  open();
  clock.us += kPolicy.open_us - 1;
  EXPECT_FALSE(breaker.admit("a"));
  clock.us += 1;
  auto first = breaker.admit("a");
  auto second = breaker.admit("a");
  EXPECT_TRUE(first && second);
  EXPECT_FALSE(breaker.admit("a"));
  first->succeeded();
  EXPECT_TRUE(breaker.admit("a"));
  EXPECT_EQ(changes, (std::vector<std::string>{"a:open", "a:half_open", "a:closed"}));
  second->failed();  // sent before it closed
  EXPECT_EQ(breaker.state("a"), BreakerState::kClosed);
}

TEST_F(Breaker, OpensAgainOnAFailedTrial) {
  open();
  clock.us += kPolicy.open_us;
  breaker.admit("a").value().failed();
  EXPECT_FALSE(breaker.admit("a"));
  clock.us += kPolicy.open_us;
  EXPECT_TRUE(breaker.admit("a"));
}

TEST_F(Breaker, GetsATrialBackThatProvedNothingOrWasLost) {
  open();
  clock.us += kPolicy.open_us;
  auto lost = breaker.admit("a");
  (void)breaker.admit("a").value();
  auto second = breaker.admit("a");
  EXPECT_TRUE(second) << "the dropped trial gave its place back";
  EXPECT_FALSE(breaker.admit("a"));
  clock.us += kPolicy.open_us;
  EXPECT_TRUE(breaker.admit("a")) << "trials without a word expire";
}

TEST_F(Breaker, IgnoresWhatWasSentBeforeItOpened) {
  auto early = breaker.admit("a");
  open();
  early->succeeded();
  EXPECT_EQ(breaker.state("a"), BreakerState::kOpen);
}

TEST_F(Breaker, IsClosedByHand) {
  open();
  breaker.reset("a");
  breaker.reset("a");
  breaker.reset("never seen");
  EXPECT_TRUE(breaker.admit("a"));
  EXPECT_EQ(changes, (std::vector<std::string>{"a:open", "a:closed"}));
}

TEST_F(Breaker, CountsItsChanges) {
  open();
  EXPECT_EQ(metrics.counter("nexusrag_circuit_breaker_open_total").value(), 1u);
  EXPECT_EQ(metrics.gauge("nexusrag_circuit_breaker_state", {{"integration", "a"}}).value(), 1.0);
  clock.us += kPolicy.open_us;
  auto trial = breaker.admit("a");
  EXPECT_EQ(metrics.gauge("nexusrag_circuit_breaker_state", {{"integration", "a"}}).value(), 0.5);
  trial->succeeded();
  EXPECT_EQ(metrics.gauge("nexusrag_circuit_breaker_state", {{"integration", "a"}}).value(), 0.0);
  EXPECT_EQ(metrics.counter("nexusrag_circuit_breaker_transitions_total", {{"integration", "a"}, {"state", "closed"}})
                .value(),
            1u);
}

TEST_F(Breaker, SurvivesAHookThatThrows) {
  CircuitBreaker other(store, kPolicy, metrics, [](std::string_view, BreakerState) { throw std::runtime_error("no"); });
  for (int i = 0; i < kPolicy.failure_threshold; ++i) other.admit("c").value().failed();
  EXPECT_FALSE(other.admit("c"));
}

TEST_F(Breaker, LetsNoMoreTrialsThroughWhenManyAskAtOnce) {
  open();
  clock.us += kPolicy.open_us;
  std::atomic<int> allowed{0};
  std::latch start(8);
  std::latch asked(8);
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 8; ++i)
      threads.emplace_back([&] {
        start.arrive_and_wait();
        const auto permit = breaker.admit("a");
        if (permit) ++allowed;
        asked.arrive_and_wait();  // holds its trial until everybody has asked
      });
  }
  EXPECT_EQ(allowed, kPolicy.half_open_trials);
}

/// The contract's rules told another way: as what is known of the calls since the last change of state.
struct Model {
  BreakerState state = BreakerState::kClosed;
  std::vector<BreakerOutcome> said;  // while closed
  std::vector<std::int64_t> trials;  // when let through, without a word yet
  std::int64_t opened = 0;
  int era = 0;

  void become(BreakerState next) {
    state = next;
    said.clear();
    trials.clear();
    ++era;
  }
  bool admit(std::int64_t now) {
    if (state == BreakerState::kOpen && now >= opened + kPolicy.open_us) become(BreakerState::kHalfOpen);
    if (state != BreakerState::kHalfOpen) return state == BreakerState::kClosed;
    const auto limit = static_cast<std::size_t>(kPolicy.half_open_trials);
    if (trials.size() == limit && trials.back() + kPolicy.open_us <= now) trials.clear();
    if (trials.size() == limit) return false;
    trials.push_back(now);
    return true;
  }
  void settle(int from, bool trial, BreakerOutcome outcome, std::int64_t now) {
    if (from != era) return;
    if (outcome == BreakerOutcome::kNeither) {
      if (trial && !trials.empty()) trials.erase(trials.begin());
      return;
    }
    said.push_back(outcome);
    if (outcome == BreakerOutcome::kSuccess) {
      if (state != BreakerState::kClosed) become(BreakerState::kClosed);
      return;
    }
    const auto n = static_cast<std::size_t>(kPolicy.failure_threshold);
    const bool row = said.size() >= n && std::all_of(said.end() - static_cast<std::ptrdiff_t>(n), said.end(),
                                                     [](auto o) { return o == BreakerOutcome::kFailure; });
    if (state == BreakerState::kHalfOpen || row) {
      become(BreakerState::kOpen);
      opened = now;
    }
  }
};

struct Call {
  BreakerTicket ticket;
  int era = 0;
};

TEST(BreakerProperty, AgreesWithTheModelOnEveryHistory) {
  EXPECT_TRUE(rc::check("breaker", [] {
    const auto steps = *rc::gen::container<std::vector<std::tuple<int, int>>>(
        rc::gen::tuple(rc::gen::inRange(0, 8), rc::gen::inRange(0, 64)));
    BreakerRecord record;
    Model model;
    std::vector<Call> calls;
    std::int64_t now = 1;
    for (const auto& [what, number] : steps) {
      if (what == 0) {
        now += number * 20;
      } else if (what <= 3 || calls.empty()) {
        const BreakerAdmission admission = record.admit(kPolicy, now);
        RC_ASSERT(admission.allowed == model.admit(now));
        if (admission.allowed) calls.push_back({admission.ticket, model.era});
      } else {
        const std::size_t at = static_cast<std::size_t>(number) % calls.size();
        const Call call = calls[at];
        calls.erase(calls.begin() + static_cast<std::ptrdiff_t>(at));
        const BreakerOutcome outcome = what <= 5   ? BreakerOutcome::kFailure
                                       : what == 6 ? BreakerOutcome::kSuccess
                                                   : BreakerOutcome::kNeither;
        const BreakerState before = record.state;
        const auto changed = record.settle(kPolicy, call.ticket, outcome, now);
        model.settle(call.era, call.ticket.trial, outcome, now);
        RC_ASSERT(changed.has_value() == (record.state != before));
      }
      RC_ASSERT(record.state == model.state);
      RC_ASSERT(record.trials <= kPolicy.half_open_trials);
      RC_ASSERT(record.failures < kPolicy.failure_threshold);
    }
  }));
}

}  // namespace
}  // namespace nexus::outbound

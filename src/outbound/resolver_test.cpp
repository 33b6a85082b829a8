#include "outbound/resolver.h"

#include "outbound/client.h"

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <latch>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace nexus::outbound {
namespace {

class ManualClock final : public Clock {
 public:
  [[nodiscard]] Timestamp now() const override { return {us}; }
  [[nodiscard]] std::int64_t steady_us() const override { return us; }
  std::atomic<std::int64_t> us{1'000'000};
};

std::vector<IpAddress> one(std::string_view text) {
  return {IpAddress::parse(text).value()};
}

Fault fault_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const Error& error) {
    return error.fault();
  }
  throw std::logic_error("no fault");
}

TEST(Resolver, AsksOnceForAllWhoWaitAndKeepsTheAnswerForItsTime) {
  ManualClock clock;
  std::atomic<int> asked{0};
  std::latch go(1);
  Resolver resolver(
      [&](const std::string&) {
        ++asked;
        go.wait();
        return one("8.8.8.8");
      },
      {.threads = 4, .ttl_us = 1'000}, clock);
  {
    std::vector<std::jthread> callers;
    for (int i = 0; i < 8; ++i)
      callers.emplace_back(
          [&] { EXPECT_EQ(resolver.look_up("a.example", exec::Deadline::none(), {}), one("8.8.8.8")); });
    go.count_down();
  }
  EXPECT_EQ(asked, 1);
  clock.us += 1'000;
  (void)resolver.look_up("a.example", exec::Deadline::none(), {});
  EXPECT_EQ(asked, 2);
}

TEST(Resolver, KeepsNoFailures) {
  const ManualClock clock;
  std::atomic<int> asked{0};
  Resolver resolver(
      [&](const std::string& host) -> std::vector<IpAddress> {
        if (++asked == 1) throw Error(Fault::kNetwork, host + ": none");
        return one("8.8.8.8");
      },
      {}, clock);
  EXPECT_EQ(fault_of([&] { (void)resolver.look_up("a", exec::Deadline::none(), {}); }), Fault::kNetwork);
  EXPECT_EQ(resolver.look_up("a", exec::Deadline::none(), {}), one("8.8.8.8"));
}

TEST(Resolver, LetsCallersGoWhenALookUpHangs) {
  const SystemClock clock;
  std::latch asked(1);
  std::latch go(1);
  std::latch gone(1);
  {
    Resolver resolver(
        [&](const std::string&) {
          asked.count_down();
          go.wait();
          gone.count_down();
          return one("8.8.8.8");
        },
        {.threads = 1}, clock);
    EXPECT_EQ(fault_of([&] { (void)resolver.look_up("a", exec::Deadline::after(clock, 1'000), {}); }), Fault::kTimeout);
    asked.wait();
    std::stop_source stop;
    std::jthread stopper([&] { stop.request_stop(); });
    EXPECT_EQ(fault_of([&] { (void)resolver.look_up("a", exec::Deadline::none(), stop.get_token()); }),
              Fault::kCancelled);
  }  // the destructor does not wait for the thread that hangs
  go.count_down();
  gone.wait();
}

TEST(Resolver, RefusesMoreNamesThanItMayHold) {
  const SystemClock clock;
  std::latch asked(1);
  std::latch go(1);
  std::vector<std::jthread> callers;
  Resolver resolver(
      [&](const std::string& host) {
        if (host == "first") asked.count_down();
        go.wait();
        return one("8.8.8.8");
      },
      {.threads = 1, .max_waiting = 1}, clock);
  callers.emplace_back([&] { (void)resolver.look_up("first", exec::Deadline::none(), {}); });
  asked.wait();
  EXPECT_EQ(fault_of([&] { (void)resolver.look_up("second", exec::Deadline::after(clock, 0), {}); }), Fault::kTimeout);
  EXPECT_EQ(fault_of([&] { (void)resolver.look_up("third", exec::Deadline::none(), {}); }), Fault::kBusy);
  go.count_down();
  callers.clear();
}

TEST(Resolver, ReadsTheSystemsNames) {
  const std::vector<IpAddress> addresses = resolve_with_system("localhost");
  ASSERT_FALSE(addresses.empty());
  EXPECT_EQ(classify(addresses.front()), AddressKind::kLoopback);
  EXPECT_EQ(fault_of([] { (void)resolve_with_system("no-such-host.invalid"); }), Fault::kNetwork);
}

}  // namespace
}  // namespace nexus::outbound

#include "modules/limits/rate_gate.h"

#include "base/errors.h"
#include "json/json.h"
#include "support/call_fixture.h"

#include <gtest/gtest.h>

#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

namespace nexus::limits {
namespace {

using http::Pairs;
using http::RouteClass;

constexpr std::string_view kKeyId = "0123456789abcdef0123456789abcdef";

/// A shared store whose answer the test decides.
class FickleStore final : public BucketStore {
 public:
  Decision decide(const Take& take) override { return lost ? Decision{.lost = true} : inner.decide(take); }
  LocalBuckets inner{1'000};
  bool lost = false;
};

struct GateFixture {
  explicit GateFixture(RateOptions options = {})
      : gate(store, local, audit, clock, std::move(options), metrics), request(testing::make_request("/v1/run")) {
    route(RouteClass::kRun);
  }

  void route(RouteClass route_class) { endpoint.spec.route_class = route_class; }

  /// Charges a call of key "key-1"; the headers that the answer gets are in `headers` too when it is refused.
  Pairs charge(const std::string& tenant = "t1") {
    http::Call call(request, endpoint);
    call.request_id = "req-1";
    call.now = clock.now();
    call.authenticated({.subject_id = "user-1", .tenant_id = tenant, .role = Role::kReader, .credential_id = "key-1"},
                       testing::TenantScopeFactory::make(tenant));
    headers.clear();
    try {
      gate.charge(call);
    } catch (...) {
      headers = call.reply_headers;
      throw;
    }
    return call.reply_headers;
  }
  void charge_times(int n) {
    for (int i = 0; i < n; ++i) (void)charge();
  }
  void stranger(std::string_view address, std::string_view credential = {}) {
    request.client_ip = std::string(address);
    request.headers = {{"User-Agent", "test/1"}};
    if (!credential.empty()) request.headers.emplace_back("Authorization", "Bearer " + std::string(credential));
  }
  /// What admit_stranger says; empty when it lets the caller try.
  std::optional<ApiError> admit() {
    try {
      gate.admit_stranger(http::Call(request, endpoint), [] { return false; });
    } catch (const ApiError& e) {
      return e;
    }
    return std::nullopt;
  }
  void fail_times(int n) {
    for (int i = 0; i < n; ++i) gate.refused(http::Call(request, endpoint));
  }
  std::uint64_t limited(std::string scope, std::string route_class) {
    return metrics.counter("nexusrag_rate_limited_by_total", {{"scope", scope}, {"route_class", route_class}}).value();
  }

  testing::FakeClock clock;
  observe::Metrics metrics;
  testing::RecordingLog audit;
  FickleStore store;
  LocalBuckets local{1'000};
  RateGate gate;
  http::Endpoint endpoint;
  http::Request request;
  Pairs headers;  ///< of the last call that was refused
};

std::optional<ApiError> refusal(const std::function<void()>& step) {
  try {
    step();
  } catch (const ApiError& e) {
    return e;
  }
  return std::nullopt;
}

// ---- charges ----

TEST(RateGateCharge, LetsARunPassAndSaysWhatIsLeft) {
  GateFixture f;
  const Pairs expected{{"RateLimit-Policy", R"("key-run";q=5;w=5, "tenant-run";q=15;w=5)"},
                       {"RateLimit", R"("key-run";r=2;t=1, "tenant-run";r=12;t=1)"}};
  EXPECT_EQ(f.charge(), expected);
  EXPECT_EQ(f.audit.size(), 0);
}

TEST(RateGateCharge, RefusesWithTheContractsHeadersAndDetails) {
  GateFixture f;
  f.charge_times(1);
  const auto error = refusal([&] { (void)f.charge(); });
  ASSERT_TRUE(error);
  EXPECT_EQ(error->kind(), errors::kRateLimited);
  EXPECT_EQ(error->message(), "Rate limit exceeded");
  EXPECT_EQ(json::write(error->details()), R"({"scope":"api_key","route_class":"run","retry_after_ms":1000})");
  const ApiError::Headers expected{{"Retry-After", "1"},
                                   {"X-RateLimit-Scope", "api_key"},
                                   {"X-RateLimit-Route-Class", "run"},
                                   {"X-RateLimit-Retry-After-Ms", "1000"}};
  EXPECT_EQ(error->headers(), expected);
  const Pairs limits{{"RateLimit-Policy", R"("key-run";q=5;w=5, "tenant-run";q=15;w=5)"},
                     {"RateLimit", R"("key-run";r=2;t=1)"}};
  EXPECT_EQ(f.headers, limits);
}

TEST(RateGateCharge, RoundsRetryAfterUpToWholeSeconds) {
  RateOptions options;
  options.run.key = Rate(2.5, 3);
  GateFixture f(options);
  f.charge_times(1);
  const auto error = refusal([&] { (void)f.charge(); });
  ASSERT_TRUE(error);
  EXPECT_EQ(error->headers()[0], (std::pair<std::string, std::string>{"Retry-After", "2"}));
  EXPECT_EQ(error->headers()[3], (std::pair<std::string, std::string>{"X-RateLimit-Retry-After-Ms", "1200"}));
  f.clock.advance_us(1'200'000 - 1);
  EXPECT_TRUE(refusal([&] { (void)f.charge(); }));
  f.clock.advance_us(1);
  EXPECT_FALSE(refusal([&] { (void)f.charge(); }));
}

TEST(RateGateCharge, AuditsAndCountsARefusal) {
  GateFixture f;
  f.charge_times(1);
  EXPECT_TRUE(refusal([&] { (void)f.charge(); }));
  ASSERT_EQ(f.audit.size(), 1);
  const audit::Event event = f.audit.last();
  EXPECT_EQ(event.event_type, "security.rate_limited");
  EXPECT_FALSE(event.success);
  EXPECT_EQ(event.tenant_id, "t1");
  EXPECT_EQ(event.actor_type, "api_key");
  EXPECT_EQ(event.resource_type, "rate_limit");
  EXPECT_EQ(json::write(event.metadata),
            R"({"scope":"api_key","route_class":"run","retry_after_ms":1000,"path":"/v1/run"})");
  EXPECT_EQ(f.metrics.counter("nexusrag_rate_limited_total").value(), 1);
  EXPECT_EQ(f.limited("api_key", "run"), 1);
}

TEST(RateGateCharge, NamesTheTenantWhenItsKeysTogetherAreTooMany) {
  RateOptions options;
  options.read = {Rate(5, 20), Rate(1, 2)};
  GateFixture f(options);
  f.route(RouteClass::kRead);
  f.charge_times(2);
  const auto error = refusal([&] { (void)f.charge(); });
  ASSERT_TRUE(error);
  EXPECT_EQ(json::write(error->details()), R"({"scope":"tenant","route_class":"read","retry_after_ms":1000})");
  EXPECT_EQ(f.headers[1].second, R"("tenant-read";r=0;t=1)");
  EXPECT_NO_THROW((void)f.charge("t2"));
}

TEST(RateGateCharge, ChargesOneTokenForEveryClassButRuns) {
  GateFixture f;
  for (const auto& [route_class, burst] :
       {std::pair{RouteClass::kRead, 20}, {RouteClass::kMutation, 10}, {RouteClass::kOps, 10}, {RouteClass::kRun, 1}}) {
    f.route(route_class);
    f.charge_times(burst);
    EXPECT_TRUE(refusal([&] { (void)f.charge(); })) << http::to_string(route_class);
  }
}

TEST(RateGateCharge, RowsOutsideThePipelineAreFree) {
  GateFixture f;
  f.route(RouteClass::kNone);
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(f.charge().empty());
}

TEST(RateGateCharge, DoesNothingWhenSwitchedOff) {
  RateOptions options;
  options.enabled = false;
  GateFixture f(options);
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(f.charge().empty());
  f.stranger("203.0.113.7");
  f.fail_times(100);
  EXPECT_FALSE(f.admit());
}

TEST(RateGateCharge, RefusesToStartWithABurstBelowTheCost) {
  testing::FakeClock clock;
  observe::Metrics metrics;
  testing::RecordingLog audit;
  LocalBuckets local(1'000);
  RateOptions options;
  options.run.key = Rate(1, 2);
  EXPECT_THROW(RateGate(local, local, audit, clock, options, metrics), std::invalid_argument);
  options.run = {Rate(1, 3), Rate(1, 2)};
  EXPECT_THROW(RateGate(local, local, audit, clock, options, metrics), std::invalid_argument);
}

// ---- a store that is lost ----

TEST(RateGateLostStore, OpenModeGoesOnWithTheBucketsOfThisProcess) {
  GateFixture f;
  f.store.lost = true;
  const Pairs expected{{"X-RateLimit-Status", "degraded"},
                       {"RateLimit-Policy", R"("key-run";q=5;w=5, "tenant-run";q=15;w=5)"},
                       {"RateLimit", R"("key-run";r=2;t=1, "tenant-run";r=12;t=1)"}};
  EXPECT_EQ(f.charge(), expected);
  EXPECT_TRUE(refusal([&] { (void)f.charge(); }));
  EXPECT_EQ(f.headers.front().first, "X-RateLimit-Status");
}

TEST(RateGateLostStore, OpenModeAuditsOnlyWhenItBegins) {
  GateFixture f;
  f.route(RouteClass::kRead);
  f.store.lost = true;
  f.charge_times(5);
  ASSERT_EQ(f.audit.count("system.rate_limit.degraded"), 1);
  const audit::Event event = f.audit.last();
  EXPECT_EQ(event.actor_type, "system");
  EXPECT_EQ(event.actor_id, "rate_limit");
  EXPECT_EQ(event.tenant_id, std::nullopt);
  EXPECT_FALSE(event.success);
  EXPECT_EQ(json::write(event.metadata), R"({"route_class":"read","path":"/v1/run","fail_mode":"open"})");
  f.store.lost = false;
  EXPECT_EQ(f.charge().front().first, "RateLimit-Policy");
  f.store.lost = true;
  f.charge_times(3);
  EXPECT_EQ(f.audit.count("system.rate_limit.degraded"), 2);
}

TEST(RateGateLostStore, ClosedModeRefusesWithoutHeadersAuditOrCount) {
  RateOptions options;
  options.fail_closed = true;
  GateFixture f(options);
  f.store.lost = true;
  const auto error = refusal([&] { (void)f.charge(); });
  ASSERT_TRUE(error);
  EXPECT_EQ(error->kind(), errors::kRateLimitUnavailable);
  EXPECT_EQ(error->message(), "Rate limiting unavailable");
  EXPECT_TRUE(error->headers().empty());
  EXPECT_TRUE(f.headers.empty());
  EXPECT_EQ(f.audit.size(), 0);
  EXPECT_EQ(f.metrics.counter("nexusrag_rate_limited_total").value(), 0);
  f.store.lost = false;
  EXPECT_FALSE(refusal([&] { (void)f.charge(); }));
}

// ---- strangers ----

TEST(RateGateStrangers, AnAddressThatFailsTooOftenIsRefusedBeforeItsCredentialIsLookedAt) {
  GateFixture f;
  f.stranger("203.0.113.7");
  EXPECT_FALSE(f.admit());
  f.fail_times(29);
  EXPECT_FALSE(f.admit());
  f.fail_times(1);
  const auto error = f.admit();
  ASSERT_TRUE(error);
  EXPECT_EQ(error->kind(), errors::kRateLimited);
  EXPECT_EQ(json::write(error->details()), R"({"scope":"address","route_class":"run","retry_after_ms":1000})");
  const ApiError::Headers expected{{"Retry-After", "1"},
                                   {"X-RateLimit-Scope", "address"},
                                   {"X-RateLimit-Route-Class", "run"},
                                   {"X-RateLimit-Retry-After-Ms", "1000"}};
  EXPECT_EQ(error->headers(), expected);
  EXPECT_EQ(f.limited("address", "run"), 1);
  f.stranger("203.0.113.8");
  EXPECT_FALSE(f.admit());
  f.stranger("203.0.113.7");
  f.clock.advance_s(1);
  EXPECT_FALSE(f.admit());
}

TEST(RateGateStrangers, AuditsTheRefusalAsAnonymous) {
  GateFixture f;
  f.stranger("203.0.113.7", "nrgk_" + std::string(kKeyId) + "_very-secret");
  f.fail_times(30);
  ASSERT_TRUE(f.admit());
  const audit::Event event = f.audit.last();
  EXPECT_EQ(event.event_type, "security.rate_limited");
  EXPECT_EQ(event.actor_type, "anonymous");
  EXPECT_EQ(event.tenant_id, std::nullopt);
  EXPECT_EQ(event.ip_address, "203.0.113.7");
  EXPECT_EQ(event.user_agent, "test/1");
  const std::string metadata = json::write(event.metadata);
  EXPECT_EQ(event.metadata.at("claimed_key_id").as_string(), kKeyId);
  EXPECT_EQ(metadata.find("very-secret"), std::string::npos);
}

TEST(RateGateStrangers, LoopbackIsAnAddressLikeAnyOther) {
  GateFixture f;
  f.stranger("127.0.0.1");
  f.fail_times(30);
  EXPECT_TRUE(f.admit());
}

TEST(RateGateStrangers, AnIpv6NetworkIsOneAddress) {
  GateFixture f;
  for (int i = 0; i < 30; ++i) {
    f.stranger("2001:db8:1:2::" + std::to_string(i));
    f.fail_times(1);
  }
  f.stranger("2001:db8:1:2:aaaa:bbbb:cccc:dddd");
  EXPECT_TRUE(f.admit());
  f.stranger("2001:db8:1:3::1");
  EXPECT_FALSE(f.admit());
}

TEST(RateGateStrangers, AKeyThatManyAddressesGuessAtIsRefusedToThoseThatGuessed) {
  GateFixture f;
  const std::string key = "nrgk_" + std::string(kKeyId) + "_x";
  for (int i = 1; i <= 30; ++i) {
    f.stranger("203.0.113." + std::to_string(i), key);
    EXPECT_FALSE(f.admit());
    f.fail_times(1);
  }
  f.stranger("203.0.113.1", key);
  const auto error = f.admit();
  ASSERT_TRUE(error);
  EXPECT_EQ(json::write(error->details()), R"({"scope":"credential","route_class":"run","retry_after_ms":1000})");
  EXPECT_EQ(f.limited("credential", "run"), 1);
  f.stranger("203.0.113.1", "nrgk_ffffffffffffffffffffffffffffffff_x");
  EXPECT_FALSE(f.admit());
}

TEST(RateGateStrangers, WhoeverGuessesAtAKeyDoesNotLockItsOwnerOut) {
  GateFixture f;
  const std::string key = "nrgk_" + std::string(kKeyId) + "_x";
  for (int i = 1; i <= 100; ++i) {
    f.stranger("203.0.113." + std::to_string(i), key);
    f.fail_times(1);
  }
  f.stranger("198.51.100.1", key);
  EXPECT_FALSE(f.admit());
}

TEST(RateGateStrangers, ReadsTheCredentialsOwnHeader) {
  RateOptions options;
  options.credential_header = "X-Api-Key";
  options.failure = Rate(1, 2);
  GateFixture f(options);
  const auto present = [&](std::string_view address) {
    f.stranger(address);
    f.request.headers.emplace_back("x-api-key", "Bearer nrgk_" + std::string(kKeyId) + "_x");
  };
  present("203.0.113.1");
  f.fail_times(1);
  present("203.0.113.2");
  f.fail_times(1);
  const auto error = f.admit();
  ASSERT_TRUE(error);
  EXPECT_EQ(error->details().at("scope").as_string(), "credential");
}

TEST(RateGateTest, TheGaugeTellsWhileTheStoreIsLost) {
  GateFixture f;
  const observe::Gauge& degraded = f.metrics.gauge("nexusrag_rate_limit_degraded");
  (void)f.charge();
  EXPECT_EQ(degraded.value(), 0);
  f.store.lost = true;
  (void)f.charge();
  EXPECT_EQ(degraded.value(), 1);
  f.store.lost = false;
  EXPECT_THROW(f.charge_times(100), ApiError);
  EXPECT_EQ(degraded.value(), 0);
}

}  // namespace
}  // namespace nexus::limits

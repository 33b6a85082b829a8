// What a caller is told when it asks too often, and who is refused before anybody looks at its credential.
#include "http/contract_kit.h"
#include "http/header_kit.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

namespace nexus::testing {
namespace {

using ::testing::AllOf;
using ::testing::Ge;
using ::testing::IsEmpty;
using ::testing::Le;
using ::testing::StartsWith;

constexpr std::string_view kSlow = "0.001";  // tokens a second: what a test spends does not come back before its end
constexpr std::int64_t kRefillMs = 1'000'000;

/// Nothing is scarce but what a test makes so.
Changes limited(const Changes& scarce) {
  Changes all{{"RATE_LIMIT_ENABLED", "true"}};
  for (const char* scope : {"KEY", "TENANT"}) {
    for (const char* route_class : {"RUN", "MUTATION", "READ", "OPS"}) {
      all.emplace_back(fmt::format("RL_{}_{}_RPS", scope, route_class), kSlow);
      all.emplace_back(fmt::format("RL_{}_{}_BURST", scope, route_class), "1000");
    }
  }
  all.emplace_back("RL_FAILURE_RPS", kSlow);
  all.emplace_back("RL_FAILURE_BURST", "1000");
  all.insert(all.end(), scarce.begin(), scarce.end());
  return all;
}

struct Wait {
  std::int64_t ms;
  std::int64_t seconds;
};
/// How long a refusal asks to wait, plausible for an empty bucket that lacks one token.
Wait wait_of(const Response& refused) {
  const std::int64_t ms = std::stoll(value_of(refused, "X-RateLimit-Retry-After-Ms"));
  EXPECT_THAT(ms, AllOf(Ge(kRefillMs / 2), Le(kRefillMs)));
  return {.ms = ms, .seconds = (ms + 999) / 1000};
}

TEST(RateLimitsHttp, RefuseWithTheSameNumbersInEveryHeaderAndInTheBody) {
  TestApp app(limited({{"RL_KEY_READ_BURST", "2"}}));
  TestClient client = app.client();
  EXPECT_EQ(client.get("/v1/corpora").status, 200);
  EXPECT_EQ(client.get("/v1/documents").status, 200);
  const Response refused = client.get("/v1/corpora", {{"X-Request-Id", "req-1"}});
  ASSERT_EQ(refused.status, 429);
  const Wait wait = wait_of(refused);
  EXPECT_EQ(headers_of(refused, {"R", "X-"}),
            (Pairs{{"Retry-After", std::to_string(wait.seconds)},
                   {"X-RateLimit-Scope", "api_key"},
                   {"X-RateLimit-Route-Class", "read"},
                   {"X-RateLimit-Retry-After-Ms", std::to_string(wait.ms)},
                   {"RateLimit-Policy", R"("key-read";q=2;w=2000, "tenant-read";q=1000;w=1000000)"},
                   {"RateLimit", fmt::format(R"("key-read";r=0;t={})", wait.seconds)},
                   {"X-Request-Id", "req-1"}}));
  EXPECT_EQ(refused.body, fmt::format(R"({{"error":{{"code":"RATE_LIMITED","message":"Rate limit exceeded",)"
                                      R"("details":{{"scope":"api_key","route_class":"read","retry_after_ms":{}}}}},)"
                                      R"("meta":{{"request_id":"req-1","api_version":"v1"}}}})",
                                      wait.ms));
}

TEST(RateLimitsHttp, RefuseLegacyPathsFromTheSameBucketWithoutAnEnvelope) {
  TestApp app(limited({{"RL_KEY_READ_BURST", "1"}}));
  TestClient client = app.client();
  EXPECT_EQ(client.get("/v1/corpora").status, 200);
  const Response refused = client.get("/corpora");
  ASSERT_EQ(refused.status, 429);
  const Wait wait = wait_of(refused);
  EXPECT_EQ(refused.body, fmt::format(R"({{"detail":{{"code":"RATE_LIMITED","message":"Rate limit exceeded",)"
                                      R"("scope":"api_key","route_class":"read","retry_after_ms":{}}}}})",
                                      wait.ms));
  EXPECT_EQ(value_of(refused, "Retry-After"), std::to_string(wait.seconds));
  EXPECT_EQ(value_of(refused, "X-RateLimit-Scope"), "api_key");
  EXPECT_EQ(value_of(refused, "Deprecation"), "true");
}

TEST(RateLimitsHttp, TellWhatIsLeftWithEverySuccess) {
  TestApp app(limited({{"RL_KEY_READ_BURST", "2"}, {"RL_TENANT_READ_BURST", "4"}}));
  const Response first = app.client().get("/v1/corpora");
  EXPECT_EQ(first.status, 200);
  EXPECT_EQ(value_of(first, "RateLimit-Policy"), R"("key-read";q=2;w=2000, "tenant-read";q=4;w=4000)");
  EXPECT_EQ(value_of(first, "RateLimit"), R"("key-read";r=1;t=1000, "tenant-read";r=3;t=1000)");
  EXPECT_EQ(first.header("Retry-After"), nullptr);
}

TEST(RateLimitsHttp, TellWhatIsLeftWithEventsAndWithoutContent) {
  TestApp app(limited({{"RL_KEY_RUN_BURST", "5"}}));
  app.make_corpus("c1");
  TestClient client = app.client(app.make_key());
  SseStream run = client.open_stream("/v1/run", R"({"session_id":"s1","corpus_id":"c1","message":"What?"})");
  EXPECT_EQ(run.head().status, 200);
  EXPECT_EQ(value_of(run.head(), "RateLimit"), R"("key-run";r=2;t=1000, "tenant-run";r=997;t=2000)")
      << "in tokens, of which a run costs 3";
  EXPECT_EQ(event_types(run.rest()).back(), "done");
  const Response gone = client.del("/v1/corpora/c1");
  EXPECT_EQ(gone.status, 204);
  EXPECT_THAT(value_of(gone, "RateLimit"), StartsWith(R"("key-mutation";r=999;t=1000, "tenant-mutation";r=998;)"));
}

TEST(RateLimitsHttp, OfOneKeyLeaveTheOthersOfItsTenantAlone) {
  TestApp app(limited({{"RL_KEY_READ_BURST", "1"}}));
  TestClient one = app.client(app.make_key());
  TestClient other = app.client(app.make_key());
  EXPECT_EQ(one.get("/v1/corpora").status, 200);
  EXPECT_EQ(one.get("/v1/corpora").status, 429);
  EXPECT_EQ(other.get("/v1/corpora").status, 200);
}

TEST(RateLimitsHttp, OfATenantHoldForAllItsKeysAndForNobodyElse) {
  TestApp app(limited({{"RL_TENANT_READ_BURST", "2"}}));
  TestClient one = app.client(app.make_key());
  TestClient other = app.client(app.make_key());
  EXPECT_EQ(one.get("/v1/corpora").status, 200);
  EXPECT_EQ(other.get("/v1/corpora").status, 200);
  for (TestClient* client : {&one, &other}) {
    const Response refused = client->get("/v1/corpora");
    EXPECT_EQ(refused.status, 429);
    EXPECT_EQ(value_of(refused, "X-RateLimit-Scope"), "tenant");
    EXPECT_EQ(value_of(refused, "RateLimit"), fmt::format(R"("tenant-read";r=0;t={})", wait_of(refused).seconds));
    EXPECT_EQ(refused.json().at("error").at("details").at("scope"), "tenant");
  }
  EXPECT_EQ(app.client(app.make_key("admin", "t2")).get("/v1/corpora").status, 200);
}

TEST(RateLimitsHttp, CountEachClassByItself) {
  TestApp app(limited({{"RL_KEY_RUN_BURST", "5"},  // one run costs 3
                       {"RL_KEY_MUTATION_BURST", "1"},
                       {"RL_KEY_READ_BURST", "1"},
                       {"RL_KEY_OPS_BURST", "1"}}));
  TestClient client = app.client();
  constexpr std::string_view kAsk = R"({"session_id":"s1","corpus_id":"nope","message":"What?"})";
  const auto ask_for = [&](std::string_view route_class) {
    if (route_class == "run") return client.post("/v1/run", kAsk);
    if (route_class == "mutation") return client.patch("/v1/admin/quotas/t1", "{}");
    return client.get(route_class == "read" ? "/v1/corpora" : "/v1/audit/events");
  };
  for (const std::string route_class : {"run", "mutation", "read", "ops"}) {
    EXPECT_NE(ask_for(route_class).status, 429) << route_class;
    const Response refused = ask_for(route_class);
    EXPECT_EQ(refused.status, 429) << route_class;
    EXPECT_EQ(value_of(refused, "X-RateLimit-Route-Class"), route_class);
  }
}

TEST(RateLimitsHttp, StayQuietWhenSwitchedOff) {
  TestApp app(Changes{{"RATE_LIMIT_ENABLED", "false"}, {"RL_KEY_READ_BURST", "1"}, {"RL_KEY_READ_RPS", "0.001"}});
  TestClient client = app.client();
  for (int i = 0; i < 5; ++i) {
    const Response answer = client.get("/v1/corpora");
    EXPECT_EQ(answer.status, 200);
    EXPECT_THAT(headers_of(answer, {"RateLimit", "X-RateLimit", "Retry-After"}), IsEmpty());
  }
}

TEST(RateLimitsHttp, TakeTheirTokenAlsoForRefusalsAndReplays) {
  TestApp app(limited({{"RL_KEY_MUTATION_BURST", "4"}}));
  TestClient client = app.client();
  const Pairs key{{"Idempotency-Key", "k1"}};
  EXPECT_EQ(client.post("/v1/corpora", "{}").status, 422);
  EXPECT_EQ(client.del("/v1/documents/nope").status, 404);
  EXPECT_EQ(client.post("/v1/corpora", R"({"name":"x"})", key).status, 201);
  EXPECT_EQ(client.post("/v1/corpora", R"({"name":"x"})", key).status, 201);
  EXPECT_EQ(client.post("/v1/corpora", "{}").status, 429);
}

TEST(RateLimitsHttp, RefuseBeforeTheQuotaIsTouched) {
  TestApp app(limited({{"RL_KEY_READ_BURST", "2"}}));
  TestClient client = app.client(app.make_key());
  EXPECT_EQ(value_of(client.get("/v1/corpora"), "X-Quota-Day-Used"), "1");
  EXPECT_EQ(value_of(client.get("/v1/corpora"), "X-Quota-Day-Used"), "2");
  const Response refused = client.get("/v1/corpora");
  EXPECT_EQ(refused.status, 429);
  EXPECT_THAT(headers_of(refused, {"X-Quota"}), IsEmpty());
  EXPECT_EQ(value_of(app.client(app.make_key()).get("/v1/corpora"), "X-Quota-Day-Used"), "3");
}

TEST(RateLimitsHttp, ShowTheirRefusalsToTheTenant) {
  TestApp app(limited({{"RL_KEY_MUTATION_BURST", "1"}}));
  TestClient client = app.client();
  EXPECT_EQ(client.post("/v1/corpora", "{}").status, 422);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(client.post("/v1/corpora", "{}").status, 429);
  const boost::json::value hits = data_of(client.get("/v1/self-serve/usage/summary")).at("rate_limit_hits");
  EXPECT_EQ(hits.at("count").as_int64(), 3);
  EXPECT_TRUE(hits.at("last_at").is_string());
}

// --- failures before anybody is known

/// The bearer of a key with that id and a secret that is not its own.
std::string forged(std::string_view key) {
  return "Bearer " + std::string(key.substr(0, 38)) + std::string(43, 'A');
}

TEST(FailuresHttp, OfAnAddressEndItsAttemptsBeforeTheCredentialIsRead) {
  TestApp app(limited({{"RL_FAILURE_BURST", "3"}}));
  TestClient stranger = app.anonymous();
  const auto try_with = [&](std::string_view token) {
    return stranger.get("/v1/corpora", {{"Authorization", "Bearer " + std::string(token)}, {"X-Request-Id", "req-1"}});
  };
  for (const char* token : {"guess-1", "guess-2", "guess-3"}) EXPECT_EQ(try_with(token).status, 401);
  const Response refused = try_with("guess-4");
  ASSERT_EQ(refused.status, 429);
  const Wait wait = wait_of(refused);
  EXPECT_EQ(headers_of(refused, {"R", "X-", "WWW"}), (Pairs{{"Retry-After", std::to_string(wait.seconds)},
                                                            {"X-RateLimit-Scope", "address"},
                                                            {"X-RateLimit-Route-Class", "read"},
                                                            {"X-RateLimit-Retry-After-Ms", std::to_string(wait.ms)},
                                                            {"X-Request-Id", "req-1"}}));
  EXPECT_EQ(code_of(refused), "RATE_LIMITED");
  EXPECT_EQ(try_with(app.make_key()).status, 429) << "a right guess is not told from a wrong one";
  EXPECT_EQ(stranger.get("/v1/health").status, 200) << "public rows have no limit";
}

TEST(FailuresHttp, OfAnAddressDoNotStopTheKeysThatWereSeenBefore) {
  TestApp app(limited({{"RL_FAILURE_BURST", "1"}}));
  TestClient known = app.client(app.make_key());
  EXPECT_EQ(known.get("/v1/corpora").status, 200);
  TestClient neighbour = app.anonymous();
  const Pairs wrong{{"Authorization", "Bearer wrong"}};
  EXPECT_EQ(neighbour.get("/v1/corpora", wrong).status, 401);
  EXPECT_EQ(neighbour.get("/v1/corpora", wrong).status, 429);
  EXPECT_EQ(known.get("/v1/corpora").status, 200);
  EXPECT_EQ(app.client(app.make_key()).get("/v1/corpora").status, 429) << "a key that nobody has seen is a guess";
}

TEST(FailuresHttp, OfOneAddressLeaveOthersAlone) {
  TestApp app(limited({{"RL_FAILURE_BURST", "1"}}));
  const std::string key = app.make_key();
  TestClient proxy = app.anonymous();
  const auto from = [&](const char* address, const std::string& credential) {
    return proxy.get("/v1/corpora", {{"Authorization", credential}, {"X-Forwarded-For", address}}).status;
  };
  EXPECT_EQ(from("203.0.113.9", "Bearer wrong"), 401);
  EXPECT_EQ(from("203.0.113.9", "Bearer wrong"), 429);
  EXPECT_EQ(from("203.0.113.10", "Bearer " + key), 200);
}

TEST(FailuresHttp, OfAKeyIdDoNotLockItsOwnerOut) {
  TestApp app(limited({{"RL_FAILURE_BURST", "3"}}));
  const std::string key = app.make_key();
  TestClient proxy = app.anonymous();
  const auto from = [&](const std::string& address, const std::string& credential) {
    return proxy.get("/v1/corpora", {{"Authorization", credential}, {"X-Forwarded-For", address}});
  };
  for (const char* address : {"203.0.113.1", "203.0.113.2", "203.0.113.3"})
    EXPECT_EQ(from(address, forged(key)).status, 401);
  const Response refused = from("203.0.113.1", forged(key));
  EXPECT_EQ(refused.status, 429) << "its own address may fail twice more, but not with this key id";
  EXPECT_EQ(value_of(refused, "X-RateLimit-Scope"), "credential");
  EXPECT_EQ(from("203.0.113.1", "Bearer other").status, 401);
  EXPECT_EQ(from("198.51.100.7", "Bearer " + key).status, 200);
}

TEST(FailuresHttp, OfRolesTakeFromTheRateOfTheirKey) {
  TestApp app(limited({{"RL_KEY_READ_RPS", "0.001"}, {"RL_KEY_READ_BURST", "2"}}));
  TestClient reader = app.client(app.make_key("reader"));
  EXPECT_EQ(reader.get("/v1/admin/plans").status, 403);
  EXPECT_EQ(reader.get("/v1/admin/plans").status, 403);
  EXPECT_EQ(reader.get("/v1/admin/plans").status, 429);
  EXPECT_EQ(app.client().get("/v1/admin/plans").status, 200) << "another key of the same address goes on";
}

}  // namespace
}  // namespace nexus::testing

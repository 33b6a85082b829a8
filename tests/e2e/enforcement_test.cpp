// Limits, quotas, repeated requests and billing while servers are crowded, killed and attacked.
#include "e2e/stored_state.h"
#include "e2e/traffic.h"
#include "support/http_twin.h"

#include <boost/json/parse.hpp>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <csignal>
#include <map>
#include <mutex>
#include <thread>

namespace nexus::e2e {
namespace {

using testing::HttpTwin;
using testing::RawConnection;
using testing::twin_status;
using testing::TwinRequest;

constexpr std::string_view kCheap = "/v1/corpora";  // a read: one unit
constexpr std::string_view kUpgrade = "/v1/self-serve/plan/upgrade-request";
constexpr std::string_view kWebhookTest = "/v1/self-serve/billing/webhook-test";
constexpr std::string_view kToday = "SELECT coalesce(sum(requests_count), 0) FROM usage_counters WHERE period_type = ";

std::int64_t number_in(const Response& answer, std::string_view header) {
  const std::string* value = answer.header(header);
  if (value == nullptr) throw std::runtime_error("no header " + std::string(header) + ": " + answer.body);
  return std::stoll(*value);
}

std::int64_t used_today(const Response& answer) {
  return number_in(answer, "X-Quota-Day-Used");
}

/// What the database says, behind the server's back.
std::int64_t stored(Server& server, std::string_view sql) {
  return StoredState(server.installation().database()).number(sql);
}
std::int64_t counted(Server& server, std::string_view period) {
  return stored(server, fmt::format("{}'{}'", kToday, period));
}

/// Gives t1 a hard cap; returns the units that are used already, those of this request included.
std::int64_t cap(TestClient& client, std::int64_t daily) {
  const Response set = client.patch("/v1/admin/quotas/t1", fmt::format(R"({{"daily_requests_limit":{}}})", daily));
  if (set.status != 200) throw std::runtime_error("no limit was set: " + set.body);
  return used_today(set);
}

/// Lets every client run on a thread of its own until it is done.
template <class Body>
void at_once(std::vector<TestClient> clients, const Body& body) {
  std::vector<std::jthread> threads;
  for (std::size_t i = 0; i < clients.size(); ++i)
    threads.emplace_back([&body, i, client = std::move(clients[i])]() mutable { body(client, static_cast<int>(i)); });
}

TestClient client_of(std::uint16_t port, const std::string& key) {
  TestClient made(port, std::chrono::seconds(60));
  made.bearer(key);
  return made;
}

// ---- quotas ----

constexpr std::int64_t kCap = 2'000;

/// 64 clients on the given servers use a cap up, runs and reads mixed. Exactly the cap is granted, and counted.
void expect_the_cap_and_not_one_more(Server& server, const std::vector<std::uint16_t>& ports) {
  TestClient admin = server.client();
  make_corpus(admin, "c1");
  std::atomic<std::int64_t> granted{cap(admin, kCap)};
  std::atomic<int> others{0};
  std::vector<TestClient> clients;
  for (std::size_t i = 0; i < 64; ++i) clients.push_back(client_of(ports[i % ports.size()], server.key()));
  at_once(std::move(clients), [&](TestClient& client, int number) {
    const bool runs = number % 8 == 0;
    const std::string ask =
        fmt::format(R"({{"session_id":"s{}","corpus_id":"c1","message":"What are the gates?"}})", number);
    for (;;) {
      const Response got = runs ? client.post("/v1/run", ask) : client.get(kCheap);
      if (got.status == 402) return;
      if (got.status == 200) granted += runs ? 3 : 1;
      if (got.status != 200) ++others;
      if (others > 0) return;
    }
  });
  EXPECT_EQ(others, 0) << server.log();
  EXPECT_LE(granted, kCap);
  // A server may refuse for a moment what another one still holds, and a run what a read may have.
  std::vector<TestClient> rest;
  for (const std::uint16_t port : ports) rest.push_back(client_of(port, server.key()));
  EXPECT_TRUE(eventually([&] {
    for (TestClient& client : rest) granted += client.get(kCheap).status == 200 ? 1 : 0;
    return granted >= kCap;
  })) << granted;
  for (int i = 0; i < 200; ++i) granted += rest[static_cast<std::size_t>(i) % rest.size()].get(kCheap).status == 200;
  EXPECT_EQ(granted, kCap);
  EXPECT_TRUE(eventually([&] { return counted(server, "day") == kCap; })) << counted(server, "day");
  EXPECT_EQ(counted(server, "month"), kCap);
}

TEST(QuotaFaults, SixtyFourClientsGetExactlyTheCap) {
  Server server;
  server.start();
  expect_the_cap_and_not_one_more(server, {server.port()});
  EXPECT_EQ(server.stop(), 0);
  EXPECT_EQ(counted(server, "day"), kCap);
}

// Nobody is asked to run two servers on one folder; while one replaces another it happens all the same.
TEST(QuotaFaults, TwoServersOnOneDatabaseTogetherGrantExactlyTheCap) {
  Server server;
  server.start();
  const Serving second = start_serving(server.installation(), "second.log");
  expect_the_cap_and_not_one_more(server, {server.port(), second.port});
  EXPECT_EQ(server.stop(), 0);
  second.process->signal(SIGTERM);
  const std::optional<Ending> ending = second.process->wait(std::chrono::seconds(60));
  ASSERT_TRUE(ending.has_value());
  EXPECT_EQ(ending->code, 0) << server.installation().output_of("second.log");
  EXPECT_EQ(counted(server, "day"), kCap);
  EXPECT_EQ(stored(server, "SELECT count(*) FROM quota_leases"), 0) << "a server that ends gives back what it holds";
}

TEST(QuotaFaults, AKilledServerHasCountedWhatItGrantedUpToItsLastFlushAndItsUncountedRestIsNotGrantedAgain) {
  constexpr int kClients = 16;
  constexpr std::int64_t kFarCap = 6'000;
  Dice dice;
  Server server;
  server.start();
  TestClient admin = server.client();
  std::atomic<std::int64_t> granted{cap(admin, kFarCap)};
  std::int64_t surely_flushed = 0;
  {
    Crowd crowd(server, kClients, [&](TestClient& client, int) {
      if (client.get(kCheap).status == 200) ++granted;
    });
    const StoredState database(server.installation().database());
    const std::string sql = fmt::format("{}'day'", kToday);
    const auto flushed = [&] {
      const std::int64_t before = database.number(sql);
      return eventually([&] { return database.number(sql) != before; });
    };
    ASSERT_TRUE(flushed());
    dice.pass_time(std::chrono::milliseconds(100));
    surely_flushed = granted;
    // One flush may have begun before; the one after it takes along all that was granted by then.
    ASSERT_TRUE(flushed());
    ASSERT_TRUE(flushed());
    dice.pass_time(std::chrono::milliseconds(50));
    server.kill_hard();
    crowd.join();
  }
  const std::int64_t answered = granted;
  const std::int64_t used = counted(server, "day");
  ASSERT_LT(used, kFarCap) << "the kill came too late to mean anything";
  EXPECT_GE(used, surely_flushed);
  EXPECT_LE(used, answered + kClients) << "each client may have been granted one request that it never heard of";
  const std::int64_t leased = stored(server, "SELECT coalesce(sum(units), 0) FROM quota_leases");
  EXPECT_LE(used + leased, kFarCap);
  EXPECT_LE(answered, used + leased) << "nothing is granted that was not leased before";
  std::printf("kill -9: %ld answered, %ld counted, %ld leased\n", static_cast<long>(answered), static_cast<long>(used),
              static_cast<long>(leased));

  // What the dead one granted and did not count is part of its lease, which nobody else gets before it has run out.
  server.start();
  std::vector<TestClient> clients;
  for (int i = 0; i < kClients; ++i) clients.push_back(server.client());
  at_once(std::move(clients), [&](TestClient& client, int) {
    while (client.get(kCheap).status == 200) ++granted;
  });
  EXPECT_LE(granted, kFarCap);
  EXPECT_EQ(server.stop(), 0);
  EXPECT_EQ(counted(server, "day"), used + granted - answered) << "what the second one granted is counted to a unit";
}

// ---- repeated requests ----

bool is_replayed(const Response& answer) {
  const std::string* said = answer.header("Idempotency-Replayed");
  return said != nullptr && *said == "true";
}

std::string code_of(const Response& answer) {
  return std::string(answer.json().at("error").at("code").as_string());
}

Environment billing(const HttpTwin& twin) {
  return {{"BILLING_WEBHOOK_ENABLED", "true"},
          {"BILLING_WEBHOOK_URL", twin.url("/billing")},
          {"BILLING_WEBHOOK_SECRET", "a-secret-of-the-receiver-0123456789"},
          {"BILLING_WEBHOOK_TIMEOUT_MS", "600000"},
          {"EXT_CALL_TIMEOUT_MS", "600000"},
          {"EXT_RETRY_MAX_ATTEMPTS", "1"}};
}

testing::TwinAnswer held() {
  testing::TwinAnswer answer;
  answer.hold = true;
  return answer;
}

TEST(IdempotencyFaults, ARequestWhoseServerWasKilledUnderItRunsOnceMoreWhenItsLeaseIsOver) {
  HttpTwin twin;
  twin.script({held()});  // the handler waits here while its server dies
  Environment settings = billing(twin);
  settings.emplace_back("IDEMPOTENCY_LEASE_S", "5");
  Server server(settings);
  server.start();
  RawConnection first(server.port());
  first.send(
      fmt::format("POST {} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {}\r\nIdempotency-Key: once\r\n"
                  "Content-Length: 0\r\n\r\n",
                  kWebhookTest, server.key()));
  static_cast<void>(twin.wait_for_requests(1));
  TestClient client = server.client();
  const Response meanwhile = client.post(kWebhookTest, "", {{"Idempotency-Key", "once"}});
  EXPECT_EQ(meanwhile.status, 409);
  EXPECT_EQ(code_of(meanwhile), "IDEMPOTENCY_IN_PROGRESS");
  server.kill_hard();
  ASSERT_EQ(stored(server, "SELECT count(*) FROM idempotency_records WHERE state = 'in_progress'"), 1);

  server.start();
  std::mutex mutex;
  std::vector<Response> answers;
  std::vector<TestClient> clients;
  for (int i = 0; i < 8; ++i) clients.push_back(server.client());
  at_once(std::move(clients), [&](TestClient& again, int) {
    Response got;
    EXPECT_TRUE(eventually([&] {
      got = again.post(kWebhookTest, "", {{"Idempotency-Key", "once"}});
      return got.status != 409;
    }));
    const std::lock_guard lock(mutex);
    answers.push_back(std::move(got));
  });
  int ran = 0;
  for (const Response& answer : answers) {
    EXPECT_EQ(answer.status, 200) << answer.body;
    EXPECT_EQ(answer.body, answers.front().body);
    ran += is_replayed(answer) ? 0 : 1;
  }
  EXPECT_EQ(ran, 1);
  EXPECT_EQ(twin.requests().size(), 2U) << "once under the server that died, once after it";
  EXPECT_EQ(server.stop(), 0);
}

void expect_nowhere(const std::string& secret, const std::filesystem::path& folder) {
  int files = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (!entry.is_regular_file()) continue;
    ++files;
    EXPECT_EQ(read_file(entry.path()).find(secret), std::string::npos) << entry.path();
  }
  EXPECT_GT(files, 0);
}

TEST(IdempotencyFaults, AStoredAnswerSurvivesAKillAndItsSecretIsNowhereInClear) {
  Server server;
  server.start();
  constexpr std::string_view kKeys = "/v1/self-serve/api-keys";
  constexpr std::string_view kWish = R"({"name":"ci","role":"reader"})";
  TestClient client = server.client();
  const Response made = client.post(kKeys, kWish, {{"Idempotency-Key", "k1"}});
  server.kill_hard();
  ASSERT_EQ(made.status, 200) << made.body;
  const boost::json::value body = made.json();
  const std::string secret(body.at("data").at("api_key").as_string());
  expect_nowhere(secret, server.installation().data());

  server.start();
  TestClient after = server.client();
  const Response repeated = after.post(kKeys, kWish, {{"Idempotency-Key", "k1"}});
  EXPECT_EQ(repeated.status, 200) << repeated.body;
  EXPECT_TRUE(is_replayed(repeated));
  EXPECT_EQ(repeated.json(), body) << "the same key and the same request id";
  EXPECT_EQ(after.post(kKeys, R"({"name":"other","role":"reader"})", {{"Idempotency-Key", "k1"}}).status, 409);
  EXPECT_EQ(stored(server, "SELECT count(*) FROM api_keys WHERE name = 'ci'"), 1);
  EXPECT_EQ(client_of(server.port(), secret).get(kCheap).status, 200);
  EXPECT_EQ(server.stop(), 0);
  expect_nowhere(secret, server.installation().data());
  EXPECT_EQ(server.log().find(secret), std::string::npos);
}

TEST(IdempotencyFaults, EveryAnswerThatACrowdGotBeforeAKillIsRepeatedAfterIt) {
  constexpr int kClients = 8;
  constexpr std::string_view kWish = R"({"target_plan":"pro","reason":"growth"})";
  Dice dice;
  Server server;
  server.start();
  std::mutex mutex;
  std::vector<std::pair<std::string, Response>> answered;
  std::atomic<int> sent{0};
  {
    Crowd crowd(server, kClients, [&](TestClient& client, int) {
      const std::string key = "k" + std::to_string(++sent);
      Response got = client.post(kUpgrade, kWish, {{"Idempotency-Key", key}});
      const std::lock_guard lock(mutex);
      answered.emplace_back(key, std::move(got));
    });
    EXPECT_TRUE(eventually([&] {
      const std::lock_guard lock(mutex);
      return answered.size() >= 40;
    }));
    dice.pass_time(std::chrono::milliseconds(100));
    server.kill_hard();
    crowd.join();
  }
  const std::int64_t carried_out = stored(server, "SELECT count(*) FROM plan_upgrade_requests");
  EXPECT_GE(carried_out, static_cast<std::int64_t>(answered.size()));
  EXPECT_LE(carried_out, sent);
  server.start();
  TestClient client = server.client();
  for (const auto& [key, first] : answered) {
    ASSERT_EQ(first.status, 202) << first.body;
    const Response again = client.post(kUpgrade, kWish, {{"Idempotency-Key", key}});
    EXPECT_EQ(again.status, 202) << again.body;
    EXPECT_TRUE(is_replayed(again)) << key;
    EXPECT_EQ(again.body, first.body);
  }
  EXPECT_EQ(server.stop(), 0);
  EXPECT_EQ(stored(server, "SELECT count(*) FROM plan_upgrade_requests"), carried_out) << "none ran twice";
}

// ---- billing ----

std::vector<TwinRequest> deliveries(const HttpTwin& twin, std::string_view event) {
  std::vector<TwinRequest> out;
  for (TwinRequest& request : twin.requests())
    if (const std::string* type = request.header("X-Billing-Event"); type != nullptr && *type == event)
      out.push_back(std::move(request));
  return out;
}

bool is_settled(Server& server) {
  return stored(server, "SELECT count(*) FROM billing_outbox WHERE state = 'pending'") == 0 &&
         stored(server, "SELECT count(*) FROM jobs WHERE kind = 'billing.webhook' AND state IN ('queued', 'leased')") ==
             0;
}

/// All under one id and with the same bytes.
void expect_one_event(const std::vector<TwinRequest>& attempts) {
  ASSERT_FALSE(attempts.empty());
  for (const TwinRequest& attempt : attempts) {
    ASSERT_NE(attempt.header("X-Billing-Delivery-Id"), nullptr);
    EXPECT_EQ(*attempt.header("X-Billing-Delivery-Id"), *attempts.front().header("X-Billing-Delivery-Id"));
    EXPECT_EQ(attempt.body, attempts.front().body);
    EXPECT_NE(attempt.header("X-Billing-Signature-V2"), nullptr);
  }
}

TEST(BillingFaults, WhatAReceiverMissedComesOnceWhenItIsBackEvenFromTheNextServer) {
  HttpTwin twin;
  twin.always(twin_status(503));
  Server server(billing(twin));
  server.start();
  TestClient client = server.client();
  static_cast<void>(cap(client, 0));
  for (int i = 0; i < 20; ++i) ASSERT_EQ(client.get(kCheap).status, 402);
  ASSERT_TRUE(eventually([&] { return !deliveries(twin, "quota.hard_cap_blocked").empty(); })) << server.log();
  EXPECT_EQ(server.stop(), 0);
  EXPECT_EQ(stored(server, "SELECT count(*) FROM billing_outbox WHERE event_type = 'quota.hard_cap_blocked'"), 1)
      << "twenty refusals are one event a day";
  const std::size_t missed = deliveries(twin, "quota.hard_cap_blocked").size();

  twin.always(twin_status(200));
  server.start();
  TestClient after = server.client();
  for (int i = 0; i < 20; ++i) ASSERT_EQ(after.get(kCheap).status, 402);
  ASSERT_TRUE(eventually([&] { return is_settled(server); })) << server.log();
  EXPECT_EQ(server.stop(), 0);
  server.start();  // nothing is left that a third could send
  EXPECT_EQ(server.stop(), 0);
  const std::vector<TwinRequest> attempts = deliveries(twin, "quota.hard_cap_blocked");
  EXPECT_EQ(attempts.size(), missed + 1) << "one that was taken";
  expect_one_event(attempts);
  EXPECT_EQ(stored(server, "SELECT count(*) FROM billing_outbox WHERE event_type = 'quota.hard_cap_blocked'"), 1);
}

TEST(BillingFaults, AServerKilledWhileItDeliversSendsTheSameEventAgain) {
  HttpTwin twin;
  twin.script({held()});
  Server server(billing(twin));
  server.start();
  TestClient client = server.client();
  const Response asked = client.post(kUpgrade, R"({"target_plan":"pro","reason":"growth"})");
  ASSERT_EQ(asked.status, 202) << asked.body;
  static_cast<void>(twin.wait_for_requests(1));
  server.kill_hard();
  EXPECT_EQ(stored(server, "SELECT count(*) FROM billing_outbox WHERE state = 'pending'"), 1);

  server.start();
  ASSERT_TRUE(eventually([&] { return is_settled(server); })) << server.log();
  EXPECT_EQ(stored(server, "SELECT count(*) FROM billing_outbox WHERE state = 'delivered'"), 1);
  EXPECT_EQ(server.stop(), 0);
  const std::vector<TwinRequest> attempts = deliveries(twin, "billing.upgrade_requested");
  EXPECT_EQ(attempts.size(), 2U);
  expect_one_event(attempts);
}

// ---- what a proper end writes ----

/// Refusals of a type that the audit log knows of; one event may stand for many.
std::string refusals(std::string_view type) {
  return fmt::format(
      "SELECT coalesce(sum(coalesce(json_extract(metadata_json, '$.count'), 1)), 0) FROM audit_events"
      " WHERE event_type = '{}'",
      type);
}

std::string rows(std::string_view type) {
  return fmt::format("SELECT count(*) FROM audit_events WHERE event_type = '{}'", type);
}

std::string wrong_key(int number) {
  return fmt::format("nrgk_{:032x}_{:043}", number, number);
}

TEST(Shutdown, WritesCountsAndRefusalsThatWereOnlyInMemory) {
  Server server(Environment{{"USAGE_FLUSH_INTERVAL_MS", "60000"}, {"AUDIT_AGGREGATE_WINDOW_S", "3600"}});
  server.start();
  std::vector<TestClient> clients;
  for (int i = 0; i < 4; ++i) clients.push_back(server.client());
  at_once(std::move(clients), [&](TestClient& client, int) {
    for (int i = 0; i < 10; ++i) EXPECT_EQ(client.get(kCheap).status, 200);
  });
  TestClient stranger(server.port());
  for (int i = 0; i < 25; ++i)
    EXPECT_EQ(stranger.get(kCheap, {{"Authorization", "Bearer " + wrong_key(i)}}).status, 401);
  EXPECT_LT(counted(server, "day"), 40) << "it was flushed early: nothing is shown";
  EXPECT_LT(stored(server, refusals("auth.access.failure")), 25) << "it was written early: nothing is shown";
  EXPECT_EQ(server.stop(), 0);

  EXPECT_EQ(counted(server, "day"), 40);
  EXPECT_EQ(counted(server, "month"), 40);
  EXPECT_EQ(stored(server, "SELECT sum(count) FROM usage_rollups WHERE tenant_id = 't1' AND kind = 'request'"), 40);
  EXPECT_EQ(stored(server, refusals("auth.access.failure")), 25);
  EXPECT_LE(stored(server, rows("auth.access.failure")), 2);
  server.start();
  TestClient after = server.client();
  const Response summary = after.get("/v1/self-serve/usage/summary");
  ASSERT_EQ(summary.status, 200) << summary.body;
  const boost::json::value body = summary.json();
  EXPECT_EQ(body.at("data").at("quota").at("day").at("used"), 41) << "forty and this one";
  EXPECT_EQ(body.at("data").at("requests").at("total"), 41);
  EXPECT_TRUE(audit_holds(after));
  EXPECT_EQ(server.stop(), 0);
}

// ---- attackers ----

constexpr int kGuesses = 5'000;
constexpr int kGuessers = 16;

bool claims_a_real_id(int guess) {
  return guess % 50 == 0;
}

/// 5,000 wrong keys from the addresses that `address_of` names. Returns how often each status came.
std::map<int, int> guess(Server& server, const std::function<std::string(int)>& address_of) {
  std::mutex mutex;
  std::map<int, int> statuses;
  const std::string id = server.key().substr(0, server.key().rfind('_'));
  std::vector<TestClient> clients;
  for (int i = 0; i < kGuessers; ++i) clients.emplace_back(server.port(), std::chrono::seconds(60));
  at_once(std::move(clients), [&](TestClient& client, int first) {
    for (int i = first; i < kGuesses; i += kGuessers) {
      const std::string key = claims_a_real_id(i) ? fmt::format("{}_{:043}", id, i) : wrong_key(i);
      const int status =
          client.get(kCheap, {{"Authorization", "Bearer " + key}, {"X-Forwarded-For", address_of(i)}}).status;
      const std::lock_guard lock(mutex);
      ++statuses[status];
    }
  });
  return statuses;
}

TEST(Attack, WithFiveThousandWrongKeysLeavesFewAuditRowsAndTheKeyItAimsAtWorksOn) {
  Server server(Environment{{"RATE_LIMIT_ENABLED", "true"},
                            {"RL_FAILURE_BURST", "10"},
                            {"RL_KEY_READ_RPS", "100000"},
                            {"RL_KEY_READ_BURST", "100000"},
                            {"RL_TENANT_READ_RPS", "100000"},
                            {"RL_TENANT_READ_BURST", "100000"},
                            {"AUDIT_AGGREGATE_MAX_KINDS", "16"},
                            {"AUDIT_AGGREGATE_WINDOW_S", "3600"}});
  server.start();
  std::atomic<bool> over{false};
  std::atomic<int> served{0};
  std::atomic<int> refused{0};
  std::map<int, int> statuses;
  {
    const std::jthread owner([&] {
      TestClient client = server.client();
      do {
        ++(client.get(kCheap, {{"X-Forwarded-For", "198.51.100.4"}}).status == 200 ? served : refused);
      } while (!over);
    });
    // One address that tries keys at random; and many that aim at one key, so that its id alone would be suspicious.
    statuses = guess(server, [](int i) {
      return claims_a_real_id(i) ? fmt::format("10.0.{}.1", i / 50) : std::string("203.0.113.7");
    });
    over = true;
  }
  EXPECT_GT(served, 0);
  EXPECT_EQ(refused, 0) << "guesses at a key must not lock its owner out";
  EXPECT_EQ(statuses[401] + statuses[429], kGuesses);
  EXPECT_GT(statuses[429], statuses[401]) << "an address that only fails has to wait";
  EXPECT_EQ(server.stop(), 0);
  EXPECT_EQ(stored(server, refusals("auth.access.failure")), statuses[401]);
  EXPECT_EQ(stored(server, refusals("security.rate_limited")), statuses[429]);
  EXPECT_LE(stored(server, rows("auth.access.failure")) + stored(server, rows("security.rate_limited")), 2 * (16 + 2));
}

TEST(Attack, FromFiveThousandAddressesNeitherFillsTheAuditLogNorHidesAFailure) {
  Server server(Environment{{"AUDIT_AGGREGATE_MAX_KINDS", "16"}, {"AUDIT_AGGREGATE_WINDOW_S", "3600"}});
  server.start();
  const std::map<int, int> statuses = guess(server, [](int i) { return fmt::format("10.{}.{}.1", i / 250, i % 250); });
  EXPECT_EQ(statuses, (std::map<int, int>{{401, kGuesses}}));
  TestClient client = server.client();
  EXPECT_EQ(client.get(kCheap).status, 200);
  const std::string metrics = client.get("/v1/metrics").body;
  EXPECT_NE(metrics.find(fmt::format("nexusrag_auth_failures_total{{code=\"AUTH_UNAUTHORIZED\"}} {}\n", kGuesses)),
            std::string::npos)
      << metrics;
  EXPECT_TRUE(audit_holds(client));
  EXPECT_EQ(server.stop(), 0);
  EXPECT_EQ(stored(server, refusals("auth.access.failure")), kGuesses);
  EXPECT_LE(stored(server, rows("auth.access.failure")), 2 * (16 + 1));
}

// ---- rates ----

TEST(RateFaults, ThirtyTwoThreadsGetNoMoreThanBurstAndRateAllow) {
  constexpr double kKeyRate = 20;
  constexpr double kKeyBurst = 30;
  constexpr double kTenantRate = 50;
  constexpr double kTenantBurst = 80;
  constexpr std::size_t kKeys = 4;
  constexpr int kRequests = 100;
  Server server(Environment{{"RATE_LIMIT_ENABLED", "true"},
                            {"RL_KEY_READ_RPS", "20"},
                            {"RL_KEY_READ_BURST", "30"},
                            {"RL_TENANT_READ_RPS", "50"},
                            {"RL_TENANT_READ_BURST", "80"}});
  std::vector<std::string> keys{server.key()};
  while (keys.size() < kKeys) keys.push_back(server.installation().make_key("reader"));
  server.start();
  std::vector<TestClient> clients;
  for (std::size_t i = 0; i < 32; ++i) clients.push_back(client_of(server.port(), keys[i % kKeys]));
  std::array<std::atomic<int>, kKeys> accepted{};
  std::atomic<int> limited{0};
  const auto begin = std::chrono::steady_clock::now();
  at_once(std::move(clients), [&](TestClient& client, int number) {
    for (int i = 0; i < kRequests; ++i) {
      const Response got = client.get(kCheap);
      if (got.status == 200) ++accepted[static_cast<std::size_t>(number) % kKeys];
      if (got.status != 429) continue;
      ++limited;
      EXPECT_GE(number_in(got, "Retry-After"), 1);
      EXPECT_GE(number_in(got, "X-RateLimit-Retry-After-Ms"), 1);
    }
  });
  const double elapsed = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  int all = 0;
  for (const std::atomic<int>& count : accepted) {
    EXPECT_LE(count, kKeyBurst + kKeyRate * elapsed);
    all += count;
  }
  std::printf("rates: %d of %d accepted in %.2f s\n", all, 32 * kRequests, elapsed);
  EXPECT_LE(all, kTenantBurst + kTenantRate * elapsed);
  EXPECT_GE(all, kTenantBurst);
  EXPECT_EQ(all + limited, 32 * kRequests) << "whatever is not limited is answered";
  const std::string metrics = TestClient(server.port()).get("/v1/metrics").body;
  EXPECT_NE(metrics.find(fmt::format("nexusrag_rate_limited_total {}\n", limited.load())), std::string::npos);
  EXPECT_EQ(server.stop(), 0);
  EXPECT_EQ(stored(server, refusals("security.rate_limited")), limited);
}

}  // namespace
}  // namespace nexus::e2e

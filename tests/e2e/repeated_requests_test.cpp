// Repeated requests and billing events while servers are killed.
#include "e2e/enforcement_kit.h"
#include "support/http_twin.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <atomic>
#include <mutex>

namespace nexus::e2e {
namespace {

using testing::HttpTwin;
using testing::RawConnection;
using testing::twin_status;
using testing::TwinRequest;

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

}  // namespace
}  // namespace nexus::e2e

#include "modules/billing/message.h"

#include "modules/billing/billing_fixture.h"

#include <gtest/gtest.h>

#include <string>

namespace nexus::billing {
namespace {

constexpr Timestamp kNow = testing::FakeClock::kStart;  // 2026-02-17T10:00:00Z

TEST(BillingPayload, HasTheContractsBytesForEachEvent) {
  EXPECT_EQ(event_payload("quota.soft_cap_reached", "t1",
                          {{"period", "day"}, {"used", 400}, {"limit", 500}, {"soft_cap_ratio", 0.8}}, kNow),
            R"({"event_type":"quota.soft_cap_reached","tenant_id":"t1","period":"day","used":400,"limit":500,)"
            R"("soft_cap_ratio":0.8,"timestamp":"2026-02-17T10:00:00+00:00"})");
  EXPECT_EQ(
      event_payload(
          "quota.hard_cap_blocked", "t1",
          {{"period", "month"}, {"day_used", 10}, {"day_limit", nullptr}, {"month_used", 640}, {"month_limit", 640}},
          kNow + 1),
      R"({"event_type":"quota.hard_cap_blocked","tenant_id":"t1","period":"month","day_used":10,)"
      R"("day_limit":null,"month_used":640,"month_limit":640,"timestamp":"2026-02-17T10:00:00.000001+00:00"})");
  EXPECT_EQ(event_payload(
                "billing.upgrade_requested", "t1",
                {{"current_plan", "free"}, {"target_plan", "pro"}, {"reason", "größer \"bitte\"\n"}, {"request_id", 7}},
                kNow),
            R"({"event_type":"billing.upgrade_requested","tenant_id":"t1","current_plan":"free","target_plan":"pro",)"
            R"("reason":"größer \"bitte\"\n","request_id":7,"timestamp":"2026-02-17T10:00:00+00:00"})");
  EXPECT_EQ(event_payload("billing.webhook.test", "t1", {{"delivery_id", "d-1"}}, kNow),
            R"({"event_type":"billing.webhook.test","tenant_id":"t1","delivery_id":"d-1",)"
            R"("timestamp":"2026-02-17T10:00:00+00:00"})");
}

// The expected values come from `openssl dgst -sha256 -hmac whsec-test-1`.
TEST(BillingSignature, MatchesOpensslForBothForms) {
  const std::string body =
      event_payload("quota.soft_cap_reached", "t1",
                    {{"period", "day"}, {"used", 400}, {"limit", 500}, {"soft_cap_ratio", 0.8}}, kNow);
  const outbound::Request request = signed_request(
      webhook(),
      {.event_type = "quota.soft_cap_reached", .delivery_id = "11111111-2222-4333-8444-555555555555", .body = body},
      kNow + 999'999);
  const outbound::Headers expected{
      {"Content-Type", "application/json"},
      {"X-Billing-Event", "quota.soft_cap_reached"},
      {"X-Billing-Signature", "057209dd475a401fe1a8abdb8f2f88341de0f74e8763da30522fac62e06867b5"},
      {"X-Billing-Delivery-Id", "11111111-2222-4333-8444-555555555555"},
      {"X-Billing-Timestamp", "1771322400"},
      {"X-Billing-Signature-V2", "t=1771322400,v1=94ce58b56fe8644d3b1e3a34054dddb23d6e2fc87b25ae5020937432056e2622"}};
  EXPECT_EQ(request.headers, expected);
  EXPECT_EQ(request.body, body);
}

TEST(BillingSignature, IsOneBoundedAttemptAtTheOperatorsAddress) {
  WebhookOptions options = webhook();
  options.timeout_ms = 1234;
  const outbound::Request request =
      signed_request(options, {.event_type = "e", .delivery_id = "d", .body = "{}"}, kNow);
  EXPECT_EQ(request.integration, "billing.webhook");
  EXPECT_EQ(request.method, "POST");
  EXPECT_EQ(request.url, "https://hooks.example/billing");
  EXPECT_EQ(request.timeout_ms, 1234);
  EXPECT_EQ(request.attempts, 1);
  EXPECT_FALSE(request.idempotent);
  EXPECT_GT(request.max_response_bytes, 0U);
  EXPECT_EQ(request.origin, outbound::UrlOrigin::kOperator);
}

TEST(BillingSignature, CoversTheTimeTheDeliveryAndTheBody) {
  const auto v2 = [](std::string_view delivery, std::string_view body, Timestamp at) {
    const auto headers =
        signed_request(webhook(), {.event_type = "e", .delivery_id = delivery, .body = body}, at).headers;
    return headers.back().second.substr(headers.back().second.find("v1="));
  };
  const std::string base = v2("d1", "{}", kNow);
  EXPECT_NE(v2("d2", "{}", kNow), base);
  EXPECT_NE(v2("d1", "[]", kNow), base);
  EXPECT_NE(v2("d1", "{}", kNow + Timestamp::kSecond), base);
}

TEST(BillingOptions, SayWhatIsMissing) {
  EXPECT_EQ(problem_of(webhook()), "");
  WebhookOptions off = webhook();
  off.enabled = false;
  EXPECT_EQ(problem_of(off), "Billing webhook is disabled");
  WebhookOptions no_url = webhook();
  no_url.url.clear();
  EXPECT_EQ(problem_of(no_url), "Billing webhook is not configured");
  WebhookOptions no_secret = webhook();
  no_secret.secret = Secret();
  EXPECT_EQ(problem_of(no_secret), "Billing webhook is not configured");
}

TEST(BillingOutcome, JudgesEveryKindOfAnswer) {
  ScriptedClient client;
  const auto judged = [&](int status) {
    client.answer(status);
    return attempt(client, {}, kNow);
  };
  for (const int status : {200, 202, 204, 301, 399}) EXPECT_TRUE(judged(status).delivered()) << status;
  for (const int status : {408, 429, 500, 502, 503, 599})
    EXPECT_EQ(judged(status).kind, Outcome::Kind::kRetry) << status;
  for (const int status : {400, 401, 404, 409, 410, 422})
    EXPECT_EQ(judged(status).kind, Outcome::Kind::kRefused) << status;
  EXPECT_EQ(judged(204).message(), "Webhook delivered successfully");
  EXPECT_EQ(judged(503).message(), "Webhook responded with status 503");
  EXPECT_EQ(judged(404).error, "http_status");
}

TEST(BillingOutcome, NamesEveryFaultInStableWords) {
  struct Row {
    outbound::Fault fault;
    std::string code;
    std::string message;
  };
  const Row rows[] = {{outbound::Fault::kTimeout, "timeout", "Webhook delivery failed: timeout"},
                      {outbound::Fault::kNetwork, "network_error", "Webhook delivery failed: network error"},
                      {outbound::Fault::kRefusedAddress, "address_refused", "Webhook delivery failed: address refused"},
                      {outbound::Fault::kBadUrl, "invalid_url", "Webhook delivery failed: invalid URL"},
                      {outbound::Fault::kTooLarge, "response_too_large", "Webhook delivery failed: response too large"},
                      {outbound::Fault::kBreakerOpen, "breaker_open", "Webhook delivery failed: circuit breaker open"},
                      {outbound::Fault::kCancelled, "cancelled", "Webhook delivery failed: cancelled"},
                      {outbound::Fault::kBusy, "client_busy", "Webhook delivery failed: too many outbound calls"}};
  for (const Row& row : rows) {
    ScriptedClient client;
    client.fail(row.fault);
    const Outcome outcome = attempt(client, {}, kNow);
    EXPECT_EQ(outcome.kind, Outcome::Kind::kRetry);
    EXPECT_EQ(outcome.error, row.code);
    EXPECT_EQ(outcome.message(), row.message);
    EXPECT_FALSE(outcome.status_code);
    EXPECT_TRUE(is_outcome_code(outcome.error));
  }
  EXPECT_FALSE(is_outcome_code("connection refused by 10.0.0.1"));
}

TEST(BillingOutcome, ReadsRetryAfterWithinABound) {
  EXPECT_EQ(retry_after_us("120", kNow), 120 * Timestamp::kSecond);
  EXPECT_EQ(retry_after_us(" 7 ", kNow), 7 * Timestamp::kSecond);
  EXPECT_EQ(retry_after_us("Tue, 17 Feb 2026 10:01:30 GMT", kNow), 90 * Timestamp::kSecond);
  EXPECT_EQ(retry_after_us("Tue, 17 Feb 2026 09:00:00 GMT", kNow), 0);
  EXPECT_EQ(retry_after_us("86400", kNow), kMostRetryAfterUs);
  EXPECT_EQ(retry_after_us("99999999999999999999999", kNow), kMostRetryAfterUs);
  for (const char* malformed : {"", "soon", "-5", "12.5", "1 2", "Tue, 17 Feb 2026 10:01:30 GMT+1"})
    EXPECT_EQ(retry_after_us(malformed, kNow), 0) << malformed;
}

}  // namespace
}  // namespace nexus::billing

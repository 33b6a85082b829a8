// Billing events as a receiver sees them, over the real outbound client.
#include "base/encoding.h"
#include "http/admin_kit.h"
#include "support/http_twin.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <chrono>
#include <set>
#include <stdexcept>
#include <thread>

namespace nexus::testing {
namespace {

constexpr std::string_view kSecret = "whsec-0123456789abcdef0123456789abcdef";
constexpr std::string_view kTest = "/v1/self-serve/billing/webhook-test";
constexpr std::string_view kDeliveries = "/v1/admin/billing/deliveries";
constexpr std::string_view kUpgrade = "/v1/self-serve/plan/upgrade-request";
constexpr std::string_view kDeliveryMembers =
    "delivery_id tenant_id event_type state attempts status_code last_error created_at last_attempt_at "
    "next_attempt_at finished_at";

/// As a receiver would compute it, without a line of the server's.
std::string hmac_hex(std::string_view text) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  HMAC(EVP_sha256(), kSecret.data(), static_cast<int>(kSecret.size()),
       reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest, &size);
  std::string hex;
  for (unsigned int i = 0; i < size; ++i) hex += fmt::format("{:02x}", digest[i]);
  return hex;
}

void expect_signed(const TwinRequest& got) {
  EXPECT_EQ(got.method, "POST");
  EXPECT_EQ(got.target, "/hook?source=nexus");
  EXPECT_EQ(*got.header("Content-Type"), "application/json");
  EXPECT_EQ(*got.header("X-Billing-Signature"), hmac_hex(got.body));
  const std::string seconds = *got.header("X-Billing-Timestamp");
  const std::string delivery = *got.header("X-Billing-Delivery-Id");
  EXPECT_EQ(delivery.size(), 36U);
  EXPECT_EQ(*got.header("X-Billing-Signature-V2"),
            fmt::format("t={},v1={}", seconds, hmac_hex(fmt::format("{}.{}.{}", seconds, delivery, got.body))));
  const boost::json::value body = json::parse(got.body);
  EXPECT_EQ(text_of(body.at("event_type")), *got.header("X-Billing-Event"));
  EXPECT_TRUE(is_moment(body.at("timestamp"))) << got.body;
  EXPECT_EQ(json::write(body), got.body) << "compact, as it was signed";
}

/// Stands before the server, which is told its address.
struct Receiver {
  HttpTwin twin_;
};

class BillingHttp : protected Receiver, public AdminTest {
 protected:
  explicit BillingHttp(Changes changes = {})
      : AdminTest([&] {
          changes.emplace_back("BILLING_WEBHOOK_ENABLED", "true");
          changes.emplace_back("BILLING_WEBHOOK_URL", twin_.url("/hook?source=nexus"));
          changes.emplace_back("BILLING_WEBHOOK_SECRET", std::string(kSecret));
          return changes;
        }()) {}

  std::int64_t ask_upgrade(TestClient& client, std::string_view body = R"({"target_plan":"pro"})") {
    const Response asked = client.post(kUpgrade, body);
    EXPECT_EQ(asked.status, 202) << asked.body;
    return data_of(asked).at("request_id").as_int64();
  }
  boost::json::array deliveries(std::string_view query = "") {
    return data_of(client_.get(std::string(kDeliveries) + std::string(query))).at("items").as_array();
  }
  /// The newest delivery when it has come to this state; throws when it does not in time.
  boost::json::object wait_for(std::string_view state) {
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    for (;;) {
      const boost::json::array all = deliveries();
      if (!all.empty() && text_of(all[0].at("state")) == state) return all[0].as_object();
      if (std::chrono::steady_clock::now() > until) throw std::runtime_error("not in time: " + json::write(all));
      std::this_thread::yield();
    }
  }
};

TEST_F(BillingHttp, TellsOfAnUpgradeRequestAndItsDecision) {
  const std::int64_t id = ask_upgrade(client_, R"({"target_plan":"pro","reason":"We “sing”."})");
  ASSERT_EQ(ask(client_, "POST", fmt::format("/v1/admin/plan-upgrade-requests/{}/approve", id)).status, 200);
  const std::vector<TwinRequest> got = twin_.wait_for_requests(2);
  for (const TwinRequest& request : got) expect_signed(request);
  const boost::json::value asked = json::parse(got[0].body);
  EXPECT_EQ(members_of(asked), "event_type tenant_id current_plan target_plan reason request_id timestamp");
  EXPECT_EQ(asked.at("event_type"), "billing.upgrade_requested");
  EXPECT_EQ(asked.at("tenant_id"), "t1");
  EXPECT_EQ(asked.at("current_plan"), "enterprise");
  EXPECT_EQ(asked.at("target_plan"), "pro");
  EXPECT_EQ(asked.at("reason"), "We “sing”.");
  EXPECT_EQ(asked.at("request_id").as_int64(), id);
  EXPECT_EQ(*got[1].header("X-Billing-Event"), "billing.upgrade_approved");
}

TEST_F(BillingHttp, TellsOfTheSoftCapOnceAPeriod) {
  ASSERT_EQ(client_.patch("/v1/admin/quotas/t1", R"({"daily_requests_limit":40,"soft_cap_ratio":0.1})").status, 200);
  for (int i = 0; i < 12; ++i) EXPECT_EQ(client_.get("/v1/corpora").status, 200);
  const std::vector<TwinRequest> got = twin_.wait_for_requests(1);
  expect_signed(got[0]);
  const boost::json::value body = json::parse(got[0].body);
  EXPECT_EQ(members_of(body), "event_type tenant_id period used limit soft_cap_ratio timestamp");
  EXPECT_EQ(body.at("event_type"), "quota.soft_cap_reached");
  EXPECT_EQ(body.at("period"), "day");
  EXPECT_EQ(body.at("limit").as_int64(), 40);
  EXPECT_GE(body.at("used").as_int64(), 4);
  EXPECT_DOUBLE_EQ(body.at("soft_cap_ratio").to_number<double>(), 0.1);
  (void)ask_upgrade(client_);  // what came in between stands before it
  const std::vector<TwinRequest> all = twin_.wait_for_requests(2);
  EXPECT_EQ(*all[1].header("X-Billing-Event"), "billing.upgrade_requested");
  EXPECT_EQ(events("quota.soft_cap_reached").size(), 1U);
}

TEST_F(BillingHttp, TellsOfTheHardCapOnceAPeriodHoweverManyAreBlocked) {
  TestClient other = app_.client(app_.make_key("admin", "t2"));
  ASSERT_EQ(client_.patch("/v1/admin/quotas/t1", R"({"daily_requests_limit":0,"monthly_requests_limit":9})").status,
            200);
  for (int i = 0; i < 12; ++i) EXPECT_EQ(client_.get("/v1/corpora").status, 402);
  const std::vector<TwinRequest> got = twin_.wait_for_requests(1);
  expect_signed(got[0]);
  const boost::json::value body = json::parse(got[0].body);
  EXPECT_EQ(members_of(body), "event_type tenant_id period day_used day_limit month_used month_limit timestamp");
  EXPECT_EQ(body.at("event_type"), "quota.hard_cap_blocked");
  EXPECT_EQ(body.at("tenant_id"), "t1");
  EXPECT_EQ(body.at("period"), "day");
  EXPECT_EQ(body.at("day_limit").as_int64(), 0);
  EXPECT_EQ(body.at("month_limit").as_int64(), 9);
  (void)ask_upgrade(other);
  EXPECT_EQ(*twin_.wait_for_requests(2)[1].header("X-Billing-Event"), "billing.upgrade_requested");
}

TEST_F(BillingHttp, TestsTheWebhookOnTheSpot) {
  const Response tested = client_.request("POST", kTest);
  ASSERT_EQ(tested.status, 200) << tested.body;
  EXPECT_EQ(members_of(tested.json()), "data meta");
  const boost::json::value data = data_of(tested);
  EXPECT_EQ(members_of(data), "sent status_code delivery_id message");
  EXPECT_TRUE(data.at("sent").as_bool());
  EXPECT_EQ(data.at("status_code").as_int64(), 200);
  EXPECT_EQ(data.at("message"), "Webhook delivered successfully");
  const std::vector<TwinRequest> got = twin_.requests();
  ASSERT_EQ(got.size(), 1U) << "delivered before the answer";
  expect_signed(got[0]);
  const boost::json::value body = json::parse(got[0].body);
  EXPECT_EQ(members_of(body), "event_type tenant_id delivery_id timestamp");
  EXPECT_EQ(body.at("event_type"), "billing.webhook.test");
  EXPECT_EQ(body.at("delivery_id"), data.at("delivery_id"));
  EXPECT_EQ(text_of(data.at("delivery_id")), *got[0].header("X-Billing-Delivery-Id"));
  EXPECT_TRUE(deliveries().empty()) << "a test is no event";
  const boost::json::object event = newest("selfserve.billing_webhook_tested");
  EXPECT_EQ(event.at("outcome"), "success");
  EXPECT_EQ(sorted_members_of(event.at("metadata_json")), "delivery_id sent status_code");
}

TEST_F(BillingHttp, TellsHowATestFailedInStableWords) {
  struct Row {
    TwinAnswer answer;
    std::string_view message;
    std::string_view status;
  };
  for (const Row& row :
       {Row{twin_status(500, "stack trace"), "Webhook responded with status 500", "500"},
        Row{twin_status(404), "Webhook responded with status 404", "404"},
        Row{twin_fault(TwinFault::kResetBeforeHead), "Webhook delivery failed: network error", "null"}}) {
    twin_.script({row.answer});
    const Response tested = client_.request("POST", kTest);
    ASSERT_EQ(tested.status, 200) << "the test was made, whatever came of it: " << tested.body;
    const boost::json::value data = data_of(tested);
    EXPECT_FALSE(data.at("sent").as_bool());
    EXPECT_EQ(json::write(data.at("status_code")), row.status);
    EXPECT_EQ(text_of(data.at("message")), row.message);
    const boost::json::object event = newest("selfserve.billing_webhook_tested");
    EXPECT_EQ(event.at("outcome"), "failure");
    EXPECT_EQ(event.at("metadata_json").at("delivery_id"), data.at("delivery_id"));
    EXPECT_FALSE(event.at("metadata_json").at("sent").as_bool());
  }
  EXPECT_EQ(twin_.requests().size(), 3U) << "a test is not repeated";
}

TEST_F(BillingHttp, FollowsNoRedirect) {
  TwinAnswer away = twin_status(302);
  away.headers = {{"Location", twin_.url("/elsewhere")}};
  twin_.always(away);
  const boost::json::value data = data_of(client_.request("POST", kTest));
  EXPECT_EQ(data.at("status_code").as_int64(), 302);
  EXPECT_EQ(twin_.requests().size(), 1U);
}

TEST_F(BillingHttp, TriesAgainWhenTheReceiverIsAway) {
  twin_.script({twin_status(503)});
  (void)ask_upgrade(client_);
  const std::vector<TwinRequest> got = twin_.wait_for_requests(2);
  for (const TwinRequest& request : got) expect_signed(request);
  EXPECT_EQ(got[0].body, got[1].body) << "the same event, byte for byte";
  EXPECT_EQ(*got[0].header("X-Billing-Delivery-Id"), *got[1].header("X-Billing-Delivery-Id"));
  const boost::json::object delivered = wait_for("delivered");
  EXPECT_EQ(delivered.at("attempts").as_int64(), 2);
  EXPECT_EQ(delivered.at("status_code").as_int64(), 200);
  EXPECT_TRUE(delivered.at("last_error").is_null());
  EXPECT_TRUE(events("billing.webhook.failure").empty()) << "it arrived in the end";
}

TEST_F(BillingHttp, GivesUpWhatIsRefusedUntilSomebodyStartsItAgain) {
  twin_.always(twin_status(400));
  (void)ask_upgrade(client_);
  const boost::json::object dead = wait_for("dead");
  EXPECT_EQ(members_of(dead), kDeliveryMembers);
  EXPECT_EQ(dead.at("tenant_id"), "t1");
  EXPECT_EQ(dead.at("event_type"), "billing.upgrade_requested");
  EXPECT_EQ(dead.at("attempts").as_int64(), 1);
  EXPECT_EQ(dead.at("status_code").as_int64(), 400);
  EXPECT_EQ(dead.at("last_error"), "http_status");
  EXPECT_TRUE(is_moment(dead.at("created_at")));
  EXPECT_TRUE(is_moment(dead.at("last_attempt_at")));
  EXPECT_TRUE(dead.at("next_attempt_at").is_null());
  EXPECT_TRUE(is_moment(dead.at("finished_at")));
  const boost::json::object failure = newest("billing.webhook.failure");
  EXPECT_EQ(failure.at("outcome"), "failure");
  EXPECT_EQ(failure.at("actor_type"), "system");
  EXPECT_EQ(failure.at("actor_id"), "billing_webhook");
  EXPECT_EQ(failure.at("metadata_json").at("event_type"), "billing.upgrade_requested");
  EXPECT_EQ(failure.at("metadata_json").at("delivery_id"), dead.at("delivery_id"));

  twin_.always(twin_status(204, ""));
  const std::string path = fmt::format("{}/{}/retry", kDeliveries, text_of(dead.at("delivery_id")));
  const Response retried = client_.request("POST", path);
  ASSERT_EQ(retried.status, 200) << retried.body;
  EXPECT_EQ(members_of(data_of(retried)), kDeliveryMembers);
  EXPECT_EQ(data_of(retried).at("state"), "pending");
  EXPECT_EQ(wait_for("delivered").at("attempts").as_int64(), 2);
  EXPECT_EQ(newest("billing.webhook.retried").at("resource_id"), dead.at("delivery_id"));
  const Response again = client_.request("POST", path);
  EXPECT_EQ(again.status, 409);
  EXPECT_EQ(message_of(again), "Billing delivery is not dead");
  EXPECT_EQ(again.json().at("error").at("details"), (boost::json::object{{"state", "delivered"}}));
}

TEST_F(BillingHttp, ListsDeliveriesNewestFirstInPages) {
  for (int i = 0; i < 3; ++i) (void)ask_upgrade(client_);
  (void)twin_.wait_for_requests(3);
  const boost::json::value all = data_of(client_.get(kDeliveries));
  EXPECT_EQ(members_of(all), "items next_cursor");
  ASSERT_EQ(all.at("items").as_array().size(), 3U);
  std::vector<std::string> seen;
  std::string cursor;
  do {
    const boost::json::value page =
        data_of(client_.get(fmt::format("{}?limit=1{}", kDeliveries, cursor.empty() ? "" : "&cursor=" + cursor)));
    seen.push_back(text_of(page.at("items").at(0).at("delivery_id")));
    cursor = page.at("next_cursor").is_null() ? "" : text_of(page.at("next_cursor"));
  } while (!cursor.empty() && seen.size() < 9);
  ASSERT_EQ(seen.size(), 3U);
  for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(text_of(all.at("items").at(i).at("delivery_id")), seen[i]);
  EXPECT_TRUE(deliveries("?state=dead").empty());
  EXPECT_EQ(deliveries("?tenant_id=t1").size(), 3U);
  const std::string path(kDeliveries);
  expect_refused(client_, {{"GET", path + "?tenant_id=t2", "", 403, "AUTH_FORBIDDEN", std::string(kForeignScope)},
                           {"GET", path + "?state=lost", "", 422, kBadInput, "literal_error at query.state"},
                           {"GET", path + "?limit=0", "", 422, kBadInput, "greater_than_equal at query.limit"},
                           {"GET", path + "?limit=201", "", 422, kBadInput, "less_than_equal at query.limit"},
                           {"POST", path + "/00000000-0000-0000-0000-000000000000/retry", "", 404, "NOT_FOUND",
                            "Billing delivery not found"}});
  EXPECT_EQ(code_of(client_.get(path + "?cursor=nope")), "INVALID_CURSOR");
  EXPECT_EQ(client_.get("/admin/billing/deliveries").status, 404) << "younger than the unversioned paths";
}

TEST_F(BillingHttp, HidesDeliveriesOfOthers) {
  twin_.always(twin_status(400));
  (void)ask_upgrade(client_);
  const std::string id = text_of(wait_for("dead").at("delivery_id"));
  TestClient other = app_.client(app_.make_key("admin", "t2"));
  EXPECT_TRUE(data_of(other.get(kDeliveries)).at("items").as_array().empty());
  expect_refused(other, {{"POST", fmt::format("{}/{}/retry", kDeliveries, id), "", 404, "NOT_FOUND",
                          "Billing delivery not found"}});
}

TEST_F(BillingHttp, IsForAdminsOnly) {
  expect_admins_only({{"POST", std::string(kTest)},
                      {"GET", std::string(kDeliveries)},
                      {"POST", std::string(kDeliveries) + "/x/retry"}});
  EXPECT_TRUE(twin_.requests().empty());
}

TEST_F(BillingHttp, NeedsThePlanForATest) {
  ASSERT_EQ(client_.patch("/v1/admin/plans/t1", R"({"plan_id":"free"})").status, 200);
  const Response refused = client_.request("POST", kTest);
  EXPECT_EQ(refused.status, 403);
  EXPECT_EQ(code_of(refused), "FEATURE_NOT_ENABLED");
  EXPECT_EQ(refused.json().at("error").at("details"),
            (boost::json::object{{"feature_key", "feature.billing_webhook_test"}}));
  EXPECT_TRUE(twin_.requests().empty());
}

TEST_F(BillingHttp, SendsWhatWaitedWhenTheServerComesBack) {
  twin_.always(twin_fault(TwinFault::kResetBeforeHead));
  (void)ask_upgrade(client_);
  (void)twin_.wait_for_requests(1);
  twin_.always(twin_status(200));
  app_.restart();
  client_ = app_.client();
  EXPECT_GE(wait_for("delivered").at("attempts").as_int64(), 1);
}

class OperatedBillingHttp : public BillingHttp {
 protected:
  OperatedBillingHttp() : BillingHttp(Changes{{"PLATFORM_OPERATOR_TENANTS", "ops"}}) {}
};

TEST_F(OperatedBillingHttp, LetsOnlyOperatorsStartDeliveriesAgain) {
  TestClient ops = app_.client(app_.make_key("admin", "ops"));
  twin_.always(twin_status(410));
  (void)ask_upgrade(client_);
  const std::string id = text_of(wait_for("dead").at("delivery_id"));
  const std::string path = fmt::format("{}/{}/retry", kDeliveries, id);
  expect_refused(client_, {{"POST", path, "", 403, "AUTH_FORBIDDEN", std::string(kOperatorsOnly)}});
  EXPECT_EQ(data_of(ops.get(kDeliveries)).at("items").as_array().size(), 1U) << "operators see every tenant's";
  twin_.always(twin_status(200));
  EXPECT_EQ(ask(ops, "POST", path).status, 200);
  EXPECT_EQ(text_of(wait_for("delivered").at("delivery_id")), id);
  EXPECT_EQ(newest("billing.webhook.retried").at("tenant_id"), "t1");
}

TEST(UnconfiguredBillingHttp, SaysWhyNothingIsSent) {
  struct Row {
    Changes changes;
    std::string_view reason;
  };
  for (const Row& row : {Row{{}, "Billing webhook is disabled"},
                         Row{{{"BILLING_WEBHOOK_ENABLED", "true"}}, "Billing webhook is not configured"}}) {
    TestApp app(row.changes);
    TestClient client = app.client();
    const Response refused = client.request("POST", kTest);
    EXPECT_EQ(refused.status, 400) << refused.body;
    EXPECT_EQ(code_of(refused), "BILLING_WEBHOOK_NOT_CONFIGURED");
    EXPECT_EQ(message_of(refused), row.reason);
    EXPECT_EQ(client.post(kUpgrade, R"({"target_plan":"pro"})").status, 202) << "requests do not need it";
    app.core().audit->flush();
    const boost::json::value event =
        data_of(client.get("/v1/audit/events?event_type=selfserve.billing_webhook_tested")).at("items").at(0);
    EXPECT_EQ(event.at("outcome"), "failure");
    EXPECT_EQ(event.at("error_code"), "BILLING_WEBHOOK_NOT_CONFIGURED");
    EXPECT_EQ(sorted_members_of(event.at("metadata_json")), "delivery_id reason");
    EXPECT_EQ(text_of(event.at("metadata_json").at("reason")), row.reason);
  }
}

}  // namespace
}  // namespace nexus::testing

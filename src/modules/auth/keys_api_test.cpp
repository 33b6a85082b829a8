#include "modules/auth/keys_fixture.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace nexus::auth {
namespace {

using Names = std::vector<std::string>;

TEST(CreateApiKey, AnswersWithTheKeyOnceAndItsItem) {
  KeysDesk d;
  const KeysAnswer made = d.create(R"({"name":"ci","role":"editor","expires_in_days":30})");
  ASSERT_EQ(made.status, 200) << made.message;
  const std::string id = made.str("key_id");
  const std::string key = made.str("api_key");
  EXPECT_EQ(made.text(), R"({"key_id":")" + id + R"(","key_prefix":")" + key.substr(0, 12) +
                             R"(","name":"ci","role":"editor","created_at":"2026-02-17T10:00:00+00:00",)"
                             R"("last_used_at":null,"expires_at":"2026-03-19T10:00:00+00:00","revoked_at":null,)"
                             R"("is_active":true,"api_key":")" +
                             key + "\"}");
  EXPECT_TRUE(d.opens(Secret(key)));
  EXPECT_EQ(d.send("list_api_keys").text().find(key), std::string::npos);
}

TEST(CreateApiKey, MarksItsAnswerAsASecret) {
  const KeysDesk d;
  for (const http::Endpoint& row : d.rows)
    EXPECT_EQ(row.spec.secret_answer, row.spec.operation == "create_api_key") << row.spec.operation;
}

TEST(CreateApiKey, AuditsWhoMadeWhichKey) {
  KeysDesk d;
  const KeysAnswer made = d.create(R"({"role":"reader"})");
  const audit::Event event = d.t.audit.last();
  EXPECT_EQ(event.event_type, "selfserve.api_key.created");
  EXPECT_TRUE(event.success);
  EXPECT_EQ(event.actor_id, "key-1");
  EXPECT_EQ(event.resource_type, "api_key");
  EXPECT_EQ(event.resource_id, made.str("key_id"));
  EXPECT_EQ(event.metadata,
            (boost::json::object{{"key_id", made.str("key_id")}, {"name", nullptr}, {"role", "reader"}}));
}

TEST(CreateApiKey, ChecksItsFields) {
  KeysDesk d;
  for (const std::string body :
       {R"({})", R"({"role":"Admin"})", R"({"role":"owner"})", R"({"role":"reader","expires_in_days":0})",
        R"({"role":"reader","expires_in_days":3651})", R"({"role":"reader","expires_in_days":"soon"})"})
    EXPECT_EQ(d.create(body).code, "REQUEST_VALIDATION_ERROR") << body;
  EXPECT_EQ(d.create(R"({"role":"reader","name":")" + std::string(129, 'x') + "\"}").status, 422);
  EXPECT_EQ(d.create(R"({"role":"reader","name":")" + std::string(128, 'x') + "\"}").status, 200);
  EXPECT_EQ(d.create(R"({"role":"reader","name":null,"expires_in_days":null})").status, 200);
}

TEST(CreateApiKey, StopsAtTheLimitAndSaysSo) {
  KeysDesk d({.most_active = 2});
  ASSERT_EQ(d.create(R"({"role":"reader"})").status, 200);
  const KeysAnswer refused = d.create(R"({"role":"reader"})");
  EXPECT_EQ(refused.status, 409);
  EXPECT_EQ(refused.code, "KEY_LIMIT_REACHED");
  EXPECT_EQ(refused.message, "Maximum active API keys reached");
  EXPECT_EQ(refused.text(), R"({"max_active":2})");
  const audit::Event event = d.t.audit.last();
  EXPECT_EQ(event.event_type, "selfserve.api_key.created");
  EXPECT_FALSE(event.success);
  EXPECT_EQ(event.error_code, "KEY_LIMIT_REACHED");
  EXPECT_EQ(event.resource_id, std::nullopt);
  EXPECT_EQ(event.metadata, (boost::json::object{{"reason", "limit_reached"}, {"max_active", 2}}));
  EXPECT_EQ(d.send("list_api_keys").at("items").as_array().size(), 2U);
}

TEST(CreateApiKey, KeysThatOpenNothingDoNotCount) {
  KeysDesk d({.most_active = 2});
  const KeysAnswer short_lived = d.create(R"({"role":"reader","expires_in_days":1})");
  EXPECT_EQ(d.create(R"({"role":"reader"})").status, 409);
  d.t.clock.advance_s(86'400);
  const KeysAnswer next = d.create(R"({"role":"reader"})");
  EXPECT_EQ(next.status, 200);
  ASSERT_EQ(d.revoke(next.str("key_id")).status, 200);
  EXPECT_EQ(d.create(R"({"role":"reader"})").status, 200);
}

TEST(ListApiKeys, ShowsTheTenantsKeysNewestFirstAndAudits) {
  KeysDesk d;
  d.t.clock.advance_s(1);
  const KeysAnswer made = d.create(R"({"name":"second","role":"reader"})");
  d.issue("admin", "foreign", "t2");
  d.revoke(made.str("key_id"));
  const KeysAnswer listed = d.send("list_api_keys");
  EXPECT_EQ(d.names(listed), (Names{"second", "first"}));
  EXPECT_TRUE(listed.at("next_cursor").is_null());
  EXPECT_EQ(json::write(listed.at("items").at(0)),
            R"({"key_id":")" + made.str("key_id") + R"(","key_prefix":")" + made.str("key_prefix") +
                R"(","name":"second","role":"reader","created_at":"2026-02-17T10:00:01+00:00","last_used_at":null,)"
                R"("expires_at":null,"revoked_at":"2026-02-17T10:00:01+00:00","is_active":false})");
  EXPECT_EQ(d.t.audit.last().event_type, "selfserve.api_key.listed");
  EXPECT_EQ(d.t.audit.last().metadata, (boost::json::object{{"count", 2}}));
  EXPECT_EQ(d.t.audit.last().resource_type, std::nullopt);
}

TEST(ListApiKeys, PagesWithoutLossWhileKeysAreMade) {
  KeysDesk d({.most_active = 100});
  for (const char* name : {"b", "c", "d", "e"}) d.issue("reader", name);  // all in the same microsecond
  Names seen;
  std::string cursor;
  for (int page = 0; page < 10; ++page) {
    KeysRequest asked{.key_id = {}, .query = {{"limit", "2"}}, .body = {}};
    if (!cursor.empty()) asked.query.emplace_back("cursor", cursor);
    const KeysAnswer listed = d.send("list_api_keys", asked);
    for (std::string& name : d.names(listed)) seen.push_back(std::move(name));
    d.t.clock.advance_s(1);
    d.issue("reader", "late");
    if (listed.at("next_cursor").is_null()) break;
    cursor = listed.str("next_cursor");
  }
  std::sort(seen.begin(), seen.end());
  EXPECT_EQ(seen, (Names{"b", "c", "d", "e", "first"}));
}

TEST(ListApiKeys, RefusesACursorOfAnotherTenant) {
  KeysDesk d;
  const IssuedKey foreign = d.issue("admin", "foreign", "t2");
  for (const std::string& cursor : {foreign.key.id, std::string("nonsense"), std::string()})
    EXPECT_EQ(d.send("list_api_keys", {.key_id = {}, .query = {{"cursor", cursor}}, .body = {}}).code,
              "INVALID_CURSOR");
  EXPECT_EQ(d.send("list_api_keys", {.key_id = {}, .query = {{"limit", "0"}}, .body = {}}).status, 422);
}

TEST(ListAdminApiKeys, ShowsEachKeyWithItsIdleDays) {
  KeysDesk d;
  d.t.clock.advance_s(12 * 86'400 + 5);
  const KeysAnswer listed = d.send("list_admin_api_keys");
  EXPECT_EQ(listed.text(),
            R"({"tenant_id":"t1","inactive_days_threshold":90,"items":[{"key_id":")" + d.admin.key.id +
                R"(","key_prefix":")" + d.admin.key.key_prefix +
                R"(","name":"first","role":"admin","created_at":"2026-02-17T10:00:00+00:00","last_used_at":null,)"
                R"("expires_at":null,"revoked_at":null,"is_active":true,"is_expired":false,"inactive_days":12}],)"
                R"("next_cursor":null})");
  EXPECT_EQ(d.t.audit.size(), 0U);
}

TEST(ListAdminApiKeys, FiltersIdleAndExpiredKeys) {
  KeysDesk d;
  d.create(R"({"name":"short","role":"reader","expires_in_days":1})");
  d.t.clock.advance_s(10 * 86'400 - 1);
  d.issue("reader", "fresh");
  const auto idle = [&](const std::string& days) {
    return d.names(
        d.send("list_admin_api_keys",
               {.key_id = {}, .query = {{"inactive_days", days}, {"include_only_inactive", "true"}}, .body = {}}));
  };
  EXPECT_EQ(idle("10"), Names{"short"});
  d.t.clock.advance_s(1);
  Names both = idle("10");
  std::sort(both.begin(), both.end());
  EXPECT_EQ(both, (Names{"first", "short"}));
  for (const char* days : {"0", "3651", "x"})
    EXPECT_EQ(d.send("list_admin_api_keys", {.key_id = {}, .query = {{"inactive_days", days}}, .body = {}}).status,
              422);
}

TEST(ListAdminApiKeys, ReadsAnotherTenantOnlyForNamedOperators) {
  const KeysRequest foreign{.key_id = {}, .query = {{"tenant_id", "t2"}}, .body = {}};
  KeysDesk everybody;
  const KeysAnswer refused = everybody.send("list_admin_api_keys", foreign);
  EXPECT_EQ(refused.code, "AUTH_FORBIDDEN");
  EXPECT_EQ(refused.message, "Tenant scope does not match admin key");
  KeysDesk named({}, {"t1"});
  named.issue("admin", "theirs", "t2");
  const KeysAnswer listed = named.send("list_admin_api_keys", foreign);
  EXPECT_EQ(listed.str("tenant_id"), "t2");
  EXPECT_EQ(named.names(listed), Names{"theirs"});
}

TEST(InactiveReport, ListsIdleOrExpiredKeysThatAreNotRevoked) {
  KeysDesk d({.most_active = 10});
  d.create(R"({"name":"expiring","role":"reader","expires_in_days":1})");
  const std::string gone = d.create(R"({"name":"gone","role":"reader"})").str("key_id");
  d.revoke(gone);
  d.t.clock.advance_s(2 * 86'400);
  d.issue("reader", "fresh");
  const KeysAnswer report = d.send("inactive_api_key_report");
  EXPECT_EQ(report.at("inactive_days_threshold"), 90);
  EXPECT_EQ(d.names(report), Names{"expiring"});
  const std::string item = json::write(report.at("items").at(0));
  EXPECT_TRUE(item.ends_with(R"("name":"expiring","role":"reader","created_at":"2026-02-17T10:00:00+00:00",)"
                             R"("last_used_at":null,"expires_at":"2026-02-18T10:00:00+00:00","inactive_days":2,)"
                             R"("is_expired":true})"))
      << item;
  EXPECT_EQ(d.t.audit.last().event_type, "selfserve.api_key.inactive_reported");
  EXPECT_EQ(d.t.audit.last().metadata, (boost::json::object{{"inactive_days", 90}, {"count", 1}}));
  const KeysAnswer strict =
      d.send("inactive_api_key_report", {.key_id = {}, .query = {{"inactive_days", "2"}}, .body = {}});
  EXPECT_EQ(strict.at("items").as_array().size(), 2U);
  EXPECT_EQ(d.send("inactive_api_key_report", {.key_id = {}, .query = {{"inactive_days", "0"}}, .body = {}}).status,
            422);
}

TEST(RevokeApiKey, EndsTheKeyAtOnceAndKeepsTheFirstTime) {
  KeysDesk d;
  const IssuedKey key = d.issue("editor", "ci");
  ASSERT_TRUE(d.opens(key.plaintext));  // now in the cache of verified keys
  const KeysAnswer first = d.revoke(key.key.id);
  EXPECT_EQ(first.str("revoked_at"), "2026-02-17T10:00:00+00:00");
  EXPECT_EQ(first.at("is_active"), false);
  EXPECT_FALSE(d.opens(key.plaintext));
  d.t.audit.clear();
  d.t.clock.advance_s(60);
  EXPECT_EQ(d.revoke(key.key.id).str("revoked_at"), "2026-02-17T10:00:00+00:00");
  const audit::Event event = d.t.audit.last();
  EXPECT_EQ(event.event_type, "selfserve.api_key.revoked");
  EXPECT_EQ(event.resource_type, "api_key");
  EXPECT_EQ(event.resource_id, key.key.id);
  EXPECT_EQ(event.metadata, (boost::json::object{{"key_id", key.key.id}}));
}

TEST(RevokeApiKey, DoesNotKnowKeysOfOtherTenants) {
  KeysDesk d;
  const IssuedKey foreign = d.issue("reader", "theirs", "t2");
  for (const std::string& id : {foreign.key.id, std::string("0123456789abcdef0123456789abcdef")}) {
    const KeysAnswer answer = d.revoke(id);
    EXPECT_EQ(answer.status, 404);
    EXPECT_EQ(answer.code, "NOT_FOUND");
    EXPECT_EQ(answer.message, "API key not found");
  }
  EXPECT_TRUE(d.opens(foreign.plaintext));
}

}  // namespace
}  // namespace nexus::auth

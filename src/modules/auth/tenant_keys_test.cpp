#include "modules/auth/tenant_keys.h"

#include "modules/auth/keys_fixture.h"

#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <string>
#include <thread>
#include <vector>

namespace nexus::auth {
namespace {

constexpr const char* kLast = "This is the last active admin key of the tenant; create another one first";

TEST(PatchApiKey, SetsAndClearsTheExpiry) {
  KeysDesk d;
  const IssuedKey key = d.issue("reader", "ci");
  const KeysAnswer set = d.patch(key.key.id, R"({"expires_at":"2026-03-01T00:00:00Z"})");
  ASSERT_EQ(set.status, 200) << set.message;
  EXPECT_EQ(set.text(), R"({"key_id":")" + key.key.id + R"(","key_prefix":")" + key.key.key_prefix +
                            R"(","name":"ci","role":"reader","created_at":"2026-02-17T10:00:00+00:00",)"
                            R"("last_used_at":null,"expires_at":"2026-03-01T00:00:00+00:00","revoked_at":null,)"
                            R"("is_active":true,"is_expired":false,"inactive_days":0})");
  EXPECT_EQ(d.patch(key.key.id, R"({"name":"other"})").str("expires_at"), "2026-03-01T00:00:00+00:00");
  EXPECT_TRUE(d.patch(key.key.id, R"({"expires_at":null})").at("expires_at").is_null());
}

TEST(PatchApiKey, ReadsNullElsewhereAsAbsent) {
  KeysDesk d;
  const IssuedKey key = d.issue("reader", "ci");
  const KeysAnswer same = d.patch(key.key.id, R"({"name":null,"active":null,"revoke":null,"tenant_id":"t2"})");
  EXPECT_EQ(same.status, 200);
  EXPECT_EQ(same.str("name"), "ci");
  EXPECT_TRUE(same.at("revoked_at").is_null());
}

TEST(PatchApiKey, ChecksItsFields) {
  KeysDesk d;
  const IssuedKey key = d.issue("reader", "ci");
  for (const std::string body : {R"({"name":""})", R"({"expires_at":"tomorrow"})", R"({"active":"perhaps"})", R"([])"})
    EXPECT_EQ(d.patch(key.key.id, body).code, "REQUEST_VALIDATION_ERROR") << body;
  EXPECT_EQ(d.patch(key.key.id, R"({"name":")" + std::string(121, 'x') + "\"}").status, 422);
  const KeysAnswer both = d.patch("unknown", R"({"active":true,"revoke":true})");
  EXPECT_EQ(both.code, "VALIDATION_ERROR");
  EXPECT_EQ(both.message, "Cannot reactivate and revoke in the same request");
}

TEST(PatchApiKey, NamesTheLastEventThatApplies) {
  KeysDesk d;
  const IssuedKey key = d.issue("reader", "ci");
  const auto event_after = [&](const std::string& body) {
    d.t.clock.advance_s(1);
    EXPECT_EQ(d.patch(key.key.id, body).status, 200) << body;
    return d.t.audit.last().event_type;
  };
  EXPECT_EQ(event_after(R"({})"), "auth.api_key.updated");
  EXPECT_EQ(event_after(R"({"name":"x"})"), "auth.api_key.updated");
  EXPECT_EQ(event_after(R"({"active":false})"), "auth.api_key.deactivated");
  EXPECT_EQ(event_after(R"({"active":false})"), "auth.api_key.updated");  // already
  EXPECT_EQ(event_after(R"({"active":true})"), "auth.api_key.reactivated");
  EXPECT_EQ(event_after(R"({"active":false,"revoke":true})"), "auth.api_key.revoked");
  EXPECT_EQ(event_after(R"({"revoke":true})"), "auth.api_key.revoked");
  EXPECT_EQ(event_after(R"({"revoke":false})"), "auth.api_key.updated");
  const audit::Event event = d.t.audit.last();
  EXPECT_EQ(event.actor_id, "key-1");
  EXPECT_EQ(event.resource_type, "api_key");
  EXPECT_EQ(event.resource_id, key.key.id);
  EXPECT_EQ(event.metadata, (boost::json::object{{"target_api_key_id", key.key.id},
                                                 {"expires_at", nullptr},
                                                 {"revoked_at", "2026-02-17T10:00:07+00:00"},
                                                 {"last_used_at", "2026-02-17T10:00:05+00:00"},
                                                 {"name", "x"}}));
}

TEST(PatchApiKey, TakesEffectOnKeysThatTheGateRemembers) {
  KeysDesk d;
  const IssuedKey key = d.issue("reader", "ci");
  ASSERT_TRUE(d.opens(key.plaintext));
  d.patch(key.key.id, R"({"active":false})");
  EXPECT_FALSE(d.opens(key.plaintext));
  d.patch(key.key.id, R"({"active":true})");
  EXPECT_TRUE(d.opens(key.plaintext));
  d.patch(key.key.id, R"({"expires_at":"2026-02-17T09:59:59Z"})");
  EXPECT_FALSE(d.opens(key.plaintext));
  d.patch(key.key.id, R"({"expires_at":null})");
  EXPECT_TRUE(d.opens(key.plaintext));
}

TEST(PatchApiKey, AReactivatedKeyIsNotIdle) {
  KeysDesk d;
  const IssuedKey key = d.issue("reader", "ci");
  d.t.clock.advance_s(91 * 86'400);
  EXPECT_FALSE(d.opens(key.plaintext));
  d.patch(key.key.id, R"({"active":true})");
  EXPECT_TRUE(d.opens(key.plaintext));
}

TEST(PatchApiKey, DoesNotKnowKeysOfOtherTenants) {
  KeysDesk d;
  const IssuedKey foreign = d.issue("reader", "theirs", "t2");
  const KeysAnswer refused = d.patch(foreign.key.id, R"({"revoke":true})");
  const KeysAnswer unknown = d.patch("0123456789abcdef0123456789abcdef", R"({"revoke":true})");
  EXPECT_EQ(refused.status, 404);
  EXPECT_EQ(refused.code, unknown.code);
  EXPECT_EQ(refused.message, "API key not found");
  EXPECT_EQ(unknown.message, refused.message);
  EXPECT_TRUE(d.opens(foreign.plaintext));
}

TEST(PatchApiKey, LetsANamedOperatorEndAForeignKeyInThatTenantsLog) {
  KeysDesk d({}, {"t1"});
  d.issue("admin", "keeper", "t2");
  const IssuedKey foreign = d.issue("admin", "leaked", "t2");
  ASSERT_EQ(d.patch(foreign.key.id, R"({"revoke":true})").status, 200);
  EXPECT_FALSE(d.opens(foreign.plaintext));
  EXPECT_EQ(d.t.audit.events().at(d.t.audit.size() - 2).tenant_id, "t2");  // before the gate's refusal
  EXPECT_EQ(d.t.audit.events().at(d.t.audit.size() - 2).metadata.at("operator_tenant"), "t1");
  EXPECT_EQ(d.patch("unknown", R"({"revoke":true})").status, 404);
}

TEST(LastAdmin, CannotBeTakenAway) {
  KeysDesk d;
  d.issue("editor", "no admin");
  const std::string id = d.admin.key.id;
  for (const std::string body :
       {R"({"revoke":true})", R"({"active":false})", R"({"expires_at":"2026-02-17T10:00:00Z"})"}) {
    const KeysAnswer refused = d.patch(id, body);
    EXPECT_EQ(refused.code, "CONFLICT") << body;
    EXPECT_EQ(refused.message, kLast);
  }
  const KeysAnswer refused = d.revoke(id);
  EXPECT_EQ(refused.status, 409);
  EXPECT_EQ(refused.message, kLast);
  EXPECT_TRUE(d.opens(d.admin.plaintext));
  EXPECT_EQ(d.t.audit.count("auth.api_key.revoked") + d.t.audit.count("selfserve.api_key.revoked"), 0U);
  EXPECT_EQ(d.patch(id, R"({"name":"renamed","expires_at":"2026-02-18T10:00:00Z"})").status, 200);
}

TEST(LastAdmin, MayGoWhenAnotherOneRemains) {
  KeysDesk d;
  const IssuedKey second = d.issue("admin", "second");
  EXPECT_EQ(d.revoke(d.admin.key.id).status, 200);
  EXPECT_EQ(d.revoke(d.admin.key.id).status, 200);  // again: nothing is taken away
  EXPECT_EQ(d.patch(second.key.id, R"({"revoke":true})").status, 409);
}

TEST(LastAdmin, IsNotReplacedByAKeyThatTheGateRefuses) {
  KeysDesk idle({.most_active = 4, .idle_days = 90});
  idle.t.clock.advance_s(91 * 86'400);
  const IssuedKey fresh = idle.issue("admin", "fresh");  // the first one is idle by now
  EXPECT_EQ(idle.revoke(fresh.key.id).status, 409);
  EXPECT_EQ(idle.revoke(idle.admin.key.id).status, 200);

  KeysDesk expired;
  const IssuedKey other = expired.issue("admin", "other");
  ASSERT_EQ(expired.patch(other.key.id, R"({"expires_at":"2026-02-18T10:00:00Z"})").status, 200);
  expired.t.clock.advance_s(86'400);
  EXPECT_EQ(expired.revoke(expired.admin.key.id).status, 409);

  KeysDesk disabled;
  const IssuedKey theirs = disabled.issue("admin", "disabled user");
  disabled.t.database->run_script("UPDATE users SET is_active = FALSE WHERE id = '" + theirs.key.user_id + "'");
  EXPECT_EQ(disabled.revoke(disabled.admin.key.id).status, 409);
  disabled.issue("admin", "of another tenant", "t2");
  EXPECT_EQ(disabled.revoke(disabled.admin.key.id).status, 409);
}

TEST(LastAdmin, SurvivesTwoRevocationsAtOnce) {
  for (int round = 0; round < 20; ++round) {
    KeysDesk d;
    const IssuedKey second = d.issue("admin", "second");
    std::latch together(2);
    std::atomic<int> done{0};
    std::atomic<int> refused{0};
    std::vector<std::jthread> threads;
    for (const std::string& id : {d.admin.key.id, second.key.id})
      threads.emplace_back([&, id] {
        together.arrive_and_wait();
        const int status = round % 2 == 0 ? d.revoke(id).status : d.patch(id, R"({"active":false})").status;
        (status == 200 ? done : refused).fetch_add(1);
      });
    threads.clear();
    EXPECT_EQ(done, 1);
    EXPECT_EQ(refused, 1);
    EXPECT_EQ(d.usable_admins(), 1);
  }
}

TEST(KeyLimit, HoldsWhenManyCreateAtOnce) {
  KeysDesk d({.most_active = 5});
  constexpr int kCallers = 8;
  std::latch together(kCallers);
  std::atomic<int> made{0};
  std::atomic<int> refused{0};
  std::vector<std::jthread> threads;
  for (int i = 0; i < kCallers; ++i)
    threads.emplace_back([&] {
      together.arrive_and_wait();
      const int status = d.create(R"({"role":"reader"})").status;
      (status == 200 ? made : refused).fetch_add(1);
    });
  threads.clear();
  EXPECT_EQ(made, 4);  // one place was taken
  EXPECT_EQ(refused, 4);
}

TEST(KeyLimit, HoldsForReactivationToo) {
  KeysDesk d({.most_active = 2});
  const std::string old = d.create(R"({"role":"reader"})").str("key_id");
  ASSERT_EQ(d.revoke(old).status, 200);
  ASSERT_EQ(d.create(R"({"role":"reader"})").status, 200);
  const KeysAnswer refused = d.patch(old, R"({"active":true})");
  EXPECT_EQ(refused.code, "KEY_LIMIT_REACHED");
  EXPECT_EQ(refused.text(), R"({"max_active":2})");
  EXPECT_EQ(d.patch(old, R"({"active":true,"expires_at":"2026-02-17T10:00:00Z"})").status, 200);  // opens nothing
  EXPECT_EQ(d.patch(old, R"({"expires_at":null})").code, "KEY_LIMIT_REACHED");
}

TEST(TenantKeys, ChangesNothingWhenTheAuditRowCannotBeWritten) {
  class BrokenLog final : public audit::Log {
   public:
    void record(db::Tx&, const audit::Event&) override { throw std::runtime_error("audit"); }
    void record_soon(audit::Event) override {}
  };
  KeysDesk d;
  const IssuedKey key = d.issue("reader", "ci");
  BrokenLog broken;
  TenantKeys keys(*d.t.database, broken, d.t.clock, d.keys, {});
  EXPECT_THROW(keys.create(d.t.call, {.role = "reader"}), std::runtime_error);
  EXPECT_THROW(keys.revoke(d.t.call, key.key.id), std::runtime_error);
  EXPECT_THROW(keys.change(d.t.call, d.t.tenant(), key.key.id, {.revoke = true}), std::runtime_error);
  EXPECT_TRUE(d.opens(key.plaintext));
  EXPECT_EQ(keys.list(d.t.tenant(), {}).items.size(), 2U);
}

TEST(TenantKeys, ProvisionsATenantThroughTheKeysService) {
  KeysDesk d;
  int provisioned = 0;
  KeysService keys(*d.t.database, d.t.audit, d.t.clock, test_pepper(), nullptr,
                   [&](db::Tx&, const TenantScope&) { ++provisioned; });
  TenantKeys tenant_keys(*d.t.database, d.t.audit, d.t.clock, keys, {});
  tenant_keys.create(d.t.call, {.role = "reader"});
  EXPECT_GE(provisioned, 1);
}

}  // namespace
}  // namespace nexus::auth

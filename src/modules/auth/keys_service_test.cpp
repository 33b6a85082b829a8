#include "modules/auth/keys_service.h"

#include "base/errors.h"
#include "modules/auth/key_format.h"
#include "support/call_fixture.h"

#include <gtest/gtest.h>

#include <atomic>
#include <stdexcept>
#include <thread>
#include <vector>

namespace nexus::auth {
namespace {

using testing::TenantScopeFactory;
using testing::TestCall;

/// Refuses every event.
class BrokenLog final : public audit::Log {
 public:
  void record(db::Tx&, const audit::Event&) override { throw std::runtime_error("audit"); }
  void record_soon(audit::Event) override {}
};

struct Office {
  TestCall t;
  Pepper pepper{Secret("0123456789abcdef0123456789abcdef")};
  KeysService keys{*t.database, t.audit, t.clock, pepper};
  TenantScope tenant = TenantScopeFactory::make("t1");

  [[nodiscard]] std::optional<KeyRecord> stored(std::string_view id) {
    return t.database->read([&](db::Snapshot& db) { return KeysRepository().find_by_id(db, id); });
  }
  [[nodiscard]] std::int64_t version() {
    return t.database->read([&](db::Snapshot& db) { return AuthVersions().changes(db, 0).version; });
  }
};

template <class F>
std::pair<std::string, std::string> refusal(F&& f) {
  try {
    f();
  } catch (const ApiError& e) {
    return {std::string(e.kind().code), e.message()};
  }
  return {};
}

TEST(KeyFormat, CarriesTheIdAndFortyThreeCharacters) {
  const Secret key = make_key("0123456789abcdef0123456789abcdef");
  EXPECT_EQ(key.reveal().size(), 81U);
  EXPECT_EQ(embedded_id(key.reveal()), "0123456789abcdef0123456789abcdef");
  EXPECT_EQ(prefix_of(key), "nrgk_0123456");
  EXPECT_NE(make_key("0123456789abcdef0123456789abcdef").reveal(), key.reveal());
}

TEST(KeyFormat, IsExact) {
  const std::string good(make_key("0123456789abcdef0123456789abcdef").reveal());
  for (std::string bad : {good + "a", good.substr(1), "Nrgk_" + good.substr(5), std::string(good).replace(5, 1, "G"),
                          std::string(good).replace(37, 1, "-"), std::string(good).replace(50, 1, "+"), std::string()})
    EXPECT_EQ(embedded_id(bad), std::nullopt) << bad;
}

TEST(KeysService, CreatesAKeyWithItsUserAndAuditRow) {
  Office o;
  const IssuedKey made = o.keys.create(o.tenant, {.role = " Editor ", .name = "ci", .expires_in_days = 30});
  EXPECT_EQ(made.key.role, "editor");
  EXPECT_EQ(made.key.expires_at, o.t.clock.now() + 30 * Timestamp::kDay);
  const auto record = o.stored(made.key.id);
  ASSERT_TRUE(record);
  EXPECT_EQ(record->hash_version, 1);
  EXPECT_EQ(record->key_hash, o.pepper.hash(1, made.plaintext.reveal()));
  EXPECT_EQ(record->key.key_prefix, made.plaintext.reveal().substr(0, 12));
  EXPECT_EQ(record->user_tenant_id, "t1");
  const audit::Event event = o.t.audit.last();
  EXPECT_EQ(event.event_type, "auth.api_key.created");
  EXPECT_EQ(event.actor_type, "system");
  EXPECT_EQ(event.actor_id, "create_api_key");
  EXPECT_EQ(event.actor_role, "editor");
  EXPECT_EQ(event.resource_type, "api_key");
  EXPECT_EQ(event.resource_id, made.key.id);
  EXPECT_EQ(event.metadata, (boost::json::object{{"user_id", made.key.user_id},
                                                 {"key_prefix", made.key.key_prefix},
                                                 {"key_name", "ci"},
                                                 {"expires_in_days", 30}}));
}

TEST(KeysService, ReusesAndUpdatesAnExistingUserOfTheTenant) {
  Office o;
  o.keys.create(o.tenant, {.role = "reader", .name = "a", .user_id = "u1"});
  o.keys.create(o.tenant, {.role = "admin", .name = "b", .user_id = "u1", .email = "x@example.org"});
  for (const ListedKey& item : o.keys.list(o.tenant, 90, false)) EXPECT_EQ(item.key.role, "admin");
  EXPECT_EQ(refusal([&] { o.keys.create(TenantScopeFactory::make("t2"), {.role = "admin", .user_id = "u1"}); }).first,
            "CONFLICT");
}

TEST(KeysService, SeesWhetherSeveralTenantsShareTheServer) {
  Office o;
  EXPECT_FALSE(o.keys.has_several_tenants());
  o.keys.create(o.tenant, {.role = "admin"});
  o.keys.create(o.tenant, {.role = "reader"});
  EXPECT_FALSE(o.keys.has_several_tenants());
  o.keys.create(TenantScopeFactory::make("t2"), {.role = "admin"});
  EXPECT_TRUE(o.keys.has_several_tenants());
}

TEST(KeysService, RefusesAnUnknownRole) {
  Office o;
  EXPECT_EQ(refusal([&] { o.keys.create(o.tenant, {.role = "owner"}); }).second, "Unsupported role: owner");
  EXPECT_TRUE(o.keys.list(o.tenant, 90, false).empty());
}

TEST(KeysService, ProvisionsTheTenantInTheSameTransaction) {
  Office o;
  std::string provisioned;
  KeysService keys(*o.t.database, o.t.audit, o.t.clock, o.pepper, nullptr,
                   [&](db::Tx&, const TenantScope& tenant) { provisioned = tenant.id(); });
  keys.create(o.tenant, {.role = "admin"});
  EXPECT_EQ(provisioned, "t1");
}

TEST(KeysService, DoesNothingWhenTheAuditRowCannotBeWritten) {
  Office o;
  const IssuedKey made = o.keys.create(o.tenant, {.role = "admin"});
  BrokenLog broken;
  KeysService keys(*o.t.database, broken, o.t.clock, o.pepper);
  EXPECT_THROW(keys.create(o.tenant, {.role = "admin"}), std::runtime_error);
  EXPECT_THROW(keys.revoke(made.key.id), std::runtime_error);
  EXPECT_THROW(keys.rotate(made.key.id, std::nullopt, false), std::runtime_error);
  const auto listed = o.keys.list(o.tenant, 90, false);
  ASSERT_EQ(listed.size(), 1U);
  EXPECT_TRUE(listed[0].is_active);
}

TEST(KeysService, RevokesAgainWithANewTime) {
  Office o;
  const IssuedKey made = o.keys.create(o.tenant, {.role = "admin", .name = "x"});
  const std::int64_t before = o.version();
  o.keys.revoke(made.key.id);
  EXPECT_GT(o.version(), before);
  o.t.clock.advance_s(5);
  o.keys.revoke(made.key.id);
  EXPECT_EQ(o.stored(made.key.id)->key.revoked_at, o.t.clock.now());
  EXPECT_EQ(o.t.audit.count("auth.api_key.revoked"), 2U);
  EXPECT_EQ(o.t.audit.last().actor_id, "revoke_api_key");
  EXPECT_EQ(refusal([&] { o.keys.revoke("none"); }),
            (std::pair<std::string, std::string>("NOT_FOUND", "API key not found")));
}

TEST(KeysService, RotatesIntoAKeyOfTheSameUserAndExpiry) {
  Office o;
  const IssuedKey old = o.keys.create(o.tenant, {.role = "editor", .name = "ci", .expires_in_days = 3});
  const RotatedKey kept = o.keys.rotate(old.key.id, std::nullopt, true);
  EXPECT_FALSE(kept.old_key_revoked);
  EXPECT_EQ(kept.issued.key.user_id, old.key.user_id);
  EXPECT_EQ(kept.issued.key.expires_at, old.key.expires_at);
  EXPECT_EQ(kept.issued.key.name, "ci");
  EXPECT_EQ(o.stored(old.key.id)->key.revoked_at, std::nullopt);
  const RotatedKey renamed = o.keys.rotate(old.key.id, "ci-2", false);
  EXPECT_EQ(renamed.issued.key.name, "ci-2");
  EXPECT_TRUE(o.stored(old.key.id)->key.revoked_at);
  EXPECT_EQ(o.t.audit.last().metadata.at("rotated_from").as_string(), old.key.id);
  EXPECT_EQ(o.t.audit.last().metadata.at("old_key_revoked"), true);
  EXPECT_EQ(o.t.audit.last().resource_id, renamed.issued.key.id);
  EXPECT_EQ(refusal([&] { o.keys.rotate(old.key.id, std::nullopt, false); }).first, "CONFLICT");
  EXPECT_EQ(refusal([&] { o.keys.rotate("none", std::nullopt, false); }).second, "API key not found");
}

TEST(KeysService, ListsNewestFirstWithIdleDays) {
  Office o;
  const IssuedKey expiring = o.keys.create(o.tenant, {.role = "admin", .name = "old", .expires_in_days = 1});
  o.t.clock.advance_s(10 * 86'400);
  const IssuedKey fresh = o.keys.create(o.tenant, {.role = "admin", .name = "new"});
  o.keys.create(TenantScopeFactory::make("t2"), {.role = "admin"});
  const auto listed = o.keys.list(o.tenant, 90, false);
  ASSERT_EQ(listed.size(), 2U);
  EXPECT_EQ(listed[0].key.id, fresh.key.id);
  EXPECT_TRUE(listed[0].is_active);
  EXPECT_EQ(listed[0].inactive_days, 0);
  EXPECT_FALSE(listed[1].is_active);
  EXPECT_TRUE(listed[1].is_expired);
  EXPECT_EQ(listed[1].inactive_days, 10);
  const auto idle = o.keys.list(o.tenant, 90, true);
  ASSERT_EQ(idle.size(), 1U);
  EXPECT_EQ(idle[0].key.id, expiring.key.id);
  EXPECT_EQ(o.keys.list(o.tenant, 10, true).size(), 1U);
}

TEST(KeysService, OfRotationsAtOnceOneMakesTheNewKey) {
  Office o;
  const IssuedKey old = o.keys.create(o.tenant, {.role = "admin"});
  std::atomic<int> made{0};
  std::atomic<int> refused{0};
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i)
      threads.emplace_back([&] {
        const auto [code, message] = refusal([&] {
          (void)o.keys.rotate(old.key.id, std::nullopt, false);
          ++made;
        });
        if (code == "CONFLICT") ++refused;
      });
  }
  EXPECT_EQ(made.load(), 1);
  EXPECT_EQ(refused.load(), 3);
}

}  // namespace
}  // namespace nexus::auth

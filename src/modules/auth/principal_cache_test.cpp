#include "modules/auth/principal_cache.h"

#include "modules/auth/gate_fixture.h"
#include "support/sql_text.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace nexus::auth {
namespace {

using Fixture = GateFixture;
using testing::TenantScopeFactory;

// ---- cache ----

TEST(PrincipalCache, AnswersTheSecondCallWithoutTheDatabase) {
  Fixture f;
  f.use(f.token);
  f.use(f.token);
  EXPECT_EQ(f.lookups("hit"), 1U);
  EXPECT_EQ(f.lookups("miss"), 1U);
  EXPECT_EQ(metadata_of(f.t.audit.last()),
            (boost::json::object{{"path", "/v1/corpora"}, {"method", "GET"}, {"auth_cache", true}}));
}

TEST(PrincipalCache, ForgetsAfterItsTimeHoweverBusy) {
  Fixture f;
  for (int i = 0; i < 16; ++i) {
    f.use(f.token);
    f.t.clock.advance_s(1);
  }
  EXPECT_EQ(f.lookups("miss"), 2U);
}

TEST(PrincipalCache, IsOffWithoutATimeToLive) {
  AuthOptions options = options_with();
  options.cache_ttl_s = 0;
  Fixture f(options);
  f.use(f.token);
  f.use(f.token);
  EXPECT_EQ(f.lookups("miss"), 2U);
}

TEST(PrincipalCache, ARevocationIsEffectiveAtOnce) {
  Fixture f;
  f.use(f.token);
  f.keys.revoke(f.key.key.id);
  f.expect_refused("Bearer " + f.token, errors::kAuthRevokedKey, "API key is revoked");
}

TEST(PrincipalCache, RemembersAGoodKeyBeyondItsTimeButNotARevokedOne) {
  Fixture f;
  http::Request request = testing::make_request();
  request.headers.emplace_back("Authorization", "Bearer " + f.token);
  const http::Endpoint row;
  const http::Call call(request, row);
  EXPECT_FALSE(f.gate->remembers(call));
  f.use(f.token);
  f.t.clock.advance_s(600);
  EXPECT_TRUE(f.gate->remembers(call));
  f.keys.revoke(f.key.key.id);
  EXPECT_FALSE(f.gate->remembers(call));
}

TEST(PrincipalCache, AnExpiryIsSeenOnEveryHit) {
  Fixture f;
  f.sql("UPDATE api_keys SET expires_at = " + testing::sql_time(f.t.clock.now() + 5 * Timestamp::kSecond));
  f.use(f.token);
  f.t.clock.advance_s(5);
  f.expect_refused("Bearer " + f.token, errors::kAuthExpiredKey, "API key expired");
}

TEST(PrincipalCache, ForgetsWhatAnotherProcessChangedWhenRefreshed) {
  Fixture f;
  KeysService elsewhere(*f.t.database, f.t.audit, f.t.clock, test_pepper());  // knows no authenticator
  f.use(f.token);
  elsewhere.revoke(f.key.key.id);
  EXPECT_NO_THROW(f.use(f.token));
  f.gate->refresh();
  EXPECT_THROW(f.use(f.token), ApiError);
}

TEST(PrincipalCache, ForgetsOnlyTheTenantThatChanged) {
  Fixture f;
  const IssuedKey other = f.keys.create(TenantScopeFactory::make("t2"), {.role = "reader"});
  f.use(other.plaintext.reveal());
  f.use(f.token);
  f.keys.create(TenantScopeFactory::make("t2"), {.role = "reader"});
  f.use(f.token);
  EXPECT_EQ(f.lookups("hit"), 1U);
  f.use(other.plaintext.reveal());
  EXPECT_EQ(f.lookups("miss"), 3U);
}

TEST(PrincipalCache, DoesNotKeepWhatWasReadBeforeAnInvalidation) {
  PrincipalCache cache(16, Timestamp::kSecond);
  const auto generation = cache.generation();
  auto key = std::make_shared<VerifiedKey>();
  key->tenant_id = "t1";
  cache.invalidate("t1");
  cache.insert({}, key, 0, generation);
  EXPECT_EQ(cache.find({}, 0), nullptr);
  cache.insert({}, key, 0, cache.generation());
  EXPECT_NE(cache.find({}, 0), nullptr);
}

TEST(PrincipalCache, StaysWithinItsCapacity) {
  PrincipalCache cache(64, Timestamp::kSecond);
  for (int i = 0; i < 1000; ++i) {
    Pepper::Digest digest{};
    digest[0] = std::byte(i & 0xFF);
    digest[1] = std::byte(i >> 8);
    digest[31] = std::byte(i & 0xFF);
    cache.insert(digest, std::make_shared<VerifiedKey>(), 0, 0);
  }
  std::size_t entries = 0;
  cache.for_each([&](const auto&) { ++entries; });
  EXPECT_LE(entries, 64U);
  EXPECT_GT(entries, 0U);
}

TEST(PrincipalCache, NeverServesARevokedKeyUnderConcurrency) {
  Fixture f;
  f.use(f.token);
  std::atomic<bool> revoked{false};
  std::atomic<int> served_after{0};
  std::vector<std::thread> threads;
  http::Request request = testing::make_request();
  request.headers = {{"Authorization", "Bearer " + f.token}};
  const http::Endpoint endpoint;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&] {
      for (int n = 0; n < 300; ++n) {
        const bool was_revoked = revoked.load();
        http::Call call(request, endpoint);
        call.now = f.t.clock.now();
        try {
          f.gate->authenticate(call);
          if (was_revoked) ++served_after;
        } catch (const ApiError&) {
          EXPECT_FALSE(call.is_authenticated());
        }
      }
    });
  }
  f.keys.revoke(f.key.key.id);
  revoked = true;
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(served_after.load(), 0);
}

// ---- last use ----

TEST(LastUse, IsWrittenOnceAMinute) {
  Fixture f;
  const Timestamp start = f.t.clock.now();
  f.use(f.token);
  f.gate->flush();  // the write in the background takes the newest use there is
  f.t.clock.advance_s(30);
  f.use(f.token);
  f.t.database->write([](db::Tx&) {});  // whatever was queued has been written
  EXPECT_EQ(f.number("last_used_at"), start.us);
  f.t.clock.advance_s(30);
  f.use(f.token);
  f.gate->flush();
  EXPECT_EQ(f.number("last_used_at"), (start + 60 * Timestamp::kSecond).us);
}

TEST(LastUse, IsWrittenAtTheEnd) {
  Fixture f;
  const Timestamp start = f.t.clock.now();
  f.use(f.token);
  f.t.clock.advance_s(7);
  f.use(f.token);
  f.gate.reset();
  EXPECT_EQ(f.number("last_used_at"), (start + 7 * Timestamp::kSecond).us);
}

}  // namespace
}  // namespace nexus::auth

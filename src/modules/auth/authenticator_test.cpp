#include "modules/auth/authenticator.h"

#include "modules/auth/gate_fixture.h"
#include "support/sql_text.h"

#include <gtest/gtest.h>

namespace nexus::auth {
namespace {

using Fixture = GateFixture;
using testing::TestCall;

TEST(Authenticator, PreparesEveryStatement) {
  const TestCall t;
  EXPECT_EQ(t.database->check_statements(auth_statements()), std::vector<std::string>{});
}

TEST(Authenticator, AdmitsAKeyAndAuditsItsUser) {
  Fixture f;
  const http::Call call = f.use(f.token);
  EXPECT_EQ(call.principal().subject_id, f.key.key.user_id);
  EXPECT_EQ(call.principal().tenant_id, "t1");
  EXPECT_EQ(call.principal().role, Role::kEditor);
  EXPECT_EQ(call.principal().credential_id, f.key.key.id);
  EXPECT_EQ(call.principal().method, AuthMethod::kApiKey);
  EXPECT_EQ(call.tenant().id(), "t1");
  const audit::Event event = f.t.audit.last();
  EXPECT_EQ(event.event_type, "auth.access.success");
  EXPECT_EQ(event.tenant_id, "t1");
  EXPECT_EQ(event.actor_type, "api_key");
  EXPECT_EQ(event.actor_id, f.key.key.id);
  EXPECT_EQ(event.actor_role, "editor");
  EXPECT_EQ(event.resource_type, "auth");
  EXPECT_EQ(event.request_id, "req-1");
  EXPECT_EQ(event.ip_address, "203.0.113.7");
  EXPECT_EQ(event.user_agent, "test/1");
  EXPECT_EQ(metadata_of(event),
            (boost::json::object{{"path", "/v1/corpora"}, {"method", "GET"}, {"user_id", f.key.key.user_id}}));
}

TEST(Authenticator, AcceptsAnyCaseOfTheSchemeAndAnyBlanks) {
  Fixture f;
  EXPECT_NO_THROW(f.present("bEARER \t " + f.token + "  "));
}

TEST(Authenticator, RefusesAHeaderThatIsNoBearerToken) {
  Fixture f;
  for (const std::string header : {"Basic abc", "Bearer ", "Bearer", f.token.c_str(), "Bearer a b", " "}) {
    f.expect_refused(header, errors::kAuthUnauthorized, "Missing or invalid bearer token");
    const audit::Event event = f.t.audit.last();
    EXPECT_EQ(event.event_type, "auth.access.failure");
    EXPECT_FALSE(event.success);
    EXPECT_EQ(event.actor_type, "anonymous");
    EXPECT_EQ(event.tenant_id, std::nullopt);
    EXPECT_EQ(event.error_code, "AUTH_UNAUTHORIZED");
  }
}

TEST(Authenticator, RefusesAMissingKey) {
  Fixture f;
  f.expect_refused("", errors::kAuthUnauthorized, "Missing API key");
  EXPECT_EQ(f.t.audit.size(), 1U);
}

TEST(Authenticator, RefusesEverybodyWhenDisabledWithoutBypass) {
  AuthOptions options = options_with();
  options.enabled = false;
  Fixture f(options);
  f.expect_refused("Bearer " + f.token, errors::kAuthUnauthorized,
                   "Authentication disabled; set AUTH_DEV_BYPASS=true for dev access");
  f.expect_refused("Basic x", errors::kAuthUnauthorized, "Missing or invalid bearer token");
}

TEST(Authenticator, ReadsTheConfiguredHeader) {
  AuthOptions options = options_with();
  options.header = "X-Api-Key";
  Fixture f(options);
  f.expect_refused("Bearer " + f.token, errors::kAuthUnauthorized, "Missing API key");
  f.t.request.headers = {{"x-api-key", "Bearer " + f.token}};
  http::Call call = f.t.anonymous_call();
  EXPECT_NO_THROW(f.gate->authenticate(call));
}

TEST(Authenticator, RefusesSessionTokensUntilThereAreSessions) {
  Fixture f;
  f.expect_refused("Bearer nrgss_0123_abc", errors::kAuthUnauthorized, "Invalid session token");
  EXPECT_EQ(f.t.audit.last().actor_type, "sso_session");
  EXPECT_EQ(f.t.audit.last().metadata.at("auth_mode"), "sso_session");
}

TEST(Authenticator, RefusesUnknownCredentialsAnonymously) {
  Fixture f;
  for (const std::string token :
       {"nope", "nrgk_00000000000000000000000000000000_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}) {
    f.expect_refused("Bearer " + token, errors::kAuthUnauthorized, "Invalid API key");
    EXPECT_EQ(f.t.audit.last().actor_type, "anonymous");
    EXPECT_EQ(f.t.audit.last().tenant_id, std::nullopt);
  }
}

TEST(Authenticator, TellsTheTenantThatSomebodyGuessesAtItsKey) {
  Fixture f;
  std::string guess = f.token;
  guess.back() = guess.back() == 'A' ? 'B' : 'A';
  f.expect_refused("Bearer " + guess, errors::kAuthUnauthorized, "Invalid API key");
  EXPECT_EQ(f.t.audit.last().actor_type, "anonymous");
  EXPECT_EQ(f.t.audit.last().tenant_id, "t1");
  EXPECT_EQ(f.t.audit.last().metadata.at("claimed_key_id").as_string(), f.key.key.id);
}

TEST(Authenticator, RefusesARevokedKeyFirst) {
  Fixture f;
  f.sql("UPDATE api_keys SET revoked_at = created_at, expires_at = created_at; UPDATE users SET is_active = FALSE");
  f.expect_refused("Bearer " + f.token, errors::kAuthRevokedKey, "API key is revoked");
  const audit::Event event = f.t.audit.last();
  EXPECT_EQ(event.event_type, "auth.access.failure");
  EXPECT_EQ(event.tenant_id, "t1");
  EXPECT_EQ(event.actor_type, "api_key");
  EXPECT_EQ(event.actor_id, f.key.key.id);
  EXPECT_EQ(event.actor_role, "editor");
  EXPECT_EQ(event.error_code, "AUTH_REVOKED_KEY");
  EXPECT_EQ(event.metadata.at("user_id").as_string(), f.key.key.user_id);
}

TEST(Authenticator, RefusesAnInactiveUserBeforeExpiry) {
  Fixture f;
  f.sql("UPDATE api_keys SET expires_at = created_at; UPDATE users SET is_active = FALSE");
  f.expect_refused("Bearer " + f.token, errors::kAuthUnauthorized, "API key user is inactive");
}

TEST(Authenticator, RefusesAnExpiredKeyWithItsOwnEvent) {
  Fixture f;
  f.sql("UPDATE api_keys SET expires_at = " + testing::sql_time(f.t.clock.now()) +
        ", created_at = " + testing::sql_time({1}));
  f.expect_refused("Bearer " + f.token, errors::kAuthExpiredKey, "API key expired");
  EXPECT_EQ(f.t.audit.last().event_type, "auth.api_key.expired");
  EXPECT_FALSE(f.t.audit.last().success);
}

TEST(Authenticator, RefusesAKeyThatSleptTooLong) {
  Fixture f;
  f.t.clock.advance_s(90 * 86'400);
  f.expect_refused("Bearer " + f.token, errors::kAuthInactiveKey, "API key inactive");
  EXPECT_EQ(f.t.audit.last().metadata.at("inactive_days_threshold"), 90);
}

TEST(Authenticator, CountsInactivityFromTheLastUse) {
  Fixture f;
  f.sql("UPDATE api_keys SET created_at = " + testing::sql_time({1}) +
        ", last_used_at = " + testing::sql_time(f.t.clock.now() - 89 * Timestamp::kDay));
  EXPECT_NO_THROW(f.use(f.token));
}

TEST(Authenticator, LetsInactiveKeysInWhenTheRuleIsOff) {
  for (const bool enforced : {true, false}) {
    AuthOptions options = options_with();
    options.inactive_enforced = enforced;
    options.inactive_days = enforced ? 0 : 90;
    Fixture f(options);
    f.t.clock.advance_s(400LL * 86'400);
    EXPECT_NO_THROW(f.use(f.token));
  }
}

TEST(Authenticator, RefusesAKeyOfAnotherTenantThanItsUser) {
  Fixture f;
  f.sql("UPDATE users SET tenant_id = 't2'");
  f.expect_refused("Bearer " + f.token, errors::kAuthForbidden, "Tenant mismatch for API key");
}

TEST(Authenticator, RefusesARoleOutsideTheVocabulary) {
  Fixture f;
  f.sql(testing::on_postgres() ? "ALTER TABLE users DROP CONSTRAINT ck_users_role; UPDATE users SET role = 'owner'"
                               : "PRAGMA ignore_check_constraints=ON; UPDATE users SET role = 'owner'; "
                                 "PRAGMA ignore_check_constraints=OFF");
  f.expect_refused("Bearer " + f.token, errors::kAuthForbidden, "Unsupported role: owner");
}

TEST(Authenticator, AnswersUnavailableWhenTheDatabaseFails) {
  Fixture f;
  f.sql("ALTER TABLE api_keys RENAME TO elsewhere");
  f.t.request.headers = {{"Authorization", "Bearer " + f.token}};
  http::Call call = f.t.anonymous_call();
  try {
    f.gate->authenticate(call);
    FAIL();
  } catch (const ApiError& e) {
    EXPECT_EQ(e.kind(), errors::kAuthUnavailable);
    EXPECT_EQ(e.message(), "Authentication unavailable");
  }
  EXPECT_EQ(f.t.audit.last().actor_type, "system");
  EXPECT_EQ(f.t.audit.last().error_code, "AUTH_UNAVAILABLE");
}

// ---- adopted hashes ----

TEST(Authenticator, AcceptsABareHashAndUpgradesItOnFirstUse) {
  Fixture f;
  f.sql("UPDATE api_keys SET hash_version = 0, key_hash = '" + crypto::sha256_hex(f.token) + "'");
  EXPECT_NO_THROW(f.use(f.token));
  f.gate->flush();
  EXPECT_EQ(f.number("hash_version"), 1);
  f.t.clock.advance_s(60);
  EXPECT_NO_THROW(f.use(f.token));
}

TEST(Authenticator, AcceptsAForeignStringByItsHash) {
  Fixture f;
  f.sql("UPDATE api_keys SET hash_version = 0, key_hash = '" + crypto::sha256_hex("any string at all") + "'");
  EXPECT_THROW(f.use("any"), ApiError);
  f.sql("UPDATE api_keys SET key_hash = '" + crypto::sha256_hex("legacy-key") + "'");
  EXPECT_NO_THROW(f.use("legacy-key"));
  f.gate->flush();
  f.gate->refresh();
  f.t.clock.advance_s(60);
  EXPECT_NO_THROW(f.use("legacy-key"));  // now by its HMAC
}

TEST(Authenticator, AcceptsAnOlderPepperAndNoUnknownOne) {
  AuthOptions options = options_with(
      Pepper(Secret("new-pepper-new-pepper"), 2).with_older(1, Secret("0123456789abcdef0123456789abcdef")));
  Fixture f(options);
  EXPECT_NO_THROW(f.use(f.token));
  f.gate->flush();
  EXPECT_EQ(f.number("hash_version"), 2);
  Authenticator old(*f.t.database, f.t.audit, f.t.clock, options_with(), f.t.metrics);
  http::Call call = f.t.anonymous_call();
  EXPECT_THROW(old.authenticate(call), ApiError);
}

TEST(Pepper, RefusesWeakSecrets) {
  EXPECT_THROW(Pepper(Secret("short")), std::invalid_argument);
  EXPECT_THROW(Pepper(Secret("0123456789abcdef"), 0), std::invalid_argument);
  EXPECT_EQ(test_pepper().hash(7, "x"), std::nullopt);
}

// ---- development bypass ----

struct Bypass : Fixture {
  explicit Bypass(bool allowed = true, bool enabled = true) : Fixture(bypass_options(allowed, enabled)) {}
  static AuthOptions bypass_options(bool allowed, bool enabled) {
    AuthOptions options = options_with();
    options.enabled = enabled;
    options.dev_bypass = true;
    options.dev_bypass_allowed = allowed;
    return options;
  }
  http::Call enter(http::Pairs headers) {
    t.request.headers = std::move(headers);
    http::Call call = t.anonymous_call();
    gate->authenticate(call);
    return call;
  }
};

TEST(DevBypass, AdmitsATenantByHeader) {
  Bypass f;
  const http::Call call = f.enter({{"X-Tenant-Id", "dev"}});
  EXPECT_EQ(call.principal().subject_id, "dev-dev");
  EXPECT_EQ(call.principal().role, Role::kAdmin);
  EXPECT_EQ(call.principal().credential_id, "dev-bypass");
  EXPECT_EQ(call.principal().method, AuthMethod::kDevBypass);
  EXPECT_EQ(f.t.audit.last().actor_type, "system");
  EXPECT_EQ(f.t.audit.last().actor_id, "dev-dev");
  EXPECT_EQ(f.t.audit.last().metadata.at("auth_mode"), "dev_bypass");
  EXPECT_EQ(f.enter({{"X-Tenant-Id", "dev"}, {"X-Role", " Reader "}}).principal().role, Role::kReader);
}

TEST(DevBypass, AsksForATenantAndAKnownRole) {
  Bypass f;
  try {
    f.enter({});
    FAIL();
  } catch (const ApiError& e) {
    EXPECT_EQ(e.message(), "X-Tenant-Id header is required in dev bypass mode");
    EXPECT_EQ(e.kind(), errors::kAuthUnauthorized);
    EXPECT_EQ(e.headers().at(0).first, "WWW-Authenticate");
  }
  try {
    f.enter({{"X-Tenant-Id", "dev"}, {"X-Role", "Owner"}});
    FAIL();
  } catch (const ApiError& e) {
    EXPECT_EQ(e.message(), "Unsupported role: owner");
    EXPECT_EQ(e.kind(), errors::kAuthInvalidRole);
  }
  EXPECT_EQ(f.t.audit.size(), 0U);
}

TEST(DevBypass, LooksAtATokenOnlyWhenAuthenticationIsOn) {
  Bypass on;
  EXPECT_THROW(on.enter({{"X-Tenant-Id", "dev"}, {"Authorization", "Bearer wrong"}}), ApiError);
  Bypass off(true, false);
  EXPECT_NO_THROW(off.enter({{"X-Tenant-Id", "dev"}, {"Authorization", "Bearer wrong"}}));
  EXPECT_THROW(off.enter({{"X-Tenant-Id", "dev"}, {"Authorization", "Basic wrong"}}), ApiError);
}

TEST(DevBypass, IsIgnoredWhereTheApplicationForbidsIt) {
  Bypass f(false);
  EXPECT_THROW(f.enter({{"X-Tenant-Id", "dev"}}), ApiError);
}

// ---- roles ----

TEST(RequireRole, RefusesALowerRoleAndAuditsIt) {
  Fixture f;
  const http::Call reader = f.t.call_as(Role::kReader, "t1");
  EXPECT_NO_THROW(f.gate->require_role(reader, Role::kReader));
  EXPECT_EQ(f.t.audit.size(), 0U);
  try {
    f.gate->require_role(reader, Role::kAdmin);
    FAIL();
  } catch (const ApiError& e) {
    EXPECT_EQ(e.kind(), errors::kAuthForbidden);
    EXPECT_EQ(e.message(), "Insufficient role for this operation");
  }
  const audit::Event event = f.t.audit.last();
  EXPECT_EQ(event.event_type, "rbac.forbidden");
  EXPECT_EQ(event.actor_id, "key-2");
  EXPECT_EQ(event.actor_role, "reader");
  EXPECT_EQ(event.resource_type, "rbac");
  EXPECT_EQ(event.error_code, "AUTH_FORBIDDEN");
  EXPECT_EQ(metadata_of(event),
            (boost::json::object{{"path", "/v1/corpora"}, {"method", "GET"}, {"required_role", "admin"}}));
}

}  // namespace
}  // namespace nexus::auth

// Who is let in, over the wire: credentials, roles, revocation, dev bypass.
#include "http/contract_kit.h"
#include "support/call_fixture.h"

#include <gmock/gmock.h>

namespace nexus::testing {
namespace {

using ::testing::HasSubstr;

class AuthHttp : public ::testing::Test {
 protected:
  auth::IssuedKey issue(auth::NewKey request, std::string_view tenant = "t1") {
    return app_.core().keys->create(TenantScopeFactory::make(std::string(tenant)), request);
  }
  /// Status of a read with this Authorization header.
  Response read_with(const std::string& authorization) {
    return app_.anonymous().get("/v1/corpora", {{"Authorization", authorization}});
  }
  void expect_refused(const Response& answer, std::string_view code, std::string_view message) {
    EXPECT_EQ(answer.status, 401) << message;
    EXPECT_EQ(code_of(answer), code) << message;
    EXPECT_EQ(message_of(answer), message);
    ASSERT_NE(answer.header("WWW-Authenticate"), nullptr);
    EXPECT_EQ(*answer.header("WWW-Authenticate"), "Bearer");
  }

  TestApp app_;
};

TEST_F(AuthHttp, RefusesWhatIsNoCredential) {
  expect_refused(app_.anonymous().get("/v1/corpora"), "AUTH_UNAUTHORIZED", "Missing API key");
  for (const char* header : {"Basic abc", "Bearer", "Bearer ", "Bearer a b", "nrgk_x"})
    expect_refused(read_with(header), "AUTH_UNAUTHORIZED", "Missing or invalid bearer token");
  const std::string unknown = "nrgk_" + std::string(32, '0') + "_" + std::string(43, 'a');
  for (const std::string& token : {std::string("nope"), unknown, std::string("nrgk_"), std::string(5000, 'x')})
    expect_refused(read_with("Bearer " + token), "AUTH_UNAUTHORIZED", "Invalid API key");
  expect_refused(read_with("Bearer nrgss_x"), "AUTH_UNAUTHORIZED", "Invalid session token");
}

TEST_F(AuthHttp, TakesTheSchemeInAnyCaseAndWithMoreBlanks) {
  const std::string key = app_.make_key("reader");
  for (const char* scheme : {"Bearer ", "bearer ", "BEARER  ", " Bearer\t"})
    EXPECT_EQ(read_with(scheme + key).status, 200) << scheme;
}

TEST_F(AuthHttp, KnowsAKeyOnlyByAllOfItsCharacters) {
  const std::string key = app_.make_key("reader");
  EXPECT_EQ(read_with("Bearer " + key.substr(0, key.size() - 1)).status, 401);
  EXPECT_EQ(read_with("Bearer " + key + "x").status, 401);
  std::string other = key;
  other.back() = other.back() == 'A' ? 'B' : 'A';
  EXPECT_EQ(read_with("Bearer " + other).status, 401);
  EXPECT_EQ(read_with("Bearer " + key).status, 200);
}

TEST_F(AuthHttp, StopsARevokedKeyAtOnce) {
  const auth::IssuedKey key = issue({.role = "admin", .name = "k"});
  TestClient client = app_.client(key.plaintext.reveal());
  EXPECT_EQ(client.get("/v1/corpora").status, 200);
  EXPECT_EQ(client.get("/v1/corpora").status, 200) << "from the cache now";
  app_.core().keys->revoke(key.key.id);
  expect_refused(client.get("/v1/corpora"), "AUTH_REVOKED_KEY", "API key is revoked");
}

TEST_F(AuthHttp, StopsTheOldKeyOfARotation) {
  const auth::IssuedKey old = issue({.role = "editor", .name = "k"});
  const auth::RotatedKey rotated = app_.core().keys->rotate(old.key.id, std::nullopt, false);
  EXPECT_EQ(app_.client(old.plaintext.reveal()).get("/v1/corpora").status, 401);
  EXPECT_EQ(app_.client(rotated.issued.plaintext.reveal()).get("/v1/corpora").status, 200);
}

TEST_F(AuthHttp, TakesTheTenantFromTheKeyOnly) {
  app_.make_corpus("ours");
  TestClient foreign = app_.client(app_.make_key("admin", "t2"));
  for (const Pairs& headers : {Pairs{{"X-Tenant-Id", "t1"}}, Pairs{{"X-Role", "admin"}}, Pairs{}})
    EXPECT_TRUE(data_of(foreign.get("/v1/corpora", headers)).as_array().empty());
  const Response named = foreign.post("/v1/documents/text", R"({"tenant_id":"t1","corpus_id":"ours","text":"x"})");
  EXPECT_EQ(named.status, 400);
  EXPECT_EQ(code_of(named), "TENANT_ID_NOT_ALLOWED");
}

TEST_F(AuthHttp, RefusesATenantInTheBodyHoweverItIsSpelt) {
  TestClient client = app_.client();
  for (const char* body : {R"({"tenant_id":"t1"})", R"({"tenant\u005fid":"t1"})", R"( {"a":1,"tenant_id":null})"}) {
    const Response answer = client.post("/v1/run", body, {{"Content-Type", "Application/JSON; charset=utf-8"}});
    EXPECT_EQ(answer.status, 400) << body << answer.body;
    EXPECT_EQ(code_of(answer), "TENANT_ID_NOT_ALLOWED");
    EXPECT_EQ(message_of(answer), "tenant_id must be derived from the API key");
  }
  const Response inside =
      client.post("/v1/documents/text", R"({"corpus_id":"c","text":"tenant_id","metadata_json":{"tenant_id":"x"}})");
  EXPECT_EQ(inside.status, 404) << "only the top level counts" << inside.body;
}

TEST_F(AuthHttp, AuthenticatesBeforeItLooksAtABody) {
  const Response answer = app_.anonymous().post("/v1/run", R"({"tenant_id":"t1"})");
  EXPECT_EQ(answer.status, 401);
  EXPECT_EQ(app_.anonymous().post("/v1/run", "{").status, 401);
  TestClient reader = app_.client(app_.make_key("reader"));
  EXPECT_EQ(reader.post("/v1/documents/text", "{").status, 403) << "the role comes before the body";
}

TEST_F(AuthHttp, ShowsLegacyRefusalsInTheirForm) {
  const Response answer = app_.anonymous().get("/corpora");
  EXPECT_EQ(answer.status, 401);
  EXPECT_EQ(answer.body, R"({"detail":{"code":"AUTH_UNAUTHORIZED","message":"Missing API key"}})");
  EXPECT_EQ(*answer.header("WWW-Authenticate"), "Bearer");
  EXPECT_EQ(*answer.header("Deprecation"), "true");
}

TEST_F(AuthHttp, ReadsTheCredentialFromTheConfiguredHeader) {
  TestApp app(Changes{{"AUTH_API_KEY_HEADER", "X-Api-Key"}});
  const std::string key = app.make_key("reader");
  EXPECT_EQ(app.anonymous().get("/v1/corpora", {{"X-Api-Key", "Bearer " + key}}).status, 200);
  EXPECT_EQ(app.anonymous().get("/v1/corpora", {{"Authorization", "Bearer " + key}}).status, 401);
}

TEST_F(AuthHttp, LetsDevelopersActForATenantOnLoopback) {
  TestApp app(Changes{{"AUTH_DEV_BYPASS", "true"}});
  TestClient client = app.anonymous();
  EXPECT_EQ(client.get("/v1/corpora", {{"X-Tenant-Id", "t9"}}).status, 200);
  const Response without = client.get("/v1/corpora");
  EXPECT_EQ(without.status, 401);
  EXPECT_EQ(message_of(without), "X-Tenant-Id header is required in dev bypass mode");
  const Response role = client.get("/v1/corpora", {{"X-Tenant-Id", "t9"}, {"X-Role", "king"}});
  EXPECT_EQ(role.status, 400);
  EXPECT_EQ(code_of(role), "AUTH_INVALID_ROLE");
  EXPECT_EQ(client.del("/v1/corpora/x", {{"X-Tenant-Id", "t9"}, {"X-Role", " Reader "}}).status, 403);
}

TEST_F(AuthHttp, NeverShowsAKeyInAnAnswerOrTheAudit) {
  const std::string key = app_.make_key();
  const std::string secret = key.substr(38);
  TestClient client = app_.client(key);
  (void)read_with("Bearer " + key.substr(0, key.size() - 2) + "zz");
  (void)client.get("/v1/documents/" + key);
  const Response events = client.get("/v1/audit/events?limit=200");
  ASSERT_EQ(events.status, 200);
  EXPECT_THAT(events.body, ::testing::Not(HasSubstr(secret)));
}

}  // namespace
}  // namespace nexus::testing

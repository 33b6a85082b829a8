#include "cloud/google/default_tokens.h"

#include "cloud/google/google_fixture.h"
#include "crypto/rs256.h"
#include "json/json.h"

#include <boost/json/value.hpp>
#include <gtest/gtest.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <future>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

namespace nexus::cloud::google {
namespace {

/// A new RSA key as PEM; made once, for it takes a while.
const std::string& test_key() {
  static const std::string pem = [] {
    const std::unique_ptr<EVP_PKEY, void (*)(EVP_PKEY*)> key(EVP_RSA_gen(2048), &EVP_PKEY_free);
    const std::unique_ptr<BIO, int (*)(BIO*)> bio(BIO_new(BIO_s_mem()), &BIO_free);
    if (!key || !bio || PEM_write_bio_PKCS8PrivateKey(bio.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) != 1)
      throw std::runtime_error("no key for the test");
    const char* text = nullptr;
    const long size = BIO_get_mem_data(bio.get(), &text);
    return std::string(text, static_cast<std::size_t>(size));
  }();
  return pem;
}

std::string json_text(const std::string& text) {
  std::string out;
  json::append_string(out, text);
  return out;
}

boost::json::value decoded(std::string_view base64) {
  const auto bytes = base64_decode(base64);
  return json::parse(as_text(bytes.value()));
}

struct DefaultTokens : GoogleFixture {
  [[nodiscard]] std::string service_account(const std::string& key = test_key()) const {
    return R"({"type":"service_account","client_email":"robot@p.iam.gserviceaccount.com","private_key_id":"key-7",)"
           R"("private_key":)" +
           json_text(key) + R"(,"token_uri":")" + twin.url("/token") + R"("})";
  }
  [[nodiscard]] std::string user(const std::string& more = "") const {
    return R"({"type":"authorized_user","client_id":"id","client_secret":"client&secret","refresh_token":"1//refresh",)" +
           more + R"("token_uri":")" + twin.url("/token") + R"("})";
  }
  [[nodiscard]] std::string external(const std::string& subject, const std::string& more = "") const {
    return R"({"type":"external_account","audience":"//iam.googleapis.com/pool","subject_token_type":"urn:jwt",)" +
           more + R"("token_url":")" + twin.url("/sts") + R"(","credential_source":)" + subject + "}";
  }
  [[nodiscard]] testing::TwinRequest only_request() const {
    const auto requests = twin.requests();
    EXPECT_EQ(requests.size(), 1U);
    return requests.at(0);
  }
};

TEST_F(DefaultTokens, AServiceAccountTradesASignedStatement) {
  use_file(service_account());
  twin.script({token_answer("ya29.robot")});
  EXPECT_EQ(outcome(), "ya29.robot");

  const auto request = only_request();
  EXPECT_EQ(request.method + " " + request.target, "POST /token");
  EXPECT_EQ(*request.header("Content-Type"), "application/x-www-form-urlencoded");
  auto form = pairs_of(request.body);
  EXPECT_EQ(form["grant_type"], "urn:ietf:params:oauth:grant-type:jwt-bearer");

  const std::string assertion = form["assertion"];
  const std::size_t first = assertion.find('.');
  const std::size_t second = assertion.rfind('.');
  ASSERT_LT(first, second);
  EXPECT_EQ(json::write(decoded(assertion.substr(0, first))), R"({"alg":"RS256","typ":"JWT","kid":"key-7"})");
  EXPECT_EQ(json::write(decoded(assertion.substr(first + 1, second - first - 1))),
            R"({"iss":"robot@p.iam.gserviceaccount.com","scope":"https://www.googleapis.com/auth/cloud-platform",)"
            R"("aud":"https://oauth2.googleapis.com/token","iat":1771322400,"exp":1771326000})");
  const auto verifier =
      crypto::Rs256Verifier::from_pem(crypto::Rs256Signer::from_pem(Secret(test_key())).public_key_pem());
  ASSERT_TRUE(verifier);
  EXPECT_TRUE(verifier->verify(assertion.substr(0, second), base64_decode(assertion.substr(second + 1)).value()));
}

TEST_F(DefaultTokens, AUserTradesTheRefreshToken) {
  use_file(user(R"("quota_project_id":"payer",)"));
  twin.script({token_answer("ya29.user")});
  EXPECT_EQ(outcome(), "ya29.user");
  EXPECT_EQ(tokens().quota_project(), "payer");
  const auto form = pairs_of(only_request().body);
  EXPECT_EQ(form, (std::map<std::string, std::string>{{"grant_type", "refresh_token"},
                                                      {"client_id", "id"},
                                                      {"client_secret", "client&secret"},
                                                      {"refresh_token", "1//refresh"}}));
}

TEST_F(DefaultTokens, TheOperatorsQuotaProjectGoesBeforeTheFiles) {
  use_file(user(R"("quota_project_id":"payer",)"));
  options.quota_project = "operator";
  twin.script({token_answer("ya29.user")});
  EXPECT_EQ(outcome(), "ya29.user");
  EXPECT_EQ(tokens().quota_project(), "operator");
}

TEST_F(DefaultTokens, AnExternalAccountExchangesTheTokenInAFile) {
  const std::string subject = folder.write("subject", "foreign.jwt\n");
  use_file(external(R"({"file":")" + subject + R"("})", R"("client_id":"me","client_secret":"??>",)"));
  twin.script({token_answer("ya29.federated")});
  EXPECT_EQ(outcome(), "ya29.federated");
  const auto request = only_request();
  EXPECT_EQ(request.target, "/sts");
  EXPECT_EQ(*request.header("Authorization"), "Basic bWU6Pz8+") << "the standard alphabet, padded";
  EXPECT_EQ(pairs_of(request.body), (std::map<std::string, std::string>{
                                        {"grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"},
                                        {"audience", "//iam.googleapis.com/pool"},
                                        {"scope", "https://www.googleapis.com/auth/cloud-platform"},
                                        {"requested_token_type", "urn:ietf:params:oauth:token-type:access_token"},
                                        {"subject_token", "foreign.jwt"},
                                        {"subject_token_type", "urn:jwt"}}));
}

TEST_F(DefaultTokens, AnExternalAccountAsksAnAddressAndActsAsAServiceAccount) {
  use_file(external(R"({"url":")" + twin.url("/subject?a=b") +
                        R"(","headers":{"Metadata":"True"},)"
                        R"("format":{"type":"json","subject_token_field_name":"jwt"}})",
                    R"("service_account_impersonation_url":")" + twin.url("/robot:generateAccessToken") + R"(",)"));
  twin.script({testing::twin_status(200, R"({"jwt":"foreign.jwt"})"), token_answer("ya29.federated"),
               testing::twin_status(200, R"({"accessToken":"ya29.robot","expireTime":"2026-02-17T11:00:00Z"})"),
               testing::twin_status(503)});
  EXPECT_EQ(outcome(), "ya29.robot");
  const auto requests = twin.requests();
  ASSERT_EQ(requests.size(), 3U);
  EXPECT_EQ(requests[0].method + " " + requests[0].target, "GET /subject?a=b");
  EXPECT_EQ(*requests[0].header("Metadata"), "True");
  EXPECT_EQ(pairs_of(requests[1].body).at("subject_token"), "foreign.jwt");
  EXPECT_EQ(requests[1].header("Authorization"), nullptr);
  EXPECT_EQ(requests[2].target, "/robot:generateAccessToken");
  EXPECT_EQ(*requests[2].header("Authorization"), "Bearer ya29.federated");
  EXPECT_EQ(requests[2].body,
            R"({"delegates":[],"scope":["https://www.googleapis.com/auth/cloud-platform"],"lifetime":"3600s"})");
  clock.advance_s(3600 - 241);
  EXPECT_EQ(outcome(), "ya29.robot") << "its end is the one that the last answer named";
  EXPECT_EQ(twin.requests().size(), 3U);
}

TEST_F(DefaultTokens, AWorkforcePoolNamesTheProjectThatIsBilled) {
  const std::string subject = folder.write("subject", "foreign.jwt");
  use_file(external(R"({"file":")" + subject + R"("})", R"("workforce_pool_user_project":"123",)"));
  twin.script({token_answer("ya29.person")});
  EXPECT_EQ(outcome(), "ya29.person");
  EXPECT_EQ(pairs_of(only_request().body).at("options"), R"({"userProject":"123"})");
}

TEST_F(DefaultTokens, TheMachineAnswersWhenThereIsNoFile) {
  options.gcloud_file = folder.path("not-there");
  options.metadata_host = host();
  auto answer = token_answer("ya29.machine");
  answer.headers = {{"Metadata-Flavor", "Google"}};
  twin.script({answer});
  EXPECT_EQ(outcome(), "ya29.machine");
  const auto request = only_request();
  EXPECT_EQ(request.method + " " + request.target,
            "GET /computeMetadata/v1/instance/service-accounts/default/token"
            "?scopes=https%3A%2F%2Fwww.googleapis.com%2Fauth%2Fcloud-platform");
  EXPECT_EQ(*request.header("Metadata-Flavor"), "Google");
}

TEST_F(DefaultTokens, AStrangerAtTheMachinesAddressIsNotBelieved) {
  options.metadata_host = host();
  twin.always(token_answer("ya29.portal"));
  EXPECT_NE(outcome().find("does not come from a metadata server of Google"), std::string::npos);
}

TEST_F(DefaultTokens, NoCredentialsAnywhereSaysWhatToDo) {
  options.metadata_host = host();
  twin.always(testing::twin_status(404, "no service account"));
  EXPECT_EQ(outcome(),
            "There are no Google credentials: name a file in GOOGLE_APPLICATION_CREDENTIALS, run `gcloud auth "
            "application-default login`, or run on Google Cloud. " +
                host() + " gives no token: status 404; give this machine a service account");
  options.metadata_host = "evil.example/path?";
  source.reset();
  EXPECT_NE(outcome().find("GCE_METADATA_HOST must be a host"), std::string::npos);
}

TEST_F(DefaultTokens, TheNamedFileGoesBeforeGcloudsAndANamedFileMustExist) {
  options.gcloud_file = folder.write("gcloud.json", user());
  twin.always(token_answer("ya29.gcloud"));
  EXPECT_EQ(outcome(), "ya29.gcloud");
  source.reset();
  options.credentials_file = folder.path("not-there");
  EXPECT_EQ(outcome(), folder.path("not-there") + ": cannot be opened: No such file or directory");
}

TEST_F(DefaultTokens, AReplacedFileIsReadAtTheNextFetch) {
  use_file("{");
  EXPECT_NE(outcome().find("is no JSON document"), std::string::npos);
  use_file(user());
  twin.always(token_answer("ya29.user"));
  clock.advance_s(5);
  EXPECT_EQ(outcome(), "ya29.user");
}

TEST_F(DefaultTokens, ARefusalNamesThePeersWordAndWhatToDoAndNoSecret) {
  use_file(user());
  twin.script({testing::twin_status(
      400, R"({"error":"invalid_grant","error_description":"Token 1//refresh has been expired or revoked."})")});
  EXPECT_EQ(outcome(),
            host() + " gives no token: status 400 invalid_grant; run `gcloud auth application-default login` again");
  source.reset();
  twin.script({testing::twin_status(403, R"({"error":{"code":403,"message":"m","status":"PERMISSION_DENIED"}})")});
  EXPECT_NE(outcome().find("status 403 PERMISSION_DENIED;"), std::string::npos);
  source.reset();
  twin.script({testing::twin_status(400, R"({"error":"client&secret is wrong"})")});
  EXPECT_NE(outcome().find("status 400;"), std::string::npos) << "a sentence is not repeated";
}

TEST_F(DefaultTokens, AKeyThatIsNoneIsNamedAndNotShown) {
  use_file(service_account("-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n"));
  EXPECT_EQ(outcome(),
            "The field private_key of the service account cannot sign: not an unencrypted PEM private key for RSA of "
            "2048 to 16384 bits");
  EXPECT_TRUE(twin.requests().empty());
}

TEST_F(DefaultTokens, BadAnswersAreNoTokens) {
  use_file(user());
  const auto after = [&](testing::TwinAnswer answer) {
    source.reset();
    twin.script({std::move(answer)});
    return outcome();
  };
  const std::string answer = "The answer of " + host();
  EXPECT_EQ(after(testing::twin_bad_json()), answer + " is no JSON document");
  EXPECT_EQ(after(testing::twin_status(200, "[]")), answer + " is no JSON object");
  EXPECT_EQ(after(testing::twin_status(200, R"({"expires_in":3600})")), answer + ": the field access_token is missing");
  EXPECT_EQ(after(testing::twin_status(200, R"({"access_token":"a"})")),
            answer + ": the field expires_in must be a number");
  EXPECT_EQ(after(token_answer("a", -5)), answer + " holds a token that has ended; check the clock of this machine");
  EXPECT_EQ(after(token_answer(R"(a\r\nX-Evil: 1)")), answer + " holds a token that no header can carry");
  EXPECT_NE(after(testing::twin_status(200, std::string(100'000, ' '))).find("No token from " + host()),
            std::string::npos)
      << "too long";
  EXPECT_NE(after(testing::twin_status(302)).find("status 302"), std::string::npos) << "redirects are not followed";
}

TEST_F(DefaultTokens, AFileWithoutASubjectTokenIsNamed) {
  const std::string subject = folder.write("subject", " \n");
  use_file(external(R"({"file":")" + subject + R"("})"));
  EXPECT_EQ(outcome(), subject + ": holds no token");
  folder.write("subject", R"({"other":1})");
  use_file(external(R"({"file":")" + subject + R"(","format":{"type":"json","subject_token_field_name":"jwt"}})"));
  clock.advance_s(5);
  EXPECT_EQ(outcome(), subject + ": the field jwt is missing");
  EXPECT_TRUE(twin.requests().empty());
}

TEST_F(DefaultTokens, ThirtyTwoThreadsMakeOneRequest) {
  use_file(user());
  auto held = token_answer("ya29.user");
  held.hold = true;
  twin.always(held);
  std::vector<std::future<std::string>> callers;
  (void)tokens();
  for (int i = 0; i < 32; ++i) callers.push_back(std::async(std::launch::async, [this] { return outcome(); }));
  (void)twin.wait_for_requests(1);
  twin.release();
  for (auto& caller : callers) EXPECT_EQ(caller.get(), "ya29.user");
  EXPECT_EQ(twin.requests().size(), 1U);
}

TEST_F(DefaultTokens, ACallerThatStopsEndsItsFetch) {
  use_file(user());
  twin.always(testing::twin_fault(testing::TwinFault::kNeverAnswers));
  std::stop_source stop;
  (void)tokens();
  auto caller = std::async(std::launch::async, [&] { return source->token(stop.get_token()); });
  (void)twin.wait_for_requests(1);
  stop.request_stop();
  try {
    (void)caller.get();
    FAIL() << "a token came from nowhere";
  } catch (const outbound::Error& error) {
    EXPECT_EQ(error.fault(), outbound::Fault::kCancelled);
  }
}

TEST(GcloudCredentialsPath, FollowsTheVariablesOfGcloud) {
  EXPECT_EQ(gcloud_credentials_path("/cfg", "/people/a"), "/cfg/application_default_credentials.json");
  EXPECT_EQ(gcloud_credentials_path("", "/people/a"), "/people/a/.config/gcloud/application_default_credentials.json");
  EXPECT_EQ(gcloud_credentials_path("", ""), "");
}

}  // namespace
}  // namespace nexus::cloud::google

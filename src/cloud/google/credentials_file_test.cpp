#include "cloud/google/credentials_file.h"

#include "cloud/google/google_fixture.h"
#include "cloud/small_file.h"

#include <gtest/gtest.h>

#include <string>
#include <sys/stat.h>
#include <variant>

namespace nexus::cloud::google {
namespace {

std::string refusal(std::string_view text) {
  try {
    (void)parse_credentials(text, "adc.json");
    return "accepted";
  } catch (const CredentialsError& error) {
    return error.what();
  }
}

std::string external(std::string_view source, std::string_view more = "") {
  return R"({"type":"external_account","audience":"//iam.googleapis.com/pool","subject_token_type":"jwt",)" +
         std::string(more) + R"("credential_source":)" + std::string(source) + "}";
}

TEST(CredentialsFile, ReadsAServiceAccount) {
  const auto file = parse_credentials(R"({"type":"service_account","project_id":"p","private_key_id":"k1",
      "private_key":"pem","client_email":"a@p.iam.gserviceaccount.com","client_id":"1",
      "token_uri":"https://oauth2.googleapis.com/token","universe_domain":"googleapis.com"})",
                                      "adc.json");
  const auto& account = std::get<ServiceAccount>(file.identity);
  EXPECT_EQ(account.client_email, "a@p.iam.gserviceaccount.com");
  EXPECT_EQ(account.private_key_id, "k1");
  EXPECT_EQ(account.private_key.reveal(), "pem");
  EXPECT_EQ(account.token_uri, "https://oauth2.googleapis.com/token");
  EXPECT_TRUE(file.impersonations.empty());
}

TEST(CredentialsFile, ReadsAUserAndTheProjectThatPays) {
  const auto file = parse_credentials(
      R"({"type":"authorized_user","account":"","client_id":"c","client_secret":"s","refresh_token":"r",
          "quota_project_id":"payer"})",
      "adc.json");
  const auto& user = std::get<AuthorizedUser>(file.identity);
  EXPECT_EQ(user.client_id, "c");
  EXPECT_EQ(user.client_secret.reveal(), "s");
  EXPECT_EQ(user.refresh_token.reveal(), "r");
  EXPECT_EQ(user.token_uri, "https://oauth2.googleapis.com/token");
  EXPECT_EQ(file.quota_project, "payer");
}

TEST(CredentialsFile, ReadsAnExternalAccount) {
  const auto file = parse_credentials(
      external(R"({"url":"http://169.254.169.254/metadata/identity","headers":{"Metadata":"True"},
                   "format":{"type":"json","subject_token_field_name":"access_token"}})",
               R"("service_account_impersonation_url":"https://iamcredentials.googleapis.com/v1/x:generateAccessToken",
                  "service_account_impersonation":{"token_lifetime_seconds":2800},)"),
      "adc.json");
  const auto& account = std::get<ExternalAccount>(file.identity);
  EXPECT_EQ(account.token_url, "https://sts.googleapis.com/v1/token");
  EXPECT_EQ(account.source.url, "http://169.254.169.254/metadata/identity");
  ASSERT_EQ(account.source.headers.size(), 1U);
  EXPECT_EQ(account.source.headers[0], (std::pair<std::string, std::string>("Metadata", "True")));
  EXPECT_EQ(account.source.json_field, "access_token");
  ASSERT_EQ(file.impersonations.size(), 1U);
  EXPECT_EQ(file.impersonations[0].lifetime_s, 2800);
}

TEST(CredentialsFile, ReadsImpersonationOnTopOfAnotherIdentity) {
  const auto file = parse_credentials(
      R"({"type":"impersonated_service_account","delegates":["d1","d2"],
          "service_account_impersonation_url":"https://iamcredentials.googleapis.com/v1/y:generateAccessToken",
          "source_credentials":{"type":"authorized_user","client_id":"c","client_secret":"s","refresh_token":"r"}})",
      "adc.json");
  EXPECT_TRUE(std::holds_alternative<AuthorizedUser>(file.identity));
  ASSERT_EQ(file.impersonations.size(), 1U);
  EXPECT_EQ(file.impersonations[0].delegates, (std::vector<std::string>{"d1", "d2"}));
}

TEST(CredentialsFile, SaysWhichFieldIsWrong) {
  EXPECT_EQ(refusal(R"({"type":"service_account","client_email":"a"})"), "adc.json: the field private_key is missing");
  EXPECT_EQ(refusal(R"({"type":"service_account","client_email":7})"),
            "adc.json: the field client_email must be a text");
  EXPECT_EQ(refusal(R"({"type":"authorized_user","client_id":"c","client_secret":"","refresh_token":"r"})"),
            "adc.json: the field client_secret is missing");
  EXPECT_EQ(refusal(R"({"client_id":"c"})"), "adc.json: the field type is missing");
  EXPECT_EQ(refusal(R"({"type":"magic"})"),
            "adc.json: the field type must be service_account, authorized_user, external_account or "
            "impersonated_service_account");
  EXPECT_EQ(refusal(external("{}")), "adc.json: the field credential_source needs file or url");
  EXPECT_EQ(refusal(external(R"({"executable":{"command":"/bin/x"}})")),
            "adc.json: the field credential_source.executable is of no supported kind; use file or url");
  EXPECT_EQ(refusal(external(R"({"file":"/t","format":{"type":"json"}})")),
            "adc.json: the field credential_source.format.subject_token_field_name is missing");
  EXPECT_EQ(refusal(external(R"({"file":"/t","format":{"type":"xml"}})")),
            "adc.json: the field credential_source.format.type must be text or json");
  EXPECT_EQ(refusal(external(R"({"url":"https://idp","headers":{"A":"b\r\nc"}})")),
            "adc.json: the field credential_source.headers holds a value that HTTP cannot carry");
}

TEST(CredentialsFile, RefusesWhatIsNoJsonObjectWithoutRepeatingIt) {
  EXPECT_EQ(refusal(R"({"type":"authorized_user","refresh_token":"1//very-sec)"),
            "adc.json: is no JSON document (at byte 42); download or create the file again");
  EXPECT_EQ(refusal("[]"), "adc.json: is no JSON object");
  EXPECT_NE(refusal("").find("is no JSON document"), std::string::npos);
  EXPECT_NE(refusal(R"({"type":"a","type":"b"})").find("is no JSON document"), std::string::npos) << "two meanings";
  EXPECT_NE(refusal(std::string(100, '[')).find("is no JSON document"), std::string::npos) << "too deep";
  EXPECT_NE(refusal(std::string(100'000, ' ')).find("is no JSON document"), std::string::npos) << "too long";
}

TEST(CredentialsFile, SendsSecretsOverHttpsOnlyExceptOnThisMachine) {
  const auto with_uri = [](const std::string& uri) {
    return refusal(R"({"type":"service_account","client_email":"a","private_key":"k","token_uri":")" + uri + R"("})");
  };
  EXPECT_EQ(with_uri("http://127.0.0.1:8080/token"), "accepted");
  EXPECT_EQ(with_uri("http://[::1]:8080/token"), "accepted");
  EXPECT_EQ(with_uri("http://localhost/token"), "accepted");
  const std::string https = "adc.json: the field token_uri must be an https URL";
  EXPECT_EQ(with_uri("http://oauth2.googleapis.com/token"), https);
  EXPECT_EQ(with_uri("http://10.0.0.1/token"), https);
  EXPECT_EQ(with_uri("http://169.254.169.254/token"), https);
  EXPECT_EQ(with_uri("file:///etc/passwd"), "adc.json: the field token_uri must be a URL");
  EXPECT_EQ(refusal(external(R"({"url":"http://idp.example/token"})")),
            "adc.json: the field credential_source.url must be an https URL");
  EXPECT_EQ(refusal(external(R"({"file":"/t"})", R"("token_url":"http://sts.googleapis.com/v1/token",)")),
            "adc.json: the field token_url must be an https URL");
}

TEST(CredentialsFile, ReadsSmallRegularFilesOnly) {
  const ScratchFolder folder;
  const auto outcome = [](const std::string& path) {
    try {
      return read_small_file(path, 10);
    } catch (const CredentialsError& error) {
      return std::string(error.what());
    }
  };
  EXPECT_EQ(outcome(folder.write("good", "0123456789")), "0123456789");
  EXPECT_EQ(outcome(folder.write("long", "0123456789a")), folder.path("long") + ": is longer than 10 bytes");
  EXPECT_EQ(outcome(folder.path("none")), folder.path("none") + ": cannot be opened: No such file or directory");
  EXPECT_EQ(outcome(folder.path("")), folder.path("") + ": is no regular file");
  ASSERT_EQ(::mkfifo(folder.path("pipe").c_str(), 0600), 0);
  EXPECT_EQ(outcome(folder.path("pipe")), folder.path("pipe") + ": is no regular file");
}

}  // namespace
}  // namespace nexus::cloud::google

#include "cloud/aws/chain_fixture.h"
#include "cloud/aws/credential_chain.h"

#include <gtest/gtest.h>

#include <stop_token>
#include <thread>
#include <vector>

// Web identity, containers and instances.
namespace nexus::cloud::aws {
namespace {

using testing::twin_status;
using testing::TwinAnswer;

TEST_F(CredentialChainTest, AWebIdentityIsExchangedUnsignedAndItsFileReadAgain) {
  chain.web_identity_token_file = file("token", "jwt.one\n");
  chain.web_identity_role.arn = "arn:aws:iam::1:role/pod";
  twin.script({twin_status(200, sts_keys("AssumeRoleWithWebIdentity", "ASIAONE")),
               twin_status(200, sts_keys("AssumeRoleWithWebIdentity", "ASIATWO", "\"2026-02-17T13:00:00Z\""))});
  EXPECT_EQ(key(), "ASIAONE");
  EXPECT_EQ(twin.requests().at(0).header("authorization"), nullptr);
  EXPECT_EQ(twin.requests().at(0).body,
            "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fpod&"
            "RoleSessionName=nexusrag&WebIdentityToken=jwt.one");
  file("token", "jwt.two");
  wall.advance_s(3000);
  EXPECT_EQ(key(), "ASIATWO");
  EXPECT_NE(twin.requests().at(1).body.find("jwt.two"), std::string::npos);
}

TEST_F(CredentialChainTest, AProfileCanNameTheWebIdentity) {
  config_file("[default]\nrole_arn=r\nweb_identity_token_file=" + file("token", "jwt") + "\n");
  twin.script({twin_status(200, sts_keys("AssumeRoleWithWebIdentity", "ASIAWEB"))});
  EXPECT_EQ(key(), "ASIAWEB");
}

TEST_F(CredentialChainTest, ARoleOfTheProfileWinsOverTheWebIdentityAndThatOverKeysOfTheProfile) {
  chain.web_identity_token_file = file("token", "jwt");
  chain.web_identity_role.arn = "r";
  credentials_file("[default]\naws_access_key_id=FILE\naws_secret_access_key=y\n");
  twin.script({twin_status(200, sts_keys("AssumeRoleWithWebIdentity", "ASIAWEB")),
               twin_status(200, sts_keys("AssumeRole", "ASIAROLE"))});
  EXPECT_EQ(key(), "ASIAWEB");
  made.reset();
  config_file("[default]\nrole_arn=r\nsource_profile=default\n");
  EXPECT_EQ(key(), "ASIAROLE");
}

TEST_F(CredentialChainTest, AWebIdentityThatIsNotWholeIsAnError) {
  chain.web_identity_token_file = (folder / "absent").string();
  EXPECT_NE(key().find("needs AWS_ROLE_ARN"), std::string::npos);
  made.reset();
  chain.web_identity_role.arn = "r";
  EXPECT_NE(key().find("cannot be opened"), std::string::npos);
}

TEST_F(CredentialChainTest, StsSaysNoInItsCodeAndNothingElseOfItsAnswerIsRepeated) {
  chain.web_identity_token_file = file("token", "jwt");
  chain.web_identity_role.arn = "r";
  const auto why = [&](TwinAnswer answer) {
    made.reset();
    twin.script({std::move(answer)});
    return key();
  };
  EXPECT_EQ(why(twin_status(403, R"({"Error":{"Code":"AccessDenied","Message":"SECRET"}})")),
            "STS refused AssumeRoleWithWebIdentity with 403 AccessDenied; check the role's ARN and its trust policy");
  EXPECT_EQ(why(twin_status(400, R"({"Error":{"Code":"<b>\n","Message":"SECRET"}})")),
            "STS refused AssumeRoleWithWebIdentity with 400 ; check the role's ARN and its trust policy");
  EXPECT_EQ(why(twin_status(200, "<xml/>")), "STS answered 200 with something that is no JSON");
  EXPECT_EQ(why(twin_status(200, "[]")), "the answer of STS to AssumeRoleWithWebIdentity holds no credentials");
  EXPECT_EQ(why(twin_status(200, sts_keys("AssumeRoleWithWebIdentity", "A", "1e300"))),
            "the answer of STS to AssumeRoleWithWebIdentity has no expiration");
}

TEST_F(CredentialChainTest, AnEndpointThatIsNoUrlIsRefused) {
  chain.sts.endpoint = "sts.example.com";
  EXPECT_NE(key().find("is no URL"), std::string::npos);
}

TEST_F(CredentialChainTest, ARegionThatIsNoneNeverBecomesAHost) {
  chain.sts.endpoint.clear();
  chain.sts.region = "evil.example/x";
  EXPECT_EQ(key(), "the AWS region is no name of a region");
}

TEST_F(CredentialChainTest, AContainerGetsItsKeysWithTheTokenOfTheFile) {
  chain.container.relative_uri = "/v2/credentials/id";
  chain.container.token = Secret("of the variable");
  chain.container.token_file = file("token", "Basic abc\n");
  twin.script({twin_status(200, machine_keys("ASIATASK"))});
  EXPECT_EQ(key(), "ASIATASK");
  EXPECT_EQ(targets(), "GET /v2/credentials/id\n");
  EXPECT_EQ(*twin.requests().at(0).header("authorization"), "Basic abc");
}

TEST_F(CredentialChainTest, AFullUriIsAskedOnlyOnHttpsOrAnAgent) {
  const auto why = [&](const std::string& uri) {
    made.reset();
    chain.container.full_uri = uri;
    return key();
  };
  twin.always(twin_status(200, machine_keys("ASIATASK")));
  EXPECT_EQ(why(twin.url("/full")), "ASIATASK");
  for (const char* uri : {"http://example.com/", "http://169.254.169.254/latest", "http://10.0.0.1/",
                          "http://localhost.example.com/", "http://169.254.170.2.example.com/"})
    EXPECT_NE(why(uri).find("must be https"), std::string::npos) << uri;
  EXPECT_NE(why("file:///etc/passwd").find("is no URL"), std::string::npos);
  EXPECT_EQ(twin.requests().size(), 1U);
}

TEST_F(CredentialChainTest, AContainerThatFailsEndsTheSearch) {
  chain.instance.disabled = false;
  const auto why = [&](TwinAnswer answer) {
    made.reset();
    chain.container.relative_uri = "/creds";
    twin.script({std::move(answer)});
    return key();
  };
  // First: libcurl itself repeats a GET whose kept connection dies.
  EXPECT_NE(why(testing::twin_fault(testing::TwinFault::kResetBeforeHead)).find("no answer"), std::string::npos);
  EXPECT_EQ(why(twin_status(403)), "container credentials: the request was answered with 403");
  EXPECT_EQ(why(testing::twin_bad_json()), "container credentials: the answer is no JSON");
  EXPECT_EQ(why(twin_status(200, "{}")), "container credentials: the access key id is missing");
  EXPECT_EQ(why(twin_status(200, R"({"AccessKeyId":"A","SecretAccessKey":"b","Expiration":"soon"})")),
            "container credentials: the expiration is no time");
  made.reset();
  chain.container.token = Secret("a\r\nb");
  EXPECT_EQ(key(), "the container authorization token holds characters that no header can carry");
  made.reset();
  chain.container.token = Secret();
  chain.container.relative_uri = "creds";
  EXPECT_NE(key().find("must start with a slash"), std::string::npos);
}

TEST_F(CredentialChainTest, AnInstanceGetsATokenItsRoleAndTheKeys) {
  chain.instance.disabled = false;
  twin.script({twin_status(200, "tok=="), twin_status(200, "my role\n"), twin_status(200, machine_keys())});
  const Credentials found = credentials();
  EXPECT_EQ(found.access_key_id, "ASIAMACHINE");
  EXPECT_EQ(found.secret_access_key.reveal(), "s3cret");
  EXPECT_EQ(targets(),
            "PUT /latest/api/token\nGET /latest/meta-data/iam/security-credentials/\n"
            "GET /latest/meta-data/iam/security-credentials/my%20role\n");
  EXPECT_EQ(*twin.requests().at(0).header("x-aws-ec2-metadata-token-ttl-seconds"), "21600");
  EXPECT_EQ(*twin.requests().at(2).header("x-aws-ec2-metadata-token"), "tok==");
}

TEST_F(CredentialChainTest, AnInstanceWithoutKeysSaysWhy) {
  chain.instance.disabled = false;
  const auto why = [&](std::vector<TwinAnswer> answers) {
    made.reset();
    twin.script(std::move(answers));
    const std::string text = key();
    return text.substr(std::min(text.find('('), text.size()));
  };
  EXPECT_EQ(why({twin_status(403)}), "(instance metadata: the request for a token was answered with 403)");
  EXPECT_EQ(why({twin_status(200, "a\r\nb")}),
            "(instance metadata: the token is empty or holds characters that no header can carry)");
  EXPECT_EQ(why({twin_status(200, "t"), twin_status(404)}), "(instance metadata: the instance has no role)");
  EXPECT_EQ(why({twin_status(200, "t"), twin_status(200, "\n")}), "(instance metadata: the instance has no role)");
  EXPECT_EQ(why({twin_status(200, "t"), twin_status(200, "r"),
                 twin_status(200, R"({"Code":"AssumeRoleUnauthorizedAccess"})")}),
            "(instance metadata: no credentials were given (AssumeRoleUnauthorizedAccess))");
}

TEST_F(CredentialChainTest, AnUnreachableInstanceServiceCostsOneTimeout) {
  chain.instance.disabled = false;
  chain.instance.timeout_ms = 50;
  twin.always(testing::twin_fault(testing::TwinFault::kNeverAnswers));
  EXPECT_NE(key().find("no answer"), std::string::npos);
  EXPECT_NE(key().find("no answer"), std::string::npos);
  EXPECT_EQ(twin.requests().size(), 1U) << "the failure is remembered";
}

TEST_F(CredentialChainTest, AStopEndsTheWaitAtOnce) {
  chain.instance.disabled = false;
  chain.instance.timeout_ms = 20'000;
  twin.always(testing::twin_fault(testing::TwinFault::kNeverAnswers));
  CredentialChain stopped(client(), wall, chain);
  std::stop_source stop;
  std::jthread stopper([&] {
    (void)twin.wait_for_requests(1);
    stop.request_stop();
  });
  try {
    (void)stopped.credentials(stop.get_token());
    FAIL() << "there are no credentials";
  } catch (const outbound::Error& error) {
    EXPECT_EQ(error.fault(), outbound::Fault::kCancelled);
  }
}

}  // namespace
}  // namespace nexus::cloud::aws

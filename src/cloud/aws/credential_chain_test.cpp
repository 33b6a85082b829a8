#include "cloud/aws/credential_chain.h"

#include "cloud/aws/chain_fixture.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <map>

// Environment and profiles.
namespace nexus::cloud::aws {
namespace {

using testing::twin_status;

TEST_F(CredentialChainTest, KeysOfTheEnvironmentComeFirst) {
  credentials_file("[default]\naws_access_key_id=FILE\naws_secret_access_key=x\n");
  chain.access_key_id = "AKIDENV";
  chain.secret_access_key = Secret("env");
  chain.session_token = Secret("tok");
  const Credentials found = credentials();
  EXPECT_EQ(found.access_key_id, "AKIDENV");
  EXPECT_EQ(found.secret_access_key.reveal(), "env");
  EXPECT_EQ(found.session_token.reveal(), "tok");
  EXPECT_EQ(targets(), "");
}

TEST_F(CredentialChainTest, HalfAPairOfKeysIsAnErrorAndNotSkipped) {
  credentials_file("[default]\naws_access_key_id=FILE\naws_secret_access_key=x\n");
  chain.access_key_id = "AKIDENV";
  EXPECT_EQ(key(), "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY: the secret access key is missing");
}

TEST_F(CredentialChainTest, AKeyThatNoHeaderCarriesIsRefusedWithoutBeingShown) {
  chain.access_key_id = "AKID\r\nX-Evil: 1";
  chain.secret_access_key = Secret("x");
  const std::string why = key();
  EXPECT_NE(why.find("holds blanks"), std::string::npos);
  EXPECT_EQ(why.find("Evil"), std::string::npos);
}

TEST_F(CredentialChainTest, NothingAnywhereSaysWhatToDo) {
  EXPECT_NE(key().find("set AWS_ACCESS_KEY_ID"), std::string::npos);
  EXPECT_EQ(targets(), "");
}

TEST(AwsChainOptions, ReadsTheVariablesOfTheSdks) {
  const std::map<std::string, std::string, std::less<>> set{{"AWS_ACCESS_KEY_ID", "A"},
                                                            {"AWS_SECRET_ACCESS_KEY", "S"},
                                                            {"AWS_DEFAULT_PROFILE", "p"},
                                                            {"HOME", "/people/x"},
                                                            {"AWS_CONFIG_FILE", "/c"},
                                                            {"AWS_REGION", ""},
                                                            {"AWS_DEFAULT_REGION", "eu-north-1"},
                                                            {"AWS_ENDPOINT_URL", "http://e"},
                                                            {"AWS_EC2_METADATA_DISABLED", "TRUE"}};
  const auto variable = [&](std::string_view name) -> std::optional<std::string> {
    const auto found = set.find(name);
    return found == set.end() ? std::nullopt : std::optional(found->second);
  };
  const ChainOptions read = read_chain_options(variable);
  EXPECT_EQ(read.access_key_id, "A");
  EXPECT_EQ(read.secret_access_key.reveal(), "S");
  EXPECT_EQ(read.profile, "p");
  EXPECT_EQ(read.credentials_file, "/people/x/.aws/credentials");
  EXPECT_EQ(read.config_file, "/c");
  EXPECT_EQ(read.sts.region, "eu-north-1") << "a variable that is empty is not set";
  EXPECT_EQ(read.sts.endpoint, "http://e");
  EXPECT_TRUE(read.instance.disabled);
  EXPECT_EQ(read.instance.endpoint, "http://169.254.169.254");
  const ChainOptions nothing = read_chain_options([](std::string_view) { return std::nullopt; });
  EXPECT_EQ(nothing.credentials_file + nothing.config_file, "");
  EXPECT_FALSE(nothing.instance.disabled || nothing.container.configured());
}

TEST_F(CredentialChainTest, KeysOfTheCredentialsFileWinOverTheConfigFileAndAreReadAgain) {
  config_file("[profile dev]\naws_access_key_id=CONFIG\naws_secret_access_key=x\n");
  credentials_file("[dev]\naws_access_key_id=FILE\naws_secret_access_key=y\naws_session_token=z\n");
  chain.profile = "dev";
  EXPECT_EQ(credentials().session_token.reveal(), "z");
  EXPECT_EQ(key(), "FILE");
  credentials_file("[dev]\naws_access_key_id=ROTATED\naws_secret_access_key=y\n");
  wall.advance_s(59);
  EXPECT_EQ(key(), "FILE");
  wall.advance_s(1);
  EXPECT_EQ(key(), "ROTATED");
}

TEST_F(CredentialChainTest, ANamedProfileThatDoesNotExistIsAnError) {
  chain.profile = "typo";
  EXPECT_NE(key().find("\"typo\""), std::string::npos);
}

TEST_F(CredentialChainTest, WhatAServerCannotDoIsRefusedWithTheReason) {
  const auto why = [&](const std::string& settings) {
    made.reset();
    config_file("[default]\n" + settings);
    return key();
  };
  EXPECT_NE(why("sso_session=corp\n").find("browser"), std::string::npos);
  EXPECT_NE(why("sso_start_url=https://x\n").find("browser"), std::string::npos);
  EXPECT_NE(why("credential_process=/bin/touch " + (folder / "ran").string() + "\n").find("starts no programs"),
            std::string::npos);
  EXPECT_FALSE(std::filesystem::exists(folder / "ran"));
  EXPECT_NE(why("role_arn=r\nsource_profile=default\nmfa_serial=m\n").find("one-time code"), std::string::npos);
  EXPECT_NE(why("aws_access_key_id=A\n").find("secret access key is missing"), std::string::npos);
  EXPECT_NE(why("role_arn=r\nsource_profile=a\ncredential_source=Environment\n").find("exclude"), std::string::npos);
  EXPECT_NE(why("role_arn=r\ncredential_source=Moon\n").find("credential_source must be"), std::string::npos);
  EXPECT_NE(why("role_arn=r\n").find("role_arn needs"), std::string::npos);
  EXPECT_NE(why("role_arn=r\ncredential_source=EcsContainer\n").find("no container credentials"), std::string::npos);
  EXPECT_NE(why("role_arn=r\ncredential_source=Ec2InstanceMetadata\n").find("switched off"), std::string::npos);
  EXPECT_NE(why("role_arn=r\ncredential_source=Environment\n").find("not set"), std::string::npos);
  EXPECT_EQ(why("role_arn=r\naws_access_key_id=OWN\naws_secret_access_key=y\nsso_session=s\n"), "OWN");
  EXPECT_EQ(targets(), "");
}

TEST_F(CredentialChainTest, AProfileTakesItsRoleWithTheKeysOfAnother) {
  config_file(
      "[profile prod]\nrole_arn=arn:aws:iam::1:role/x y\nsource_profile=base\nexternal_id=e&f\nduration_seconds=900\n"
      "role_session_name=me\nregion=eu-west-1\n");
  credentials_file("[base]\naws_access_key_id=AKIDBASE\naws_secret_access_key=y\n");
  chain.profile = "prod";
  twin.script({twin_status(200, sts_keys("AssumeRole", "ASIAROLE"))});
  const Credentials found = credentials();
  EXPECT_EQ(found.access_key_id, "ASIAROLE");
  EXPECT_EQ(found.session_token.reveal(), "t0ken");
  const auto request = twin.requests().at(0);
  EXPECT_EQ(request.body,
            "Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fx%20y&RoleSessionName=me&"
            "DurationSeconds=900&ExternalId=e%26f");
  EXPECT_EQ(*request.header("accept"), "application/json");
  EXPECT_EQ(request.header("authorization")
                ->find("AWS4-HMAC-SHA256 Credential=AKIDBASE/20260217/eu-west-1/sts/aws4_request, "
                       "SignedHeaders=accept;content-type;host;x-amz-date, Signature="),
            0U);
}

TEST_F(CredentialChainTest, RolesCanStandBehindRoles) {
  config_file(
      "[profile a]\nrole_arn=ra\nsource_profile=b\n[profile b]\nrole_arn=rb\nsource_profile=b\n"
      "aws_access_key_id=AKIDB\naws_secret_access_key=y\n");
  chain.profile = "a";
  twin.script({twin_status(200, sts_keys("AssumeRole", "ASIAB")), twin_status(200, sts_keys("AssumeRole", "ASIAA"))});
  EXPECT_EQ(key(), "ASIAA");
  EXPECT_NE(twin.requests().at(0).header("authorization")->find("AKIDB/"), std::string::npos);
  EXPECT_NE(twin.requests().at(1).header("authorization")->find("ASIAB/"), std::string::npos);
  EXPECT_EQ(*twin.requests().at(1).header("x-amz-security-token"), "t0ken");
}

TEST_F(CredentialChainTest, ACircleOfProfilesIsRefused) {
  config_file("[profile a]\nrole_arn=r\nsource_profile=b\n[profile b]\nrole_arn=r\nsource_profile=a\n");
  chain.profile = "a";
  EXPECT_NE(key().find("leads back to itself"), std::string::npos);
}

TEST_F(CredentialChainTest, ASourceWithoutKeysIsNamed) {
  config_file("[profile a]\nrole_arn=r\nsource_profile=b\n[profile b]\nregion=eu-west-1\n");
  chain.profile = "a";
  EXPECT_EQ(key(), "AWS profile \"b\": it has no credentials, but another profile takes them from it");
}

TEST_F(CredentialChainTest, AProfileTakesItsRoleWithTheKeysOfTheContainer) {
  config_file("[default]\nrole_arn=r\ncredential_source=EcsContainer\n");
  chain.container.relative_uri = "/creds";
  twin.script({twin_status(200, machine_keys("ASIATASK")), twin_status(200, sts_keys("AssumeRole", "ASIAROLE"))});
  EXPECT_EQ(key(), "ASIAROLE");
  EXPECT_EQ(targets(), "GET /creds\nPOST /sts\n");
}

}  // namespace
}  // namespace nexus::cloud::aws

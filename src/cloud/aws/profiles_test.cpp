#include "cloud/aws/profiles.h"

#include "cloud/aws/credentials.h"

#include <gtest/gtest.h>

namespace nexus::cloud::aws {
namespace {

Profiles read(std::string_view text, ProfileSyntax syntax = ProfileSyntax::kConfig) {
  Profiles profiles;
  add_profiles(profiles, text, syntax, "file");
  return profiles;
}

std::string refusal(std::string_view text) {
  try {
    (void)read(text);
    return "";
  } catch (const CredentialsError& error) {
    return error.what();
  }
}

TEST(AwsProfiles, TheConfigFileNamesItsSectionsProfile) {
  const Profiles profiles = read(
      "[default]\nregion = eu-west-1\n[profile dev]\nrole_arn=arn:x\n[profile \"two words\"]\nregion=a\n"
      "[dev2]\nregion=b\n[sso-session corp]\nsso_start_url=https://x\n[services s]\nregion=c\n");
  ASSERT_EQ(profiles.size(), 3U);
  EXPECT_EQ(profiles.at("default").get("region"), "eu-west-1");
  EXPECT_EQ(profiles.at("dev").get("role_arn"), "arn:x");
  EXPECT_EQ(profiles.at("two words").get("region"), "a");
}

TEST(AwsProfiles, TheCredentialsFileNamesItsSectionsAsTheyAre) {
  const Profiles profiles = read("[profile dev]\na=1\n[dev]\na=2\n", ProfileSyntax::kCredentials);
  EXPECT_EQ(profiles.at("dev").get("a"), "2");
  EXPECT_EQ(profiles.at("profile dev").get("a"), "1");
}

TEST(AwsProfiles, ReadsCommentsBlanksLineEndsAndNestedSettings) {
  const Profiles profiles = read(
      "# first\r\n; second\r\n\r\n[default] # third\r\nRegion =  eu-west-1 # fourth\r\nkey=a#b=c;d\r\ns3 =\r\n"
      "  max_concurrent_requests = 20\r\n\tregion = nested\r\nlast=x");
  const Profile& profile = profiles.at("default");
  EXPECT_EQ(profile.get("region"), "eu-west-1") << "names in lower case, nested ones passed over";
  EXPECT_EQ(profile.get("key"), "a#b=c;d") << "a comment follows a blank";
  EXPECT_FALSE(profile.has("s3"));
  EXPECT_FALSE(profile.has("max_concurrent_requests"));
  EXPECT_EQ(profile.get("last"), "x");
}

TEST(AwsProfiles, RepeatedSectionsAreOneAndTheLastSettingWins) {
  const Profiles profiles = read("[default]\na=1\nb=1\n[profile x]\n[default]\na=2\n");
  EXPECT_EQ(profiles.at("default").get("a"), "2");
  EXPECT_EQ(profiles.at("default").get("b"), "1");
}

TEST(AwsProfiles, NamesTheLineThatIsNothingAndDoesNotRepeatIt) {
  for (const char* text : {"\n[default\n", "[default]\nsecret\n", "\na=1\n", "[default]\n=value\n"})
    EXPECT_EQ(refusal(text), "file: line 2 is neither a section, a setting in one, nor a comment") << text;
}

TEST(AwsProfiles, FilesThatDoNotExistCountAsEmpty) {
  EXPECT_TRUE(load_profiles("/nowhere/credentials", "", 100).empty());
}

TEST(AwsProfiles, WhatIsNoFileIsRefused) {
  EXPECT_THROW((void)load_profiles("/", "", 100), CredentialsError);
  EXPECT_THROW((void)load_profiles("", "/dev/zero", 100), CredentialsError);
}

}  // namespace
}  // namespace nexus::cloud::aws

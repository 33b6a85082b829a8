#pragma once

#include "cloud/aws/credential_chain.h"
#include "cloud/aws/hand_clock.h"
#include "outbound/client_fixture.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

namespace nexus::cloud::aws {

inline constexpr std::string_view kExpires = "2026-02-17T11:00:00Z";  // an hour after the start of the clock

inline std::string machine_keys(const std::string& id = "ASIAMACHINE") {
  return R"({"Code":"Success","AccessKeyId":")" + id +
         R"(","SecretAccessKey":"s3cret","Token":"t0ken","Expiration":")" + std::string(kExpires) + R"("})";
}

inline std::string sts_keys(const std::string& action, const std::string& id,
                            const std::string& expiration = "1771326000.0") {
  return R"({")" + action + R"(Response":{")" + action + R"(Result":{"Credentials":{"AccessKeyId":")" + id +
         R"(","SecretAccessKey":"s3cret","SessionToken":"t0ken","Expiration":)" + expiration + "}}}}";
}

/// A chain whose peers are one twin and whose files lie in a folder of its own.
struct CredentialChainTest : outbound::CurlClientFixture {
  std::filesystem::path folder;
  HandClock wall;
  ChainOptions chain;
  std::unique_ptr<CredentialChain> made;

  void SetUp() override {
    std::string name = (std::filesystem::temp_directory_path() / "aws-chain-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder = name;
    chain.sts.endpoint = twin.url("/sts");
    chain.sts.attempts = chain.container.attempts = chain.instance.attempts = 1;
    chain.container.host = twin.url("");
    chain.instance.endpoint = twin.url("");
    chain.instance.disabled = true;
  }
  void TearDown() override {
    made.reset();
    std::filesystem::remove_all(folder);
  }

  std::string file(const std::string& name, const std::string& text) {
    const std::string path = (folder / name).string();
    std::ofstream(path, std::ios::binary) << text;
    return path;
  }
  void credentials_file(const std::string& text) { chain.credentials_file = file("credentials", text); }
  void config_file(const std::string& text) { chain.config_file = file("config", text); }

  Credentials credentials() {
    if (!made) made = std::make_unique<CredentialChain>(client(), wall, chain);
    return made->credentials({});
  }
  /// The key's id, or why there is none.
  std::string key() {
    try {
      return credentials().access_key_id;
    } catch (const CredentialsError& error) {
      return error.what();
    }
  }
  [[nodiscard]] std::string targets() const {
    std::string out;
    for (const auto& request : twin.requests()) out += request.method + " " + request.target + "\n";
    return out;
  }
};

}  // namespace nexus::cloud::aws

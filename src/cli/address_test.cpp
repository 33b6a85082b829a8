#include "cli/address.h"

#include "cli/failure.h"

#include <gtest/gtest.h>

namespace nexus::cli {
namespace {

TEST(ParseAddress, ReadsNamesNumbersAndBracketedIpv6) {
  EXPECT_EQ(parse_address("127.0.0.1:8000"), (Address{"127.0.0.1", 8000}));
  EXPECT_EQ(parse_address("localhost:0"), (Address{"localhost", 0}));
  EXPECT_EQ(parse_address(" [::1]:65535 "), (Address{"::1", 65535}));
}

TEST(ParseAddress, RefusesWhatIsNoHostAndPort) {
  for (const char* text : {"", "8000", ":8000", "host", "host:", "host:http", "host:65536", "host:-1", "host:80x",
                           "::1:8000", "[::1]", "[::1:8000", "[::1]8000", "[]:80"})
    EXPECT_THROW((void)parse_address(text), UsageError) << text;
}

TEST(ParseAddress, IsUndoneByToString) {
  for (const char* text : {"127.0.0.1:8000", "[::1]:0", "localhost:80"})
    EXPECT_EQ(to_string(parse_address(text)), text);
}

TEST(ParseBaseUrl, TakesSchemePortAndPrefixOrLeavesThemOut) {
  const BaseUrl whole = parse_base_url("http://example.test:8000/rag/");
  EXPECT_EQ(whole.address, (Address{"example.test", 8000}));
  EXPECT_EQ(whole.prefix, "/rag");
  EXPECT_EQ(parse_base_url("127.0.0.1:8000").address, (Address{"127.0.0.1", 8000}));
  EXPECT_EQ(parse_base_url("HTTP://host").address, (Address{"host", 80}));
  EXPECT_EQ(parse_base_url("http://[::1]:9/").address, (Address{"::1", 9}));
  EXPECT_EQ(parse_base_url("http://host/").prefix, "");
}

TEST(ParseBaseUrl, SaysWhyHttpsIsRefused) {
  try {
    (void)parse_base_url("https://host");
    FAIL() << "expected UsageError";
  } catch (const UsageError& e) {
    EXPECT_NE(std::string(e.what()).find("http only"), std::string::npos);
  }
  for (const char* text : {"ftp://host", "http://", "http:///path", "http://host:x"})
    EXPECT_THROW((void)parse_base_url(text), UsageError) << text;
}

}  // namespace
}  // namespace nexus::cli

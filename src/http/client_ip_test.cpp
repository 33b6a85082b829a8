#include "http/client_ip.h"

#include <gtest/gtest.h>

#include <stdexcept>

namespace nexus::http {
namespace {

ProxyTrust trust(std::vector<std::string> entries) {
  return ProxyTrust(entries);
}

Request forwarded(Pairs headers) {
  Request request;
  request.headers = std::move(headers);
  return request;
}

TEST(ProxyTrustList, MatchesAddressesAndBlocks) {
  const ProxyTrust proxies = trust({"127.0.0.1", "10.0.0.0/8", "192.168.4.0/23", "2001:db8::/33", "::1"});
  for (const auto* inside : {"127.0.0.1", "10.255.0.1", "192.168.5.255", "2001:db8:7fff::1", "::1", "::ffff:10.1.2.3"})
    EXPECT_TRUE(proxies.trusts(std::string_view(inside))) << inside;
  for (const auto* outside : {"127.0.0.2", "11.0.0.1", "192.168.6.0", "2001:db8:8000::1", "::2", "unknown", ""})
    EXPECT_FALSE(proxies.trusts(std::string_view(outside))) << outside;
}

TEST(ProxyTrustList, TrustsEverybodyOnlyWhenTold) {
  EXPECT_TRUE(trust({"0.0.0.0/0"}).trusts(std::string_view("8.8.8.8")));
  EXPECT_FALSE(trust({"0.0.0.0/0"}).trusts(std::string_view("2001:db8::1")));
  EXPECT_FALSE(trust({}).trusts(std::string_view("127.0.0.1")));
}

TEST(ProxyTrustList, RefusesWhatIsNoBlock) {
  for (const auto* entry : {"localhost", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/8x", "::/129", "1.2.3"})
    EXPECT_THROW(trust({entry}), std::invalid_argument) << entry;
}

TEST(RequestOrigin, IgnoresForwardedHeadersOfStrangers) {
  const Request request = forwarded({{"X-Forwarded-For", "1.2.3.4"}, {"X-Forwarded-Proto", "https"}, {"Host", "api"}});
  const Origin origin = trust({"127.0.0.1"}).origin("9.9.9.9", false, request);
  EXPECT_EQ(origin.client_ip, "9.9.9.9");
  EXPECT_FALSE(origin.https);
  EXPECT_EQ(origin.host, "api");
}

TEST(RequestOrigin, StopsAtTheFirstHopThatIsNotTrusted) {
  const Request request =
      forwarded({{"X-Forwarded-For", "6.6.6.6, 1.2.3.4"}, {"x-forwarded-for", "10.0.0.7"}, {"Host", "api"}});
  EXPECT_EQ(trust({"127.0.0.1", "10.0.0.0/8"}).origin("127.0.0.1", true, request).client_ip, "1.2.3.4");
}

TEST(RequestOrigin, StopsAtWhatIsNoAddress) {
  const Request request = forwarded({{"X-Forwarded-For", "1.2.3.4, unknown, 10.0.0.7"}});
  EXPECT_EQ(trust({"10.0.0.0/8"}).origin("10.0.0.1", true, request).client_ip, "10.0.0.7");
}

TEST(RequestOrigin, ReadsPortsAndBrackets) {
  const ProxyTrust proxies = trust({"127.0.0.1"});
  const auto client = [&](const char* text) {
    return proxies.origin("127.0.0.1", true, forwarded({{"X-Forwarded-For", text}})).client_ip;
  };
  EXPECT_EQ(client("1.2.3.4:567"), "1.2.3.4");
  EXPECT_EQ(client("[2001:DB8::1]:567"), "2001:db8::1");
  EXPECT_EQ(client("2001:db8::2"), "2001:db8::2");
  EXPECT_EQ(client("::ffff:5.6.7.8"), "5.6.7.8");
}

TEST(RequestOrigin, TakesSchemeAndHostOfTheNearestProxy) {
  const Request request = forwarded({{"X-Forwarded-Proto", "http, https"},
                                     {"X-Forwarded-Host", "evil.example, rag.example:8443"},
                                     {"Host", "internal"}});
  const Origin origin = trust({"127.0.0.1"}).origin("127.0.0.1", true, request);
  EXPECT_TRUE(origin.https);
  EXPECT_EQ(origin.host, "rag.example:8443");
}

TEST(IpAddressNetwork, IsTheAddressOfIpv4AndTheFirstHalfOfIpv6) {
  const auto network = [](std::string_view text) { return IpAddress::parse(text)->network().to_string(); };
  EXPECT_EQ(network("203.0.113.7"), "203.0.113.7");
  EXPECT_EQ(network("::ffff:203.0.113.7"), "203.0.113.7");
  EXPECT_EQ(network("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
}

TEST(RequestOrigin, RefusesAHostThatIsNoAuthority) {
  EXPECT_EQ(trust({}).origin("9.9.9.9", false, forwarded({{"Host", "a b/<script>"}})).host, "");
}

}  // namespace
}  // namespace nexus::http

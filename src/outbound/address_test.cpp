#include "outbound/address.h"

#include "outbound/address_guard.h"

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace nexus::outbound {
namespace {

IpAddress ip(std::string_view text) {
  const auto parsed = IpAddress::parse(text);
  if (!parsed) throw std::invalid_argument(std::string(text));
  return *parsed;
}

struct Known {
  std::string_view address;
  AddressKind kind;
};

using enum AddressKind;

constexpr Known kKnown[] = {
    {"8.8.8.8", kPublic},
    {"1.1.1.1", kPublic},
    {"9.255.255.255", kPublic},
    {"10.0.0.0", kPrivate},
    {"10.255.255.255", kPrivate},
    {"11.0.0.0", kPublic},
    {"0.0.0.0", kUnspecified},
    {"0.1.2.3", kUnspecified},
    {"100.63.255.255", kPublic},
    {"100.64.0.0", kPrivate},
    {"100.127.255.255", kPrivate},
    {"100.128.0.0", kPublic},
    {"100.100.100.200", kMetadata},
    {"127.0.0.1", kLoopback},
    {"127.255.255.254", kLoopback},
    {"128.0.0.0", kPublic},
    {"168.63.129.16", kMetadata},
    {"169.253.255.255", kPublic},
    {"169.254.0.1", kLinkLocal},
    {"169.254.169.254", kMetadata},
    {"169.254.170.2", kMetadata},
    {"172.15.255.255", kPublic},
    {"172.16.0.1", kPrivate},
    {"172.31.255.255", kPrivate},
    {"172.32.0.0", kPublic},
    {"192.0.0.8", kReserved},
    {"192.0.2.1", kReserved},
    {"192.88.99.1", kReserved},
    {"192.168.1.1", kPrivate},
    {"198.17.255.255", kPublic},
    {"198.18.0.1", kReserved},
    {"198.19.255.255", kReserved},
    {"198.51.100.7", kReserved},
    {"203.0.113.9", kReserved},
    {"224.0.0.251", kMulticast},
    {"239.255.255.255", kMulticast},
    {"240.0.0.1", kReserved},
    {"255.255.255.255", kReserved},
    {"::", kUnspecified},
    {"::1", kLoopback},
    {"::2", kReserved},
    {"::127.0.0.1", kReserved},  // compatible form, deprecated
    {"::8.8.8.8", kReserved},
    {"::ffff:127.0.0.1", kLoopback},
    {"::ffff:a00:1", kPrivate},
    {"::ffff:8.8.8.8", kPublic},
    {"::ffff:169.254.169.254", kMetadata},
    {"64:ff9b::7f00:1", kLoopback},
    {"64:ff9b::a9fe:a9fe", kMetadata},
    {"64:ff9b::8.8.8.8", kPublic},
    {"64:ff9b:1::1", kPrivate},
    {"100::1", kReserved},
    {"2001::1", kReserved},  // Teredo
    {"2001:2::1", kReserved},
    {"2001:db8::1", kReserved},
    {"3fff::1", kReserved},
    {"2002:7f00:1::", kLoopback},
    {"2002:c0a8:101::1", kPrivate},
    {"2002:808:808::1", kPublic},
    {"2606:4700:4700::1111", kPublic},
    {"2a00:1450:4001:82a::200e", kPublic},
    {"4000::1", kReserved},
    {"fc00::1", kPrivate},
    {"fdff::1", kPrivate},
    {"fd00:ec2::254", kMetadata},
    {"fe80::1", kLinkLocal},
    {"febf::1", kLinkLocal},
    {"fec0::1", kPrivate},
    {"ff02::1", kMulticast},
};

TEST(Address, IsClassifiedByWhatItReaches) {
  for (const Known& known : kKnown)
    EXPECT_EQ(to_string(classify(ip(known.address))), to_string(known.kind)) << known.address;
}

TEST(Address, HasOneValueForBothSpellingsOfIpv4) {
  EXPECT_EQ(ip("::ffff:10.0.0.1"), ip("10.0.0.1"));
  EXPECT_EQ(ip("::ffff:a00:1").text(), "10.0.0.1");
  EXPECT_EQ(ip("2001:0DB8:0::01").url_text(), "[2001:db8::1]");
}

TEST(Address, IsReadStrictly) {
  for (const std::string_view text : {"", "127.1", "0177.0.0.1", "1.2.3.4.", "1.2.3.256", " 1.2.3.4", "fe80::1%eth0",
                                      "[::1]", "1.2.3.4/8", ":::", "12345::"})
    EXPECT_FALSE(IpAddress::parse(text)) << text;
  EXPECT_FALSE(IpAddress::parse(std::string_view("1.2.3.4\0x", 9)));
}

TEST(Cidr, ContainsWhatSharesItsPrefix) {
  EXPECT_TRUE(Cidr::parse("10.0.0.0/8")->contains(ip("10.255.0.1")));
  EXPECT_FALSE(Cidr::parse("10.0.0.0/8")->contains(ip("11.0.0.1")));
  EXPECT_TRUE(Cidr::parse("192.168.1.77/30")->contains(ip("192.168.1.78")));
  EXPECT_FALSE(Cidr::parse("192.168.1.77/30")->contains(ip("192.168.1.80")));
  EXPECT_TRUE(Cidr::parse("10.1.2.3")->contains(ip("::ffff:10.1.2.3")));
  EXPECT_TRUE(Cidr::parse("0.0.0.0/0")->contains(ip("8.8.8.8")));
  EXPECT_FALSE(Cidr::parse("::/0")->contains(ip("8.8.8.8")));
  EXPECT_TRUE(Cidr::parse("fd00::/7")->contains(ip("fc12::1")));
  for (const std::string_view text :
       {"10.0.0.0/33", "fd00::/129", "10.0.0.0/", "10.0.0.0/-1", "/8", "10.0/8", "10.0.0.0/8 "})
    EXPECT_FALSE(Cidr::parse(text)) << text;
}

/// "" when allowed, else the name of the fault.
std::string verdict(const AddressGuard& guard, std::string_view host, std::vector<IpAddress> addresses,
                    UrlOrigin origin = UrlOrigin::kUser) {
  try {
    guard.check(host, addresses, origin);
    return "";
  } catch (const Error& error) {
    return std::string(to_string(error.fault()));
  }
}

TEST(AddressGuard, LetsUsersReachPublicAddressesOnly) {
  const AddressGuard guard;
  for (const Known& known : kKnown)
    EXPECT_EQ(verdict(guard, "host.example", {ip(known.address)}), known.kind == kPublic ? "" : "refused_address")
        << known.address;
}

TEST(AddressGuard, RefusesANameWithOneBadAddressAmongGoodOnes) {
  EXPECT_EQ(verdict({}, "host.example", {ip("8.8.8.8"), ip("10.0.0.1"), ip("1.1.1.1")}), "refused_address");
  EXPECT_EQ(verdict({}, "host.example", {ip("8.8.8.8"), ip("2606:4700::1")}), "");
  EXPECT_EQ(verdict({}, "host.example", {}), "refused_address");
}

TEST(AddressGuard, LetsTheOperatorReachAllButMetadata) {
  const AddressGuard guard;
  EXPECT_EQ(verdict(guard, "ollama", {ip("10.1.1.1")}, UrlOrigin::kOperator), "");
  EXPECT_EQ(verdict(guard, "localhost", {ip("::1")}, UrlOrigin::kOperator), "");
  EXPECT_EQ(verdict(guard, "metadata.google.internal", {ip("169.254.169.254")}, UrlOrigin::kOperator),
            "refused_address");
}

TEST(AddressGuard, OpensWhatItsListNames) {
  const AddressGuard guard(" 10.1.0.0/16, Hooks.Internal ,*.corp.example,fd12::/16,,127.0.0.1");
  EXPECT_EQ(verdict(guard, "a.example", {ip("10.1.200.1")}), "");
  EXPECT_EQ(verdict(guard, "a.example", {ip("10.2.0.1")}), "refused_address");
  EXPECT_EQ(verdict(guard, "hooks.internal", {ip("192.168.7.7")}), "");
  EXPECT_EQ(verdict(guard, "x.hooks.internal", {ip("192.168.7.7")}), "refused_address");
  EXPECT_EQ(verdict(guard, "a.b.corp.example", {ip("192.168.7.7")}), "");
  EXPECT_EQ(verdict(guard, "corp.example", {ip("192.168.7.7")}), "refused_address");
  EXPECT_EQ(verdict(guard, "evilcorp.example", {ip("192.168.7.7")}), "refused_address");
  EXPECT_EQ(verdict(guard, "a.example", {ip("fd12::9")}), "");
  EXPECT_EQ(verdict(guard, "127.0.0.1", {ip("::ffff:127.0.0.1")}), "");
}

TEST(AddressGuard, OpensMetadataOnlyForAnEntryOfThatOneAddress) {
  const IpAddress imds = ip("169.254.169.254");
  EXPECT_EQ(verdict(AddressGuard("169.254.0.0/16"), "imds", {imds}), "refused_address");
  EXPECT_EQ(verdict(AddressGuard("imds"), "imds", {imds}, UrlOrigin::kOperator), "refused_address");
  EXPECT_EQ(verdict(AddressGuard("169.254.169.254/32"), "imds", {imds}), "");
  EXPECT_EQ(verdict(AddressGuard("169.254.169.254"), "imds", {imds}, UrlOrigin::kOperator), "");
}

TEST(AddressGuard, NamesTheEntryItCannotRead) {
  for (const std::string entry : {"10.0.0.0/40", "10.0.0", "host name", "*.", "*", "http://a", "[::1]", ".a"}) {
    try {
      const AddressGuard guard("10.0.0.1," + entry);
      ADD_FAILURE() << entry;
    } catch (const std::invalid_argument& error) {
      EXPECT_NE(std::string(error.what()).find("\"" + entry + "\""), std::string::npos) << error.what();
    }
  }
}

}  // namespace
}  // namespace nexus::outbound

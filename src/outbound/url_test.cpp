#include "outbound/url.h"

#include "outbound/client.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace nexus::outbound {
namespace {

struct Case {
  std::string_view text;
  std::string_view meaning;  ///< rebuilt; empty: refused
};

constexpr Case kCases[] = {
    {"https://Example.COM/Path?Q=1#top", "https://example.com/Path?Q=1"},
    {"HTTP://example.com", "http://example.com/"},
    {"http://example.com?q", "http://example.com/?q"},
    {"http://example.com:80/", "http://example.com/"},
    {"https://example.com:80/", "https://example.com:80/"},
    {"https://example.com:/", "https://example.com/"},
    {"http://example.com:65535/", "http://example.com:65535/"},
    {"http://example.com./x", "http://example.com/x"},
    {"http://a_b-c.example/../x/%2e%2e", "http://a_b-c.example/../x/%2e%2e"},
    {"http://xn--bcher-kva.example/", "http://xn--bcher-kva.example/"},
    // every spelling of an IPv4 address
    {"http://127.0.0.1/", "http://127.0.0.1/"},
    {"http://127.0.0.1./", "http://127.0.0.1/"},
    {"http://127.1/", "http://127.0.0.1/"},
    {"http://2130706433/", "http://127.0.0.1/"},
    {"http://0x7f000001/", "http://127.0.0.1/"},
    {"http://0X7F.1/", "http://127.0.0.1/"},
    {"http://017700000001/", "http://127.0.0.1/"},
    {"http://0177.0.0.01/", "http://127.0.0.1/"},
    {"http://0/", "http://0.0.0.0/"},
    {"http://0x/", "http://0.0.0.0/"},
    {"http://2852039166/", "http://169.254.169.254/"},
    {"http://169.254.43518/", "http://169.254.169.254/"},
    {"http://4294967296/", ""},
    {"http://256.1.1.1/", ""},
    {"http://1.2.3.4.5/", ""},
    {"http://08.1.1.1/", ""},
    {"http://1..1/", ""},
    {"http://example.0x7f/", ""},
    {"http://example.1/", ""},
    {"http://1.2.3.4.example/", "http://1.2.3.4.example/"},
    {"http://8.8.8.8.127.0.0.1.nip.example:81x/", ""},
    {"http://[::1]8080/", ""},
    {"http://[::1]x:80/", ""},
    {"http://1.example/", "http://1.example/"},
    // IPv6
    {"http://[::1]:8080/", "http://[::1]:8080/"},
    {"http://[::FFFF:127.0.0.1]/", "http://127.0.0.1/"},
    {"http://[::ffff:7f00:1]/", "http://127.0.0.1/"},
    {"http://[2001:DB8::1]/", "http://[2001:db8::1]/"},
    {"http://[fe80::1%25eth0]/", ""},
    {"http://[v1.a]/", ""},
    {"http://[::1/", ""},
    // what hides a host
    {"http://good.example@127.0.0.1/", ""},
    {"http://user:secret@example.com/", ""},
    {"http://@example.com/", ""},
    {"http://127.0.0.1#@good.example/", "http://127.0.0.1/"},
    {"http://good.example\\@127.0.0.1/", ""},
    {"http://%31%32%37.0.0.1/", ""},
    {"http://exa%6dple.com/", ""},
    {"http://exa\tmple.com/", ""},
    {"http://example.com/\r\nX: y", ""},
    {" http://example.com/", ""},
    {"http://ex ample.com/", ""},
    {"http://\xEF\xBC\x91\xEF\xBC\x92\xEF\xBC\x97.0.0.1/", ""},  // full-width digits
    {"http://localhost%00.example/", ""},
    {"http://exa,mple.com/", ""},
    // what is no http URL with a host
    {"", ""},
    {"example.com/x", ""},
    {"//example.com/", ""},
    {"http:/example.com/", ""},
    {"http:example.com", ""},
    {"http:///x", ""},
    {"http://./", ""},
    {"http://..example/", ""},
    {"http://example..com/", ""},
    {"ftp://example.com/", ""},
    {"file:///etc/passwd", ""},
    {"gopher://127.0.0.1:25/", ""},
    {"javascript:alert(1)", ""},
    {"http://example.com:0/", ""},
    {"http://example.com:65536/", ""},
    {"http://example.com:8x/", ""},
};

TEST(Url, IsReadInOneWayOrRefused) {
  for (const Case& c : kCases) {
    std::string meaning;
    try {
      meaning = parse_url(c.text).text();
    } catch (const Error& error) {
      EXPECT_EQ(error.fault(), Fault::kBadUrl) << c.text;
    }
    EXPECT_EQ(meaning, c.meaning) << c.text;
  }
}

TEST(Url, IsBounded) {
  EXPECT_THROW((void)parse_url("http://example.com/" + std::string(8 * 1024, 'a')), Error);
  EXPECT_THROW((void)parse_url("http://" + std::string(64, 'a') + ".example/"), Error);
  std::string host;
  for (int i = 0; i < 130; ++i) host += "a.";
  EXPECT_THROW((void)parse_url("http://" + host + "example/"), Error);
}

TEST(Url, KeepsSecretsOutOfItsComplaints) {
  try {
    (void)parse_url("http://user:hunter2@example.com/?token=abc");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(std::string(error.what()).find("hunter2"), std::string::npos);
    EXPECT_EQ(std::string(error.what()).find("abc"), std::string::npos);
  }
}

}  // namespace
}  // namespace nexus::outbound

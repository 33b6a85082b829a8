// That TLS is verified: against a server with a certificate of its own making.
#include "observe/metrics.h"
#include "outbound/curl_client.h"
#include "outbound/tls_twin.h"

#include <gtest/gtest.h>

#include <string>

namespace nexus::outbound {
namespace {

/// One answer, then the end.
void answer_once(SSL* session) {
  char request[4096];
  if (SSL_read(session, request, sizeof request) <= 0) return;
  const std::string answer = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\nConnection: close\r\n\r\nsecret";
  SSL_write(session, answer.data(), static_cast<int>(answer.size()));
}

std::string outcome(const std::string& url, const std::string& ca_file) {
  const SystemClock clock;
  observe::Metrics metrics;
  LocalBreakerStore store(clock);
  CircuitBreaker breaker(store, {}, metrics);
  CurlClient client(options_for_tls(ca_file), clock, metrics, breaker, hooks_for_tls());
  try {
    return client.send({.integration = "tls", .method = "GET", .url = url, .attempts = 1}).body;
  } catch (const Error& error) {
    return std::string(to_string(error.fault()));
  }
}

TEST(Tls, RefusesACertificateThatNobodyVouchesFor) {
  const TlsTwin twin("twin.example", &answer_once);
  EXPECT_EQ(outcome(twin.url("twin.example"), ""), "network");
}

TEST(Tls, AcceptsTheAuthorityOfTheSetting) {
  const TlsTwin twin("twin.example", &answer_once);
  EXPECT_EQ(outcome(twin.url("twin.example"), twin.certificate_file()), "secret");
}

TEST(Tls, RefusesTheCertificateOfAnotherHost) {
  const TlsTwin twin("twin.example", &answer_once);
  EXPECT_EQ(outcome(twin.url("other.example"), twin.certificate_file()), "network");
}

}  // namespace
}  // namespace nexus::outbound

// That TLS is verified: against a server with a certificate of its own making.
#include "observe/metrics.h"
#include "outbound/curl_client.h"

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <arpa/inet.h>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <netinet/in.h>
#include <stdexcept>
#include <string>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace nexus::outbound {
namespace {

template <auto Free>
struct Deleter {
  template <class T>
  void operator()(T* object) const {
    Free(object);
  }
};
using Key = std::unique_ptr<EVP_PKEY, Deleter<EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Deleter<X509_free>>;
using Extension = std::unique_ptr<X509_EXTENSION, Deleter<X509_EXTENSION_free>>;
using Context = std::unique_ptr<SSL_CTX, Deleter<SSL_CTX_free>>;
using Session = std::unique_ptr<SSL, Deleter<SSL_free>>;

void must(bool holds) {
  if (!holds) throw std::runtime_error("tls twin");
}

Certificate self_signed(EVP_PKEY* key, const std::string& host) {
  Certificate certificate(X509_new());
  X509_set_version(certificate.get(), 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -3600);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 3600);
  X509_set_pubkey(certificate.get(), key);
  X509_NAME* name = X509_get_subject_name(certificate.get());
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>(host.c_str()), -1, -1, 0);
  X509_set_issuer_name(certificate.get(), name);
  const std::string alternative = "DNS:" + host;
  const Extension extension(X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, alternative.c_str()));
  X509_add_ext(certificate.get(), extension.get(), -1);
  must(X509_sign(certificate.get(), key, EVP_sha256()) > 0);
  return certificate;
}

/// Answers one request per connection over TLS, for `host`; its certificate lies in a file.
class TlsTwin {
 public:
  explicit TlsTwin(const std::string& host) : key_(EVP_EC_gen("P-256")), context_(SSL_CTX_new(TLS_server_method())) {
    const Certificate certificate = self_signed(key_.get(), host);
    must(SSL_CTX_use_certificate(context_.get(), certificate.get()) == 1);
    must(SSL_CTX_use_PrivateKey(context_.get(), key_.get()) == 1);
    std::unique_ptr<FILE, Deleter<fclose>> out(std::fopen(file_.c_str(), "w"));
    must(out && PEM_write_X509(out.get(), certificate.get()) == 1);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* raw = reinterpret_cast<sockaddr*>(&address);
    must(::bind(listener_, raw, size) == 0 && ::listen(listener_, 8) == 0 && ::getsockname(listener_, raw, &size) == 0);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { serve(); });
  }
  ~TlsTwin() {
    ::shutdown(listener_, SHUT_RDWR);
    thread_.join();
    ::close(listener_);
    std::filesystem::remove(file_);
  }
  TlsTwin(const TlsTwin&) = delete;
  TlsTwin& operator=(const TlsTwin&) = delete;

  [[nodiscard]] std::string url(const std::string& host) const {
    return "https://" + host + ":" + std::to_string(port_) + "/";
  }
  [[nodiscard]] const std::string& certificate_file() const { return file_; }

 private:
  void serve() {
    sigset_t pipe;
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe, nullptr);  // OpenSSL writes to clients that have left
    for (int fd = ::accept(listener_, nullptr, nullptr); fd >= 0; fd = ::accept(listener_, nullptr, nullptr)) {
      const Session session(SSL_new(context_.get()));
      SSL_set_fd(session.get(), fd);
      char request[4096];
      if (SSL_accept(session.get()) == 1 && SSL_read(session.get(), request, sizeof request) > 0) {
        const std::string answer = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\nConnection: close\r\n\r\nsecret";
        SSL_write(session.get(), answer.data(), static_cast<int>(answer.size()));
        SSL_shutdown(session.get());
      }
      ::close(fd);
    }
  }

  const Key key_;
  const Context context_;
  const std::string file_ =
      std::filesystem::temp_directory_path() / ("nexus-tls-twin-" + std::to_string(::getpid()) + ".pem");
  const int listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  int port_ = 0;
  std::thread thread_;
};

std::string outcome(const std::string& url, const std::string& ca_file) {
  const SystemClock clock;
  observe::Metrics metrics;
  LocalBreakerStore store(clock);
  CircuitBreaker breaker(store, {}, metrics);
  ClientOptions options{.timeout_ms = 20'000};
  options.transfer.ca_file = ca_file;
  ClientHooks hooks{.random = [] { return 0.5; },
                    .resolve = [](const std::string&) { return std::vector{IpAddress::parse("127.0.0.1").value()}; }};
  CurlClient client(options, clock, metrics, breaker, hooks);
  try {
    return client.send({.integration = "tls", .method = "GET", .url = url, .attempts = 1}).body;
  } catch (const Error& error) {
    return std::string(to_string(error.fault()));
  }
}

TEST(Tls, RefusesACertificateThatNobodyVouchesFor) {
  const TlsTwin twin("twin.example");
  EXPECT_EQ(outcome(twin.url("twin.example"), ""), "network");
}

TEST(Tls, AcceptsTheAuthorityOfTheSetting) {
  const TlsTwin twin("twin.example");
  EXPECT_EQ(outcome(twin.url("twin.example"), twin.certificate_file()), "secret");
}

TEST(Tls, RefusesTheCertificateOfAnotherHost) {
  const TlsTwin twin("twin.example");
  EXPECT_EQ(outcome(twin.url("other.example"), twin.certificate_file()), "network");
}

}  // namespace
}  // namespace nexus::outbound

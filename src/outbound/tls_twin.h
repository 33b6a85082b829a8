#pragma once

#include "outbound/address.h"
#include "outbound/curl_client.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <arpa/inet.h>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <memory>
#include <netinet/in.h>
#include <stdexcept>
#include <string>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

namespace nexus::outbound {

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

inline void must(bool holds) {
  if (!holds) throw std::runtime_error("tls twin");
}

inline Certificate self_signed(EVP_PKEY* key, const std::string& host) {
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

/// A server on loopback with a certificate of its own making, which lies in a file. The handler serves one connection
/// after its handshake, each on a thread of its own.
class TlsTwin {
 public:
  using Handler = std::function<void(SSL*)>;

  /// `alpn`: the one protocol that the server offers, e.g. "h2"; empty: it does not say.
  TlsTwin(const std::string& host, Handler handler, std::string alpn = "")
      : handler_(std::move(handler)),
        alpn_(std::move(alpn)),
        key_(EVP_EC_gen("P-256")),
        context_(SSL_CTX_new(TLS_server_method())) {
    const Certificate certificate = self_signed(key_.get(), host);
    must(SSL_CTX_use_certificate(context_.get(), certificate.get()) == 1);
    must(SSL_CTX_use_PrivateKey(context_.get(), key_.get()) == 1);
    if (!alpn_.empty()) SSL_CTX_set_alpn_select_cb(context_.get(), &TlsTwin::on_alpn, this);
    std::unique_ptr<FILE, Deleter<fclose>> out(std::fopen(file_.c_str(), "w"));
    must(out && PEM_write_X509(out.get(), certificate.get()) == 1);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* raw = reinterpret_cast<sockaddr*>(&address);
    must(::bind(listener_, raw, size) == 0 && ::listen(listener_, 8) == 0 && ::getsockname(listener_, raw, &size) == 0);
    port_ = ntohs(address.sin_port);
    acceptor_ = std::thread([this] { accept_all(); });
  }
  ~TlsTwin() {
    ::shutdown(listener_, SHUT_RDWR);
    acceptor_.join();
    for (const int fd : accepted_) ::shutdown(fd, SHUT_RDWR);
    for (std::thread& thread : threads_) thread.join();
    for (const int fd : accepted_) ::close(fd);
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
  static int on_alpn(SSL*, const unsigned char** out, unsigned char* out_size, const unsigned char* offered,
                     unsigned int offered_size, void* self) {
    const std::string& own = static_cast<TlsTwin*>(self)->alpn_;
    for (unsigned int at = 0; at < offered_size; at += offered[at] + 1u) {
      const std::string name(reinterpret_cast<const char*>(offered) + at + 1, offered[at]);
      if (name != own) continue;
      *out = offered + at + 1;
      *out_size = offered[at];
      return SSL_TLSEXT_ERR_OK;
    }
    return SSL_TLSEXT_ERR_NOACK;
  }

  void accept_all() {
    for (int fd = ::accept(listener_, nullptr, nullptr); fd >= 0; fd = ::accept(listener_, nullptr, nullptr)) {
      accepted_.push_back(fd);
      threads_.emplace_back([this, fd] { serve(fd); });
    }
  }

  void serve(int fd) {
    sigset_t pipe;
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe, nullptr);  // OpenSSL writes to clients that have left
    const Session session(SSL_new(context_.get()));
    SSL_set_fd(session.get(), fd);
    if (SSL_accept(session.get()) == 1) {
      handler_(session.get());
      SSL_shutdown(session.get());
    }
    ::shutdown(fd, SHUT_RDWR);
  }

  const Handler handler_;
  const std::string alpn_;
  const Key key_;
  const Context context_;
  const std::string file_ =
      std::filesystem::temp_directory_path() / ("nexus-tls-twin-" + std::to_string(::getpid()) + "-" +
                                                std::to_string(reinterpret_cast<std::uintptr_t>(this)) + ".pem");
  const int listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  int port_ = 0;
  std::vector<int> accepted_;         // only the acceptor adds
  std::vector<std::thread> threads_;  // only the acceptor adds
  std::thread acceptor_;
};

/// The name stands for this machine; the certificates of `ca_file` are trusted.
inline ClientOptions options_for_tls(const std::string& ca_file) {
  ClientOptions options{.timeout_ms = 20'000};
  options.transfer.ca_file = ca_file;
  return options;
}
inline ClientHooks hooks_for_tls() {
  return {.random = [] { return 0.5; },
          .resolve = [](const std::string&) { return std::vector{IpAddress::parse("127.0.0.1").value()}; }};
}

}  // namespace nexus::outbound

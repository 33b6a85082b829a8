#include "redis/loop.h"

#include <chrono>
#include <stdexcept>
#include <string>

namespace nexus::redis {
namespace {

boost::asio::ssl::context tls_context(const TlsOptions& options) {
  namespace ssl = boost::asio::ssl;
  ssl::context context(ssl::context::tls_client);
  boost::system::error_code error;
  const auto must = [&](const char* what) {
    if (error) throw std::runtime_error(std::string("TLS for Redis: ") + what + " cannot be used: " + error.message());
  };
  context.set_options(ssl::context::default_workarounds | ssl::context::no_tlsv1 | ssl::context::no_tlsv1_1);
  if (options.ca_file.empty()) {
    context.set_default_verify_paths(error);
    must("the system's authorities");
  } else {
    context.load_verify_file(options.ca_file, error);
    must("the file of authorities");
  }
  if (!options.cert_file.empty()) {
    context.use_certificate_chain_file(options.cert_file, error);
    must("the certificate");
    context.use_private_key_file(options.key_file, ssl::context::pem, error);
    must("the key");
  }
  return context;
}

}  // namespace

std::int64_t steady_us() {
  return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

Loop::Loop(const ClientOptions& client_options, bool with_tls) : options(client_options) {
  if (with_tls) tls.emplace(tls_context(options.tls));
}

}  // namespace nexus::redis

#pragma once

#include <openssl/bio.h>

#include <cstddef>
#include <memory>
#include <string_view>

/// PEM texts as OpenSSL reads them; for the files of this room alone.
namespace nexus::crypto {

struct BioDeleter {
  void operator()(BIO* bio) const { BIO_free(bio); }
};
using Bio = std::unique_ptr<BIO, BioDeleter>;

/// Borrows the text. Null for one of more than 64 KiB, and when there is no memory.
[[nodiscard]] inline Bio pem_bio(std::string_view pem) {
  constexpr std::size_t kMaxPem = std::size_t{64} * 1024;
  if (pem.size() > kMaxPem) return nullptr;
  return Bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
}

/// An encrypted PEM must not make OpenSSL ask at the terminal.
[[nodiscard]] inline int no_passphrase(char* /*buffer*/, int /*size*/, int /*writing*/, void* /*user*/) {
  return -1;
}

[[nodiscard]] inline const unsigned char* raw(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

}  // namespace nexus::crypto

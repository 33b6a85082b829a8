#include "crypto/evp.h"

#include <openssl/err.h>

#include <array>

namespace nexus::crypto {

void require(bool ok, const char* what) {
  if (ok) return;
  std::string message = what;
  const unsigned long code = ERR_get_error();
  if (code != 0) {
    std::array<char, 256> reason{};
    ERR_error_string_n(code, reason.data(), reason.size());
    message += std::string(": ") + reason.data();
  }
  ERR_clear_error();
  throw CryptoError(message);
}

}  // namespace nexus::crypto

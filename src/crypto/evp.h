#pragma once

#include <stdexcept>
#include <string>

/// Shared by the files of this room that call OpenSSL; names no OpenSSL type, so that its headers stay in .cpp files.
namespace nexus::crypto {

/// An operation that OpenSSL refused: wrong key material, no memory, a library without the algorithm.
class CryptoError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Throws CryptoError with OpenSSL's reason unless `ok`; empties OpenSSL's error queue either way when it throws.
void require(bool ok, const char* what);

}  // namespace nexus::crypto

#include "embed/sha256.h"

#include <openssl/evp.h>

#include <fstream>
#include <memory>
#include <stdexcept>
#include <vector>

namespace nexus::embed {
namespace {

struct DigestDeleter {
  void operator()(EVP_MD* digest) const { EVP_MD_free(digest); }
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};

// Fetching an algorithm costs more than hashing a word, so it is fetched once; OpenSSL's objects are shareable.
[[nodiscard]] const EVP_MD* sha256_algorithm() {
  static const std::unique_ptr<EVP_MD, DigestDeleter> algorithm(EVP_MD_fetch(nullptr, "SHA256", nullptr));
  if (!algorithm) throw std::runtime_error("OpenSSL offers no SHA-256");
  return algorithm.get();
}

void require_success(int result) {
  if (result != 1) throw std::runtime_error("SHA-256 failed");
}

}  // namespace

Sha256 sha256(std::span<const std::byte> bytes) {
  Sha256 hash{};
  require_success(EVP_Digest(bytes.data(), bytes.size(), reinterpret_cast<unsigned char*>(hash.data()), nullptr,
                             sha256_algorithm(), nullptr));
  return hash;
}

Sha256 sha256_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error("cannot read " + path.string());
  const std::unique_ptr<EVP_MD_CTX, DigestDeleter> context(EVP_MD_CTX_new());
  require_success(EVP_DigestInit_ex(context.get(), sha256_algorithm(), nullptr));
  std::vector<char> buffer(std::size_t{1} << 18U);
  while (file.read(buffer.data(), static_cast<std::streamsize>(buffer.size())) || file.gcount() > 0)
    require_success(EVP_DigestUpdate(context.get(), buffer.data(), static_cast<std::size_t>(file.gcount())));
  if (file.bad()) throw std::runtime_error("cannot read " + path.string());
  Sha256 hash{};
  require_success(EVP_DigestFinal_ex(context.get(), reinterpret_cast<unsigned char*>(hash.data()), nullptr));
  return hash;
}

std::string to_hex(const Sha256& hash) {
  static constexpr std::string_view kDigits = "0123456789abcdef";
  std::string hex;
  hex.reserve(hash.size() * 2);
  for (const std::byte b : hash) {
    hex.push_back(kDigits[std::to_integer<unsigned>(b) >> 4U]);
    hex.push_back(kDigits[std::to_integer<unsigned>(b) & 15U]);
  }
  return hex;
}

}  // namespace nexus::embed

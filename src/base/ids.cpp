#include "base/ids.h"

#include "base/encoding.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <sys/random.h>
#include <system_error>

namespace nexus {
namespace {

constexpr std::size_t kUuidBytes = 16;
using UuidBytes = std::array<std::byte, kUuidBytes>;

/// 4 KiB of random bytes per thread: a uuid then costs a copy instead of a system call.
class RandomPool {
 public:
  void take(std::span<std::byte> out) {
    if (left_ < out.size()) {
      random_bytes(pool_);
      left_ = pool_.size();
    }
    auto* const from = pool_.data() + (pool_.size() - left_);
    std::memcpy(out.data(), from, out.size());
    std::memset(from, 0, out.size());
    left_ -= out.size();
  }

 private:
  std::array<std::byte, 4096> pool_{};
  std::size_t left_ = 0;
};

UuidBytes random_uuid_bytes() {
  thread_local RandomPool pool;
  UuidBytes bytes{};
  pool.take(bytes);
  return bytes;
}

void stamp(UuidBytes& bytes, unsigned version) {
  bytes[6] = (bytes[6] & std::byte{0x0F}) | std::byte(version << 4);
  bytes[8] = (bytes[8] & std::byte{0x3F}) | std::byte{0x80};
}

std::string dashed(const UuidBytes& bytes) {
  const std::string hex = hex_encode(bytes);
  std::string out;
  out.reserve(36);
  out.append(hex, 0, 8).append(1, '-').append(hex, 8, 4).append(1, '-');
  out.append(hex, 12, 4).append(1, '-').append(hex, 16, 4).append(1, '-').append(hex, 20, 12);
  return out;
}

}  // namespace

void random_bytes(std::span<std::byte> out) {
  while (!out.empty()) {
    const ssize_t n = ::getrandom(out.data(), out.size(), 0);
    if (n < 0) {
      if (errno == EINTR) continue;
      throw std::system_error(errno, std::generic_category(), "getrandom");
    }
    out = out.subspan(static_cast<std::size_t>(n));
  }
}

std::string uuid4() {
  UuidBytes bytes = random_uuid_bytes();
  stamp(bytes, 4);
  return dashed(bytes);
}

std::string hex32() {
  UuidBytes bytes = random_uuid_bytes();
  stamp(bytes, 4);
  return hex_encode(bytes);
}

std::string uuid7(Timestamp now) {
  UuidBytes bytes = random_uuid_bytes();
  const auto ms = static_cast<std::uint64_t>(now.us / 1000);
  for (std::size_t i = 0; i < 6; ++i) bytes[i] = std::byte((ms >> (8 * (5 - i))) & 0xFF);
  // Sub-millisecond time in the next twelve bits keeps ids of one millisecond in order (RFC 9562 §6.2, method 3).
  const auto fraction = static_cast<std::uint64_t>(now.us % 1000) * 4096 / 1000;
  bytes[6] = std::byte((fraction >> 8) & 0x0F);
  bytes[7] = std::byte(fraction & 0xFF);
  stamp(bytes, 7);
  return dashed(bytes);
}

}  // namespace nexus

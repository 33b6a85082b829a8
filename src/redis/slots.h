#pragma once

#include "redis/resp.h"
#include "redis/url.h"

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

namespace nexus::redis {

inline constexpr std::size_t kSlots = 16'384;

/// CRC-16/XMODEM, which Redis Cluster hashes keys with.
[[nodiscard]] std::uint16_t crc16(std::string_view bytes);
/// The slot of a key: of what stands between its first `{` and the next `}` when that is not empty, else of the whole
/// key. Source: https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/ "Hash tags".
[[nodiscard]] std::uint16_t slot_of(std::string_view key);

/// Which master serves which slot, as one node of the cluster sees it. A value.
class SlotMap {
 public:
  /// Reads the answer to CLUSTER SLOTS. A node that does not say its own host (empty or null) is `asked`. Ranges that
  /// are malformed are left out. False when nothing is left, and the map is as before.
  bool read(const Value& answer, const Endpoint& asked);
  /// Null when nobody is known to serve the slot.
  [[nodiscard]] const Endpoint* master(std::uint16_t slot) const;
  /// A redirection said so: holds until the next read().
  void move(std::uint16_t slot, const Endpoint& to);
  [[nodiscard]] const std::vector<Endpoint>& masters() const { return masters_; }

 private:
  static constexpr std::uint16_t kNobody = 0xFFFF;
  [[nodiscard]] std::uint16_t number_of(const Endpoint& endpoint);

  std::vector<Endpoint> masters_;
  std::vector<std::uint16_t> owner_;  // by slot, index into masters_; empty before the first read
};

}  // namespace nexus::redis

// The identity of a chunk: a UUID as its sixteen bytes, ordered like its lower-case text.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace nexus::search {

struct ChunkId {
  std::array<std::uint8_t, 16> bytes{};
  friend auto operator<=>(const ChunkId&, const ChunkId&) = default;

  // "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx" in either case; nothing for anything else.
  [[nodiscard]] static std::optional<ChunkId> parse(std::string_view text) noexcept;

  // An id made of a number, for tests and judged collections: ordered like the numbers.
  [[nodiscard]] static ChunkId of_number(std::uint64_t number) noexcept;
  [[nodiscard]] std::string to_string() const;
};

}  // namespace nexus::search

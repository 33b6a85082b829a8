#include "redis/slots.h"

#include <algorithm>
#include <array>
#include <utility>

namespace nexus::redis {
namespace {

constexpr std::array<std::uint16_t, 256> make_table() {
  std::array<std::uint16_t, 256> table{};
  for (unsigned i = 0; i < 256; ++i) {
    unsigned crc = i << 8U;
    for (int bit = 0; bit < 8; ++bit) crc = (crc & 0x8000U) != 0 ? (crc << 1U) ^ 0x1021U : crc << 1U;
    table[i] = static_cast<std::uint16_t>(crc & 0xFFFFU);
  }
  return table;
}
constexpr std::array<std::uint16_t, 256> kTable = make_table();
constexpr std::size_t kMostMasters = 1'000;

struct Range {
  std::size_t first;
  std::size_t last;
  Endpoint master;
};

/// One row of CLUSTER SLOTS: first, last, [host, port, …] of the master, then its replicas.
bool read_row(const Value& row, const Endpoint& asked, Range& out) {
  if (!row.is_array() || row.items.size() < 3) return false;
  const Value& first = row.items[0];
  const Value& last = row.items[1];
  const Value& node = row.items[2];
  if (!first.is_integer() || !last.is_integer() || !node.is_array() || node.items.size() < 2) return false;
  const Value& host = node.items[0];
  const Value& port = node.items[1];
  if (first.integer < 0 || last.integer < first.integer || last.integer >= static_cast<std::int64_t>(kSlots) ||
      !port.is_integer() || port.integer < 1 || port.integer > 65'535)
    return false;
  out.first = static_cast<std::size_t>(first.integer);
  out.last = static_cast<std::size_t>(last.integer);
  const bool named = host.is_text() && !host.text.empty() && host.text != "?";
  out.master = {.host = named ? host.text : asked.host, .port = static_cast<std::uint16_t>(port.integer)};
  return true;
}

}  // namespace

std::uint16_t crc16(std::string_view bytes) {
  unsigned crc = 0;
  for (const char c : bytes)
    crc = ((crc << 8U) & 0xFFFFU) ^ kTable[((crc >> 8U) ^ static_cast<unsigned char>(c)) & 0xFFU];
  return static_cast<std::uint16_t>(crc);
}

std::uint16_t slot_of(std::string_view key) {
  if (const std::size_t open = key.find('{'); open != std::string_view::npos) {
    const std::size_t close = key.find('}', open + 1);
    if (close != std::string_view::npos && close > open + 1) key = key.substr(open + 1, close - open - 1);
  }
  return static_cast<std::uint16_t>(crc16(key) % kSlots);
}

std::uint16_t SlotMap::number_of(const Endpoint& endpoint) {
  const auto found = std::find(masters_.begin(), masters_.end(), endpoint);
  if (found == masters_.end()) {
    if (masters_.size() >= kMostMasters) return kNobody;
    masters_.push_back(endpoint);
    return static_cast<std::uint16_t>(masters_.size() - 1);
  }
  return static_cast<std::uint16_t>(found - masters_.begin());
}

bool SlotMap::read(const Value& answer, const Endpoint& asked) {
  if (!answer.is_array()) return false;
  SlotMap fresh;
  fresh.owner_.assign(kSlots, kNobody);
  for (const Value& row : answer.items) {
    Range range;
    if (!read_row(row, asked, range)) continue;
    const std::uint16_t number = fresh.number_of(range.master);
    for (std::size_t slot = range.first; slot <= range.last; ++slot) fresh.owner_[slot] = number;
  }
  if (fresh.masters_.empty()) return false;
  *this = std::move(fresh);
  return true;
}

const Endpoint* SlotMap::master(std::uint16_t slot) const {
  if (slot >= owner_.size() || owner_[slot] == kNobody) return nullptr;
  return &masters_[owner_[slot]];
}

void SlotMap::move(std::uint16_t slot, const Endpoint& to) {
  if (slot >= kSlots) return;
  if (owner_.empty()) owner_.assign(kSlots, kNobody);
  owner_[slot] = number_of(to);
}

}  // namespace nexus::redis

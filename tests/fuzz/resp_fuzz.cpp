// What a Redis server, or whoever answers in its place, sends: any cut must give the same answers, and memory stays
// within the bound. The first byte chooses the size of the pieces.
#include "redis/resp.h"
#include "redis/slots.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <vector>

namespace {

using nexus::redis::ProtocolError;
using nexus::redis::RespParser;
using nexus::redis::Value;

struct Reading {
  std::vector<Value> values;
  bool refused = false;
};

Reading read(std::string_view bytes, std::size_t step) {
  Reading out;
  RespParser parser({.max_bytes = 64 * 1024, .max_depth = 8, .max_line = 1024});
  try {
    while (!bytes.empty()) {
      const std::size_t size = std::min(step, bytes.size());
      parser.feed(bytes.substr(0, size));
      bytes.remove_prefix(size);
      while (auto value = parser.next()) out.values.push_back(std::move(*value));
    }
  } catch (const ProtocolError&) {
    out.refused = true;
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data + 1), size - 1);
  const Reading whole = read(bytes, bytes.size());
  const Reading pieces = read(bytes, 1 + data[0] % 64);
  // A line that never ends may be refused before its last piece, so only what was read must agree.
  if (whole.refused == pieces.refused && whole.values != pieces.values) std::abort();
  nexus::redis::SlotMap map;
  for (const Value& value : whole.values) {
    (void)value.error_code();
    if (map.read(value, {"127.0.0.1", 6379}) && map.masters().empty()) std::abort();
  }
  return 0;
}

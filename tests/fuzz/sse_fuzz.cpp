// What a model's provider, or whoever answers in its place, streams: any cut must give the same events, and an event
// stays within its bound. The first byte chooses the size of the pieces.
#include "llm/sse_parser.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

using nexus::llm::SseError;
using nexus::llm::SseEvent;
using nexus::llm::SseParser;

constexpr std::size_t kMaxEvent = 256;

struct Reading {
  std::vector<std::pair<std::string, std::string>> events;
  bool refused = false;
};

Reading read(std::string_view bytes, std::size_t step) {
  Reading out;
  SseParser parser({.max_line = 128, .max_event = kMaxEvent});
  const auto keep = [&out](const SseEvent& event) {
    if (event.type.size() + event.data.size() > kMaxEvent) std::abort();
    out.events.emplace_back(event.type, event.data);
    return true;
  };
  try {
    while (!bytes.empty()) {
      const std::size_t size = std::min(step, bytes.size());
      parser.feed(bytes.substr(0, size), keep);
      bytes.remove_prefix(size);
    }
  } catch (const SseError&) {
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
  if (whole.refused != pieces.refused || whole.events != pieces.events) std::abort();
  return 0;
}

// What an endpoint of Bedrock, or whoever answers in its place, streams: any cut gives the same messages, and what was
// read can be written again as the same bytes. The first byte chooses the size of the pieces; the sums are put right
// when it is odd, so that the fuzzer gets behind them.
#include "cloud/aws/event_stream.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

namespace {

using nexus::cloud::aws::EventMessage;
using nexus::cloud::aws::EventStreamDecoder;
using nexus::cloud::aws::EventStreamError;

struct Reading {
  std::vector<EventMessage> messages;
  bool refused = false;
};

Reading read(std::string_view bytes, std::size_t step) {
  Reading out;
  EventStreamDecoder decoder({.max_message_bytes = 64 * 1024, .max_header_bytes = 4 * 1024});
  try {
    while (!bytes.empty()) {
      const std::size_t size = std::min(step, bytes.size());
      decoder.feed(bytes.substr(0, size));
      bytes.remove_prefix(size);
      while (auto message = decoder.next()) out.messages.push_back(std::move(*message));
    }
    decoder.finish();
  } catch (const EventStreamError&) {
    out.refused = true;
  }
  return out;
}

void put_sum(std::string& bytes, std::size_t at, std::size_t from) {
  const std::uint32_t sum = nexus::cloud::aws::crc32(std::string_view(bytes).substr(from, at - from));
  for (std::size_t i = 0; i < 4; ++i) bytes[at + i] = static_cast<char>((sum >> (24 - 8 * i)) & 0xFFU);
}

/// Every message that the lengths describe gets its right sums.
void correct_sums(std::string& bytes) {
  for (std::size_t at = 0; bytes.size() - at >= 16;) {
    std::size_t total = 0;
    for (std::size_t i = 0; i < 4; ++i) total = (total << 8) | static_cast<unsigned char>(bytes[at + i]);
    put_sum(bytes, at + 8, at);
    if (total < 16 || total > bytes.size() - at) return;
    put_sum(bytes, at + total - 4, at);
    at += total;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  std::string bytes(reinterpret_cast<const char*>(data + 1), size - 1);
  if (data[0] % 2 == 1) correct_sums(bytes);
  const Reading whole = read(bytes, bytes.size());
  const Reading pieces = read(bytes, 1 + data[0] / 2);
  if (whole.refused != pieces.refused || whole.messages != pieces.messages) std::abort();
  std::string again;
  for (const EventMessage& message : whole.messages) again += encode_event(message);
  if (!bytes.starts_with(again)) std::abort();
  return 0;
}

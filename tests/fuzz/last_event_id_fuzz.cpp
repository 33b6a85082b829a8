// Values of Last-Event-ID: what is read must print as what was sent; and frames stay frames whatever their data.
#include "http/sse.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view value(reinterpret_cast<const char*>(data), size);
  if (const auto id = nexus::http::parse_last_event_id(value)) {
    if (value.find(std::to_string(*id)) == std::string_view::npos) std::abort();
  }
  std::string frame;
  nexus::http::append_frame(frame, "message", 1, value);
  const auto end = frame.find("\n\n");
  if (end != frame.size() - 2 || frame.find('\r') != std::string::npos) std::abort();
  return 0;
}

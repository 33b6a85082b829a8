// Multipart bodies, whole and in pieces: both must give the same parts or the same refusal.
#include "http/multipart.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>

namespace {

using namespace nexus::http;

class Transcript final : public PartSink {
 public:
  void begin_part(PartHead head) override { text += "[" + head.name + "|" + head.filename + "|" + head.content_type; }
  void part_data(std::string_view bytes) override { text += bytes; }
  void end_part() override { text += "]"; }
  std::string text;
};

std::optional<std::string> parse(std::string_view body, std::size_t step) {
  Transcript transcript;
  MultipartParser parser("b0", transcript);
  try {
    while (!body.empty()) {
      parser.feed(body.substr(0, step));
      body.remove_prefix(step < body.size() ? step : body.size());
    }
    parser.finish();
  } catch (const MultipartError&) {
    return std::nullopt;
  }
  return transcript.text;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::size_t step = 1 + data[0];
  const std::string_view body(reinterpret_cast<const char*>(data + 1), size - 1);
  static_cast<void>(multipart_boundary(body.substr(0, 200)));
  if (parse(body, body.size()) != parse(body, step)) std::abort();
  return 0;
}

// Requests as they come from the wire, cut into pieces at places the input chooses: any cut must give the same reading.
#include "http/request_parser.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

namespace {

using nexus::http::Request;
using nexus::http::RequestParser;

struct Reading {
  Request request;
  bool done = false;
  RequestParser::Problem problem = RequestParser::Problem::kNone;
};

Reading read(std::string_view bytes, std::size_t step) {
  Reading reading;
  RequestParser parser;
  parser.start(reading.request, 8 * 1024);
  parser.body_into(&reading.request.body);
  std::string pending;
  while (!bytes.empty() && !parser.done() && parser.problem() == RequestParser::Problem::kNone) {
    pending += bytes.substr(0, step);
    bytes.remove_prefix(step < bytes.size() ? step : bytes.size());
    std::size_t used = 0;
    do {
      used = parser.feed(pending);
      pending.erase(0, used);
    } while (used > 0 && !pending.empty());
  }
  reading.done = parser.done();
  reading.problem = parser.problem();
  return reading;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::size_t step = 1 + data[0];
  const std::string_view bytes(reinterpret_cast<const char*>(data + 1), size - 1);
  const Reading whole = read(bytes, bytes.size());
  const Reading pieces = read(bytes, step);
  if (whole.done && whole.problem == RequestParser::Problem::kNone) {
    const bool same = pieces.done && pieces.request.path == whole.request.path &&
                      pieces.request.headers == whole.request.headers && pieces.request.body == whole.request.body;
    if (!same) std::abort();
  }
  return 0;
}

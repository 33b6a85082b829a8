// Trace headers: what is read must print as a header that reads as the same place; states stay within their bounds and
// are passed on unchanged by the next hop.
#include "observe/tracer.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace nexus::observe;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::size_t line = text.find('\n');
  const std::string_view parent = text.substr(0, line);
  const std::string_view state = line == std::string_view::npos ? std::string_view{} : text.substr(line + 1);

  if (const auto context = parse_traceparent(parent)) {
    const std::string printed = traceparent(*context);
    const auto again = parse_traceparent(printed);
    if (!again || again->trace_id != context->trace_id || again->span_id != context->span_id ||
        again->sampled != context->sampled || again->random != context->random)
      std::abort();
    if (printed.substr(2, 50) != parent.substr(2, 50)) std::abort();
  }
  const std::string passed = bounded_tracestate(state);
  if (passed.size() > kMaxTraceState || bounded_tracestate(passed) != passed) std::abort();
  return 0;
}

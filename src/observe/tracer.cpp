#include "observe/tracer.h"

#include <algorithm>
#include <cmath>

namespace nexus::observe {
namespace {

// Seven bytes are what level 2 of the recommendation promises to be random, and what samplers of other vendors compare:
// the same ratio then picks the same traces everywhere.
constexpr std::size_t kRandomBytes = 7;
constexpr double kRandomRange = 72057594037927936.0;  // 2^56

}  // namespace

Tracer::Tracer(SpanSink& sink, double ratio)
    : sink_(sink), below_(static_cast<std::uint64_t>(std::llround(std::clamp(ratio, 0.0, 1.0) * kRandomRange))) {}

bool Tracer::samples(const TraceId& id) const noexcept {
  std::uint64_t number = 0;
  for (std::size_t i = id.size() - kRandomBytes; i < id.size(); ++i)
    number = number << 8 | std::to_integer<std::uint64_t>(id[i]);
  return number < below_;
}

TraceContext Tracer::enter(std::string_view traceparent, std::string_view tracestate, TraceContext& caller) const {
  caller = {};
  if (!traceparent.empty()) {
    if (std::optional<TraceContext> given = parse_traceparent(traceparent)) {
      caller = std::move(*given);
      caller.trace_state = bounded_tracestate(tracestate);
      return child_of(caller);
    }
  }
  TraceContext root{.trace_id = new_trace_id(), .span_id = new_span_id(), .random = true};
  root.sampled = samples(root.trace_id);
  return root;
}

TraceContext Tracer::child_of(const TraceContext& parent) {
  TraceContext child = parent;
  child.span_id = new_span_id();
  return child;
}

}  // namespace nexus::observe

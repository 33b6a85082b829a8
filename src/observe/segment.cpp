#include "observe/segment.h"

#include <string>
#include <utility>

namespace nexus::observe {

Segment::Segment(Metrics& metrics, const Tracer* tracer, const Clock& clock, bool timers, std::string_view route_class,
                 std::string_view name)
    : tracer_(tracer), clock_(&clock), name_(name) {
  if (timers)
    seconds_ = &metrics.histogram("nexusrag_segment_seconds",
                                  {{"route_class", std::string(route_class)}, {"segment", std::string(name)}});
}

void Segment::record(const TraceContext& trace, std::int64_t begun_us) const noexcept {
  if (!on(trace)) return;
  const std::int64_t length_us = clock_->steady_us() - begun_us;
  observe_us(length_us);
  if (tracer_ == nullptr || !trace.sampled) return;
  // The wall clock is read once: the length is the steady clock's, which nobody sets.
  const Timestamp end = clock_->now();
  tracer_->submit({.context = Tracer::child_of(trace),
                   .parent = trace.span_id,
                   .name = std::string(name_),
                   .begin = end - length_us,
                   .end = end});
}

void Segment::observe_us(std::int64_t length_us) const noexcept {
  if (seconds_ != nullptr) seconds_->observe(static_cast<double>(length_us) / 1e6);
}

}  // namespace nexus::observe

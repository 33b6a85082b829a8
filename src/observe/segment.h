#pragma once

#include "base/time.h"
#include "observe/metrics.h"
#include "observe/trace.h"
#include "observe/tracer.h"

#include <cstdint>
#include <string_view>

namespace nexus::observe {

/// One named stretch of the work on requests of a class ("retrieval" of class "run"): its time goes to
/// `nexusrag_segment_seconds` when INSTRUMENTATION_DETAILED_TIMERS is on, and to a child span when the request is
/// traced. Made once and kept by who does the work; copying shares the series. When neither is wanted, a measurement is
/// one branch and reads no clock. Thread-safe.
class Segment {
 public:
  /// Measures nothing.
  Segment() = default;
  /// `name` is a literal. `tracer` may be null. All must outlive this.
  Segment(Metrics& metrics, const Tracer* tracer, const Clock& clock, bool timers, std::string_view route_class,
          std::string_view name);

  [[nodiscard]] bool on(const TraceContext& trace) const noexcept {
    return seconds_ != nullptr || (tracer_ != nullptr && trace.sampled);
  }
  /// The moment to give to record(); 0 when nothing is measured.
  [[nodiscard]] std::int64_t begin(const TraceContext& trace) const { return on(trace) ? clock_->steady_us() : 0; }
  /// From `begun_us` (of Clock::steady_us) until now, as a child of `trace`. For stretches that begin and end on
  /// different threads; what stays in a block uses time().
  void record(const TraceContext& trace, std::int64_t begun_us) const noexcept;
  /// A stretch whose length was learnt elsewhere, ending now; histogram only.
  void observe_us(std::int64_t length_us) const noexcept;

  /// Records from its making to its end, also when an exception ends the block.
  class Timer {
   public:
    Timer(const Segment& segment, const TraceContext& trace)
        : segment_(segment), trace_(trace), begun_us_(segment.begin(trace)) {}
    ~Timer() {
      if (segment_.on(trace_)) segment_.record(trace_, begun_us_);
    }
    Timer(const Timer&) = delete;
    Timer& operator=(const Timer&) = delete;

   private:
    const Segment& segment_;
    const TraceContext& trace_;
    std::int64_t begun_us_;
  };
  /// This and `trace` must outlive the timer.
  [[nodiscard]] Timer time(const TraceContext& trace = current_trace()) const& { return {*this, trace}; }
  Timer time(const TraceContext& trace = current_trace()) const&& = delete;

 private:
  Histogram* seconds_ = nullptr;
  const Tracer* tracer_ = nullptr;
  const Clock* clock_ = nullptr;
  std::string_view name_;
};

/// Makes the segments of one program: what all of them share.
struct Segments {
  Metrics& metrics;
  const Tracer* tracer = nullptr;
  const Clock& clock;
  bool timers = true;  ///< INSTRUMENTATION_DETAILED_TIMERS

  [[nodiscard]] Segment of(std::string_view route_class, std::string_view name) const {
    return {metrics, tracer, clock, timers, route_class, name};
  }
};

}  // namespace nexus::observe

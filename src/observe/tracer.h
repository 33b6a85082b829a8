#pragma once

#include "base/time.h"
#include "observe/trace.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace nexus::observe {

enum class SpanKind : std::uint8_t { kInternal = 1, kServer = 2, kClient = 3, kProducer = 4, kConsumer = 5 };
enum class SpanStatus : std::uint8_t { kUnset = 0, kOk = 1, kError = 2 };

/// Never content, never a secret: ids, counts, names, reasons, as in log lines. Names are literals.
struct Attribute {
  std::string_view name;
  std::variant<std::string, std::int64_t, double, bool> value;
};

/// A finished piece of work. `context` is its own place, whose span_id is this span's.
struct Span {
  TraceContext context;
  SpanId parent{};             ///< zeros: the trace begins here
  bool parent_remote = false;  ///< the parent is another machine's
  std::string name;            ///< few different ones: "POST /v1/run", "retrieval"
  SpanKind kind = SpanKind::kInternal;
  Timestamp begin;
  Timestamp end;
  SpanStatus status = SpanStatus::kUnset;
  std::vector<Attribute> attributes;
};

/// Where finished spans go. Thread-safe; never waits for anything, so that no request does: what it cannot take is
/// counted and dropped.
class SpanSink {
 public:
  virtual ~SpanSink() = default;
  virtual void submit(Span span) noexcept = 0;
};

/// Decides which traces are recorded and makes the places in them. Immutable after construction. Where nobody exports
/// spans there is no Tracer, and whoever might use one holds a null pointer: that is the whole cost.
class Tracer {
 public:
  /// `ratio` of the traces that begin here are sampled (OTEL_TRACES_SAMPLER_ARG); those that begin elsewhere keep the
  /// decision of their caller. The sink outlives this.
  Tracer(SpanSink& sink, double ratio);

  /// A request's place: in the caller's trace when its headers name one, else in a new trace. `caller` gets the
  /// caller's span, or an invalid context.
  [[nodiscard]] TraceContext enter(std::string_view traceparent, std::string_view tracestate,
                                   TraceContext& caller) const;
  /// A place below `parent`, which must be valid.
  [[nodiscard]] static TraceContext child_of(const TraceContext& parent);

  /// For sampled contexts; others need not build the span.
  void submit(Span span) const noexcept { sink_.submit(std::move(span)); }

 private:
  [[nodiscard]] bool samples(const TraceId& id) const noexcept;

  SpanSink& sink_;
  std::uint64_t below_;  ///< of the last seven bytes of a trace id, as a number
};

}  // namespace nexus::observe

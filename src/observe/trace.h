#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// Trace context of the W3C (https://www.w3.org/TR/trace-context/): which trace a piece of work belongs to, and how
/// that is told to other machines. Recording spans is tracer.h, sending them otlp.h.
namespace nexus::observe {

using TraceId = std::array<std::byte, 16>;
using SpanId = std::array<std::byte, 8>;

/// A place in a trace: the trace, and the span that what follows is a child of. A default-made context is no place at
/// all: nothing that is done under it is recorded or told to anybody. A value; costs a copy.
struct TraceContext {
  TraceId trace_id{};
  SpanId span_id{};
  bool sampled = false;
  bool random = false;      ///< level 2 of the recommendation: the lower seven bytes of the trace id are random
  std::string trace_state;  ///< as received, within bounds; what other vendors want to find again downstream

  [[nodiscard]] bool valid() const noexcept { return trace_id != TraceId{} && span_id != SpanId{}; }
};

/// Reads a `traceparent` value. Version 00 is exactly 55 characters; of a higher version the first 55 count, and what
/// follows must be set off by a dash; ff is no version. Empty when it is not one, or names a trace or span of zeros:
/// the receiver then begins a trace of its own, as if nothing had been sent.
[[nodiscard]] std::optional<TraceContext> parse_traceparent(std::string_view value);

/// The `traceparent` to send from a valid context, always in version 00.
[[nodiscard]] std::string traceparent(const TraceContext& context);

inline constexpr std::size_t kMaxTraceState = 512;        ///< bytes that are passed on (§3.3.1.5 asks for these)
inline constexpr std::size_t kMaxTraceStateMembers = 32;  ///< more make the whole value invalid

/// A `tracestate` value, fit to be passed on: empty members dropped, and, above the bound, first members longer than
/// 128 bytes and then the last ones. Empty when it is malformed; that says nothing about its traceparent.
[[nodiscard]] std::string bounded_tracestate(std::string_view value);

/// Never zero. From a generator of each thread, seeded by the operating system: hard to guess from outside, but no
/// secret, and no system call.
[[nodiscard]] TraceId new_trace_id();
[[nodiscard]] SpanId new_span_id();

/// Where this thread works at the moment. Blocking handlers run on one thread from start to end, so what they call
/// (outbound requests, log lines, segments) finds the trace without being handed it. Coroutines and tasks that go on
/// elsewhere keep a copy of the context and make a scope there.
[[nodiscard]] const TraceContext& current_trace() noexcept;

/// Makes a context the thread's current one until the end of the block; scopes nest. The context must outlive it.
class TraceScope {
 public:
  explicit TraceScope(const TraceContext& context) noexcept;
  ~TraceScope();
  TraceScope(const TraceScope&) = delete;
  TraceScope& operator=(const TraceScope&) = delete;

 private:
  const TraceContext* before_;
};

}  // namespace nexus::observe

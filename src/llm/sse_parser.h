#pragma once

#include <cstddef>
#include <functional>
#include <stdexcept>
#include <string>
#include <string_view>

namespace nexus::llm {

/// One event; both views end with the call that hands them over.
struct SseEvent {
  std::string_view type;  ///< of the `event` field; empty when there was none, which the standard reads as "message"
  std::string_view data;  ///< the `data` lines, joined by line feeds
};

/// A line or an event is longer than allowed.
class SseError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

struct SseLimits {
  std::size_t max_line = std::size_t{1} << 20;
  std::size_t max_event = std::size_t{1} << 20;  ///< data and type of one event
};

/// Reads an event stream, whatever pieces it comes in; linear in its size. Lines end with LF, CR or CRLF; comments,
/// unknown fields, `id` and `retry` are skipped, for nothing here reconnects; an event that the end of the stream cuts
/// off never was. Text is taken as bytes: whoever reads the data checks its encoding. Not thread-safe.
/// Source: WHATWG HTML, "Server-sent events", parsing and interpreting an event stream.
class SseParser {
 public:
  /// False: no more events are wanted.
  using Sink = std::function<bool(const SseEvent&)>;

  explicit SseParser(SseLimits limits = {}) : limits_(limits) {}

  /// Hands over the events that these bytes complete. False when the sink wanted no more. Throws SseError and what the
  /// sink throws. The parser is spent after either.
  bool feed(std::string_view bytes, const Sink& sink);

 private:
  void keep(std::string_view part);
  bool end_line(std::string_view line, const Sink& sink);
  void read_field(std::string_view line);
  bool dispatch(const Sink& sink);

  const SseLimits limits_;
  std::string line_;  // the part of a line that came without its end
  std::string type_;
  std::string data_;           // every data line with a line feed behind it
  bool first_line_ = true;     // may begin with a byte order mark
  bool after_return_ = false;  // a line feed now belongs to the line that ended
};

}  // namespace nexus::llm

#pragma once

#include "http/message.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace nexus::http {

/// HTTP method of a request line; methods are case-sensitive (RFC 9110 §9.1).
[[nodiscard]] Verb parse_verb(std::string_view method);

/// Incremental reader of HTTP/1.0 and 1.1 requests (RFC 9112) over Beast's parser, which sees to syntax and chunks.
/// What two parties could read differently is refused: two lengths, length with chunks, codings other than chunked,
/// chunks in HTTP/1.0, a missing or second Host. One object serves one connection, request after request; not
/// thread-safe.
class RequestParser {
 public:
  enum class Problem : std::uint8_t { kNone, kMalformed, kHeadTooLarge };

  RequestParser();
  ~RequestParser();

  /// Begins a new request, which is filled as bytes come; `into` must outlive the reading.
  void start(Request& into, std::size_t max_head_bytes);

  /// Reads the head to its end, then stops; later calls read the body. Returns how many bytes were used; the rest must
  /// be given again, with more behind it. Never throws.
  std::size_t feed(std::string_view bytes);

  [[nodiscard]] Problem problem() const;
  [[nodiscard]] const std::string& explanation() const;  ///< text for the client when there is a problem
  [[nodiscard]] bool head_done() const;
  [[nodiscard]] bool done() const;  ///< head and body
  /// The last feed() left bytes that mean nothing without those behind them.
  [[nodiscard]] bool starved() const;

  // After the head.
  [[nodiscard]] bool has_body() const;
  [[nodiscard]] std::optional<std::uint64_t> content_length() const;  ///< empty for chunked bodies and for none
  [[nodiscard]] bool keep_alive() const;
  [[nodiscard]] bool http11() const;
  [[nodiscard]] bool expects_continue() const;

  /// Where body bytes are appended from now on; null throws them away.
  void body_into(std::string* target);
  [[nodiscard]] std::uint64_t body_bytes() const;  ///< decoded so far

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace nexus::http

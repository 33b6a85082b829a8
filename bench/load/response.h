// Just enough of HTTP/1.1 (RFC 9112) to know when a response of our own server ends and what it was. It trusts the
// server: this is no parser for foreign bytes.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace nexus::bench {

class Response {
 public:
  // Takes the next bytes of the connection. Returns how many belong to this response: all of them until it is complete.
  // Throws std::runtime_error when they are no HTTP/1.1 response with Content-Length or chunks.
  std::size_t feed(std::string_view bytes);

  // Ready for the next response on the same connection; keeps its memory.
  void reset();

  [[nodiscard]] bool started() const { return state_ != State::kHead || !head_.empty(); }
  [[nodiscard]] bool complete() const { return state_ == State::kComplete; }
  [[nodiscard]] int status() const { return status_; }
  // The server means to close the connection after this response.
  [[nodiscard]] bool closes() const { return closes_; }
  // An event stream: only its body is kept.
  [[nodiscard]] bool is_stream() const { return stream_; }
  // The stream ends with a `done` event, and no `error` event came before.
  [[nodiscard]] bool is_finished_stream() const;

 private:
  enum class State { kHead, kBody, kChunkSize, kChunkData, kChunkEnd, kTrailer, kComplete };

  std::size_t take_head(std::string_view bytes);
  std::size_t take_line(std::string_view bytes);
  std::size_t take_data(std::string_view bytes);
  void read_head();
  void end_line();

  State state_ = State::kHead;
  std::string head_;
  std::string line_;  // a size or trailer line that is not complete yet
  std::string body_;  // of streams
  std::size_t left_ = 0;
  int status_ = 0;
  bool closes_ = false;
  bool stream_ = false;
};

}  // namespace nexus::bench

#pragma once

#include "http/message.h"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>

namespace nexus::http {

/// The client vanished while a stream was being written. Unwinds the stream's coroutine.
class ClientGone : public std::exception {
 public:
  [[nodiscard]] const char* what() const noexcept override { return "client disconnected"; }
};

/// Where a stream writes. Used by one coroutine, on the connection's strand.
/// write() only appends; everything appended in one turn of the strand leaves in one system call, and while the socket
/// is not writable frames coalesce. drain() suspends while more than the high-water mark is unsent: a slow reader slows
/// the producer.
class EventSink {
 public:
  virtual ~EventSink() = default;
  virtual void write(std::string_view bytes) = 0;
  /// Throws ClientGone once the peer has closed or a write has failed.
  virtual boost::asio::awaitable<void> drain() = 0;
  /// Signalled within 100 ms of the client's disappearance; pass it to producers.
  [[nodiscard]] virtual std::stop_token stopped() const = 0;
  [[nodiscard]] virtual boost::asio::any_io_executor executor() const = 0;
};

/// A streaming answer. The pipeline has passed all gates when it is created; the connection sends status and headers,
/// then drives run() on its strand until it returns. run() must not block and owns everything it touches.
class EventStream {
 public:
  virtual ~EventStream() = default;
  [[nodiscard]] virtual int status() const { return 200; }
  /// Beside `Content-Type: text/event-stream`, which the connection sends.
  [[nodiscard]] virtual const Pairs& headers() const = 0;
  virtual boost::asio::awaitable<void> run(EventSink& sink) = 0;
};

/// Resumes the awaiting coroutine on its own executor when `start`'s completion callback has been called, from any
/// thread, exactly once. Rethrows what the callback is given. The bridge from callbacks (database commits, lanes) to
/// coroutines: the argument must be a named object (docs/adr: co_await rules).
using Completion = std::function<void(std::exception_ptr)>;
boost::asio::awaitable<void> await_callback(std::function<void(Completion)>& start);

}  // namespace nexus::http

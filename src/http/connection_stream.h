#pragma once

#include "http/connection_io.h"
#include "http/stream.h"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <cstddef>
#include <stop_token>
#include <string>
#include <string_view>

// Internal to the server.
namespace nexus::http {

class Connection;

/// The writing end of one stream: gathers what is written in a turn, sends it when the turn ends, watches the socket
/// for the client's departure meanwhile. Callbacks refer to it: it may only be destroyed after end().
class StreamSink final : public EventSink {
 public:
  /// `head` goes out in front of the first frames, or at the end of the first turn.
  StreamSink(Connection& connection, std::string head, bool chunked);

  void write(std::string_view bytes) override;
  boost::asio::awaitable<void> drain() override;
  [[nodiscard]] std::stop_token stopped() const override { return stop_.get_token(); }
  [[nodiscard]] boost::asio::any_io_executor executor() const override;

  /// Sends what is left and, when the stream is complete, the last chunk; then waits until no callback is under way.
  boost::asio::awaitable<void> end(bool complete);
  /// The client is gone, or has to go: trips the stop token and unwinds whoever writes.
  void fail();
  [[nodiscard]] bool gone() const { return gone_; }

 private:
  void schedule();
  void flush();
  void send_rest();
  void watch();
  boost::asio::awaitable<void> wait();
  [[nodiscard]] std::size_t unsent() const { return pending_.size() + wire_.size() - sent_; }
  [[nodiscard]] bool busy() const { return scheduled_ || writing_ || watching_; }

  Connection& connection_;
  const bool chunked_;
  std::string pending_;  // written, not framed
  std::string wire_;     // framed, on its way
  std::size_t sent_ = 0;
  std::stop_source stop_;
  SteadyTimer changed_;  // never expires; cancelled when something has changed
  bool scheduled_ = false;
  bool writing_ = false;
  bool watching_ = false;
  bool last_ = false;  // nothing follows: send the last chunk
  bool ending_ = false;
  bool gone_ = false;
};

}  // namespace nexus::http

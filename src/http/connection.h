#pragma once

#include "base/error.h"
#include "http/connection_io.h"
#include "http/request_parser.h"
#include "http/server.h"

#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

// Internal to the server.
namespace nexus::http {

class StreamSink;

/// Bytes read and not used yet: one block that is moved together and grown as needed.
class ReadBuffer {
 public:
  [[nodiscard]] std::string_view view() const { return {data_.data() + begin_, end_ - begin_}; }
  [[nodiscard]] std::size_t size() const { return end_ - begin_; }
  [[nodiscard]] bool empty() const { return begin_ == end_; }
  void consume(std::size_t n) {
    begin_ += n;
    if (begin_ == end_) begin_ = end_ = 0;
  }
  /// Room for at least `n` more bytes; valid until the next prepare().
  [[nodiscard]] std::span<char> prepare(std::size_t n);
  void commit(std::size_t n) { end_ += n; }
  /// Gives back memory that a large body needed.
  void shrink();

 private:
  std::vector<char> data_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

/// One client connection: reads requests, sends each through the dispatcher, writes its answer, in order. Lives on one
/// I/O thread, as one coroutine that owns it.
class Connection {
 public:
  Connection(IoThread& io, Socket socket);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  /// The whole life of a connection. No exception leaves it but those of a broken process (no memory).
  static boost::asio::awaitable<void> serve(std::shared_ptr<Connection> self);

  // Called by the I/O thread between turns.
  void check_deadline(std::chrono::steady_clock::time_point now);
  void close_if_idle();
  void abort();

  // Used by the stream that is being written.
  /// Starts the time limit of a phase.
  void arm(Phase phase);
  void disarm();
  [[nodiscard]] Socket& socket() { return socket_; }
  [[nodiscard]] ReadBuffer& input() { return input_; }
  [[nodiscard]] const ServerOptions& options() const { return io_.shared.options; }
  void count_in(std::size_t n) { io_.shared.metrics.received.add(n); }
  void count_out(std::size_t n) {
    exchange_->bytes_out += n;
    io_.shared.metrics.sent.add(n);
  }

  std::size_t registry_index = 0;  ///< kept by IoThread

 private:
  enum class Step : std::uint8_t { kAdmit, kExecute, kBoth };
  enum class Plan : std::uint8_t { kNoBody, kEarly, kAfterAdmission };
  using Resume = boost::asio::async_result<boost::asio::use_awaitable_t<>, void(bool)>::handler_type;

  // connection.cpp: the order of things
  boost::asio::awaitable<void> run();
  boost::asio::awaitable<bool> read_head();
  boost::asio::awaitable<void> handle();
  [[nodiscard]] bool route();
  [[nodiscard]] Plan plan_body() const;
  boost::asio::awaitable<void> run_step(Step step);
  void perform(Step step) noexcept;
  boost::asio::awaitable<bool> hop(exec::Lane& lane);
  void wake(bool ran);
  void refuse(const ApiError& error);
  void prepare_exchange();
  void finish_exchange();
  boost::asio::awaitable<void> linger();
  [[nodiscard]] std::chrono::milliseconds limit_of(Phase phase) const;

  // connection_body.cpp
  boost::asio::awaitable<std::size_t> read_more(std::size_t room);
  boost::asio::awaitable<bool> read_body();
  boost::asio::awaitable<bool> read_upload(const std::string& content_type);
  boost::asio::awaitable<bool> read_body_piece(std::uint64_t limit);
  boost::asio::awaitable<bool> send_continue();
  boost::asio::awaitable<void> on_disk(std::function<void()>& work);
  void skip_buffered_body();

  // connection_reply.cpp
  boost::asio::awaitable<void> write_answer();
  boost::asio::awaitable<void> write_file();
  boost::asio::awaitable<void> write_stream();
  void begin_head(int status);
  void append_header(std::string_view name, std::string_view value);
  void end_head();
  void head_of_reply(std::uint64_t length);
  void head_of_stream(bool chunked);
  [[nodiscard]] bool send_now(std::string_view first, std::string_view second, std::size_t& sent);
  boost::asio::awaitable<bool> send_all(std::string_view first, std::string_view second);

  IoThread& io_;
  Socket socket_;
  std::string peer_ip_;
  bool peer_trusted_ = false;
  ReadBuffer input_;
  std::string output_;  // head, and short bodies behind it
  RequestParser parser_;
  std::unique_ptr<Exchange> exchange_;
  std::optional<Present> in_flight_;  // from its head to its last byte
  std::optional<Resume> resume_;      // the coroutine while a lane has the exchange
  Step step_ = Step::kBoth;           // what the lane does
  StreamSink* sink_ = nullptr;

  std::chrono::steady_clock::time_point deadline_ = std::chrono::steady_clock::time_point::max();
  Phase phase_ = Phase::kIdle;
  bool timed_out_ = false;
  bool idle_ = false;    // between requests: may be closed at any moment
  bool first_ = true;    // no request has been read yet
  bool broken_ = false;  // the socket is of no more use
  bool keep_alive_ = true;
  bool linger_ = false;   // the client may still be sending: see that it reads our answer
  bool no_body_ = false;  // answer to HEAD
  unsigned turns_ = 0;    // requests served without giving way to other connections
};

}  // namespace nexus::http

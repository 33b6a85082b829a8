#include "http/connection_stream.h"

#include "http/connection.h"

#include <boost/asio/post.hpp>

#include <array>
#include <charconv>

namespace nexus::http {
namespace {

constexpr std::size_t kWatchRoom = 1024;

void append_chunk(std::string& out, std::string_view bytes) {
  std::array<char, 16> digits{};
  const auto [end, error] = std::to_chars(digits.data(), digits.data() + digits.size(), bytes.size(), 16);
  out.append(digits.data(), end);
  out += "\r\n";
  out += bytes;
  out += "\r\n";
}

}  // namespace

StreamSink::StreamSink(Connection& connection, std::string head, bool chunked)
    : connection_(connection),
      chunked_(chunked),
      wire_(std::move(head)),
      changed_(connection.socket().get_executor(), std::chrono::steady_clock::time_point::max()) {
  schedule();
  watch();
}

boost::asio::any_io_executor StreamSink::executor() const {
  return connection_.socket().get_executor();
}

void StreamSink::write(std::string_view bytes) {
  if (gone_) return;
  pending_ += bytes;
  schedule();
}

void StreamSink::schedule() {
  if (scheduled_ || writing_ || gone_) return;
  scheduled_ = true;
  boost::asio::post(connection_.socket().get_executor(), [this] {
    scheduled_ = false;
    flush();
    changed_.cancel();
  });
}

// wire_ holds the unsent head or nothing when this is called.
void StreamSink::flush() {
  if (writing_ || gone_) return;
  if (!pending_.empty()) {
    if (chunked_) {
      append_chunk(wire_, pending_);
    } else {
      wire_ += pending_;
    }
    pending_.clear();
  }
  if (last_ && chunked_) wire_ += "0\r\n\r\n";
  last_ = false;
  boost::system::error_code error;
  while (sent_ < wire_.size() && !error) {
    const std::size_t n =
        connection_.socket().write_some(boost::asio::buffer(wire_.data() + sent_, wire_.size() - sent_), error);
    sent_ += n;
    connection_.count_out(n);
  }
  if (!error) {
    wire_.clear();
    sent_ = 0;
  } else if (error == boost::asio::error::would_block || error == boost::asio::error::try_again) {
    send_rest();
  } else {
    fail();
  }
}

void StreamSink::send_rest() {
  writing_ = true;
  connection_.arm(Phase::kWrite);
  connection_.socket().async_write_some(boost::asio::buffer(wire_.data() + sent_, wire_.size() - sent_),
                                        [this](boost::system::error_code error, std::size_t n) {
                                          writing_ = false;
                                          connection_.disarm();
                                          sent_ += n;
                                          connection_.count_out(n);
                                          if (error) {
                                            fail();
                                          } else if (sent_ < wire_.size()) {
                                            if (!gone_) send_rest();
                                          } else {
                                            wire_.clear();
                                            sent_ = 0;
                                            if (!pending_.empty() || last_) flush();
                                          }
                                          changed_.cancel();
                                        });
}

// What a client sends meanwhile is kept for later, up to the size of a request head; beyond that only a failing write
// tells that it has gone.
void StreamSink::watch() {
  if (connection_.input().size() >= connection_.options().max_header_bytes) return;
  const auto room = connection_.input().prepare(kWatchRoom);
  watching_ = true;
  connection_.socket().async_read_some(boost::asio::buffer(room.data(), room.size()),
                                       [this](boost::system::error_code error, std::size_t n) {
                                         watching_ = false;
                                         connection_.input().commit(n);
                                         connection_.count_in(n);
                                         if (error && !ending_) fail();
                                         if (!error && !ending_ && !gone_) watch();
                                         changed_.cancel();
                                       });
}

void StreamSink::fail() {
  if (gone_) return;
  gone_ = true;
  stop_.request_stop();
  changed_.cancel();
}

boost::asio::awaitable<void> StreamSink::wait() {
  const auto [error] = co_await changed_.async_wait(kAwait);
  static_cast<void>(error);  // cancelled: that is the signal
}

boost::asio::awaitable<void> StreamSink::drain() {
  if (gone_) throw ClientGone();
  const std::size_t high_water = connection_.options().stream_high_water;
  if (unsent() <= high_water) co_return;
  while (!gone_ && unsent() > high_water / 4) co_await wait();
  if (gone_) throw ClientGone();
}

boost::asio::awaitable<void> StreamSink::end(bool complete) {
  if (!gone_) {
    last_ = complete;
    flush();
    while (!gone_ && (unsent() > 0 || last_)) co_await wait();
  }
  ending_ = true;
  if (writing_ || watching_) {
    boost::system::error_code ignored;
    connection_.socket().cancel(ignored);
  }
  while (busy()) co_await wait();
  connection_.disarm();
}

}  // namespace nexus::http

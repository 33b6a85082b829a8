#include "base/errors.h"
#include "http/connection.h"
#include "http/connection_stream.h"
#include "http/stream.h"
#include "observe/log.h"

#include <array>
#include <charconv>
#include <fstream>
#include <system_error>

namespace nexus::http {
namespace {

constexpr std::size_t kJoinBody = 16 * 1024;  // shorter bodies are copied behind the head: one buffer, one call
constexpr std::size_t kFileBlock = 256 * 1024;

std::string_view reason_of(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 202:
      return "Accepted";
    case 204:
      return "No Content";
    case 206:
      return "Partial Content";
    case 302:
      return "Found";
    case 303:
      return "See Other";
    case 304:
      return "Not Modified";
    case 307:
      return "Temporary Redirect";
    case 308:
      return "Permanent Redirect";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 402:
      return "Payment Required";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 410:
      return "Gone";
    case 412:
      return "Precondition Failed";
    case 413:
      return "Payload Too Large";
    case 415:
      return "Unsupported Media Type";
    case 416:
      return "Range Not Satisfiable";
    case 422:
      return "Unprocessable Entity";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 502:
      return "Bad Gateway";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    case 507:
      return "Insufficient Storage";
    default:
      return "Status";
  }
}

void append_number(std::string& out, std::uint64_t number) {
  std::array<char, 20> digits{};
  const auto [end, error] = std::to_chars(digits.data(), digits.data() + digits.size(), number);
  out.append(digits.data(), end);
}

bool has_no_content(int status) {
  return status == 204 || status == 304 || status < 200;
}

}  // namespace

void Connection::begin_head(int status) {
  output_.clear();
  output_ += "HTTP/1.1 ";
  append_number(output_, static_cast<std::uint64_t>(status));
  output_ += ' ';
  output_ += reason_of(status);
  output_ += "\r\nDate: ";
  output_ += io_.date();
  output_ += "\r\n";
}

/// Values come from handlers and may quote clients: a line break in one must not begin a header of its own.
void Connection::append_header(std::string_view name, std::string_view value) {
  const auto append_line = [this](std::string_view text) {
    for (const char c : text) output_ += static_cast<unsigned char>(c) < 0x20 || c == 0x7F ? ' ' : c;
  };
  append_line(name);
  output_ += ": ";
  append_line(value);
  output_ += "\r\n";
}

void Connection::end_head() {
  output_ += "\r\n";
  Exchange& exchange = *exchange_;
  exchange.first_byte_us = io_.shared.clock.steady_us() - exchange.request.started_us;
}

void Connection::head_of_reply(std::uint64_t length) {
  const Reply& reply = exchange_->reply;
  begin_head(reply.status);
  if (!has_no_content(reply.status)) {
    if (!reply.content_type.empty()) append_header("Content-Type", reply.content_type);
    output_ += "Content-Length: ";
    append_number(output_, length);
    output_ += "\r\n";
  }
  for (const auto& [name, value] : reply.headers) append_header(name, value);
  if (!keep_alive_) {
    output_ += "Connection: close\r\n";
  } else if (!parser_.http11()) {
    output_ += "Connection: keep-alive\r\n";
  }
  end_head();
}

void Connection::head_of_stream(bool chunked) {
  const Exchange& exchange = *exchange_;
  begin_head(exchange.stream->status());
  output_ += "Content-Type: text/event-stream\r\nCache-Control: no-cache\r\nX-Accel-Buffering: no\r\n";
  if (chunked) output_ += "Transfer-Encoding: chunked\r\n";
  output_ += keep_alive_ ? "Connection: keep-alive\r\n" : "Connection: close\r\n";
  for (const auto& [name, value] : exchange.stream->headers()) append_header(name, value);
  for (const auto& [name, value] : exchange.reply.headers) append_header(name, value);
  end_head();
}

/// Sends without waiting, `sent` counting over both texts; true when everything has gone or nothing more can.
bool Connection::send_now(std::string_view first, std::string_view second, std::size_t& sent) {
  const std::size_t total = first.size() + second.size();
  while (sent < total) {
    const std::string_view rest_of_first = first.substr(std::min(sent, first.size()));
    const std::string_view rest_of_second = second.substr(sent - std::min(sent, first.size()));
    boost::system::error_code error;
    std::size_t n = 0;
    if (rest_of_second.empty() || rest_of_first.empty()) {
      const std::string_view rest = rest_of_first.empty() ? rest_of_second : rest_of_first;
      n = socket_.write_some(boost::asio::buffer(rest.data(), rest.size()), error);
    } else {
      const std::array<boost::asio::const_buffer, 2> both{
          boost::asio::buffer(rest_of_first.data(), rest_of_first.size()),
          boost::asio::buffer(rest_of_second.data(), rest_of_second.size())};
      n = socket_.write_some(both, error);
    }
    sent += n;
    count_out(n);
    if (error == boost::asio::error::would_block || error == boost::asio::error::try_again) return false;
    if (error) {
      exchange_->client_gone = true;
      broken_ = true;
      return true;
    }
  }
  return true;
}

/// False when the client has gone or has not read for the write timeout.
boost::asio::awaitable<bool> Connection::send_all(std::string_view first, std::string_view second) {
  std::size_t sent = 0;
  std::size_t sent_before = 0;
  arm(Phase::kWrite);
  while (!send_now(first, second, sent)) {
    if (sent > sent_before) arm(Phase::kWrite);
    sent_before = sent;
    const auto [error] = co_await socket_.async_wait(boost::asio::socket_base::wait_write, kAwait);
    if (error || timed_out_ || broken_) {
      exchange_->client_gone = true;
      broken_ = true;
      break;
    }
  }
  disarm();
  co_return !broken_;
}

boost::asio::awaitable<void> Connection::write_answer() {
  Exchange& exchange = *exchange_;
  if (exchange.stream) {
    co_await write_stream();
    co_return;
  }
  if (exchange.reply.file) {
    co_await write_file();
    co_return;
  }
  const bool with_body = !no_body_ && !has_no_content(exchange.reply.status);
  std::string_view body = with_body ? std::string_view(exchange.reply.body) : std::string_view();
  head_of_reply(exchange.reply.body.size());
  if (body.size() <= kJoinBody) {
    output_ += body;
    body = {};
  }
  std::size_t sent = 0;
  if (send_now(output_, body, sent)) co_return;
  const std::string_view rest_of_head = std::string_view(output_).substr(std::min(sent, output_.size()));
  const std::string_view rest_of_body = body.substr(sent - std::min(sent, output_.size()));
  co_await send_all(rest_of_head, rest_of_body);
}

/// The file is opened and read on the disk thread, block by block; a file that shrinks meanwhile breaks the connection,
/// as the promised length cannot be kept.
boost::asio::awaitable<void> Connection::write_file() {
  Exchange& exchange = *exchange_;
  std::ifstream file;
  std::uint64_t length = 0;
  std::error_code unreadable;
  std::string block;
  std::uint64_t left = 0;
  std::function<void()> open = [&] {
    length = std::filesystem::file_size(*exchange.reply.file, unreadable);
    if (unreadable) return;
    file.open(*exchange.reply.file, std::ios::binary);
    if (!file) unreadable = std::make_error_code(std::errc::io_error);
  };
  std::function<void()> read = [&] {
    block.resize(static_cast<std::size_t>(std::min<std::uint64_t>(left, kFileBlock)));
    file.read(block.data(), static_cast<std::streamsize>(block.size()));
    block.resize(static_cast<std::size_t>(file.gcount()));
  };
  co_await on_disk(open);
  if (unreadable) {
    exchange.reply = Reply();
    // Gone since the handler saw it: deleted, as the next request will find.
    const bool gone = unreadable == std::errc::no_such_file_or_directory;
    refuse(ApiError(gone ? errors::kNotFound : errors::kInternalError)
               .with_cause("file of the answer: " + unreadable.message()));
    exchange.reply.file.reset();
    co_await write_answer();
    co_return;
  }
  head_of_reply(length);
  left = no_body_ ? 0 : length;
  bool sending = co_await send_all(output_, std::string_view());
  while (sending && left > 0) {
    co_await on_disk(read);
    left -= block.size();
    if (block.empty()) break;
    sending = co_await send_all(block, std::string_view());
  }
  if (left > 0) broken_ = true;
}

boost::asio::awaitable<void> Connection::write_stream() {
  Exchange& exchange = *exchange_;
  const bool chunked = parser_.http11();
  if (!chunked) keep_alive_ = false;
  head_of_stream(chunked);
  const Present streaming(io_.shared.metrics.streams);
  StreamSink sink(*this, std::move(output_), chunked);
  sink_ = &sink;
  bool complete = false;
  try {
    co_await exchange.stream->run(sink);
    complete = true;
  } catch (const ClientGone&) {
    sink.fail();
  } catch (const std::exception& error) {
    observe::log_error("stream ended by an exception", {{"request_id", exchange.request_id}, {"what", error.what()}});
  }
  co_await sink.end(complete);
  sink_ = nullptr;
  output_.clear();
  exchange.client_gone = sink.gone();
  if (!complete || sink.gone()) broken_ = true;
}

}  // namespace nexus::http

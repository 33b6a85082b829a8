#include "support/test_client.h"

#include "base/encoding.h"

#include <boost/json/parse.hpp>

#include <algorithm>
#include <arpa/inet.h>
#include <cerrno>
#include <charconv>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdexcept>
#include <sys/socket.h>
#include <system_error>
#include <unistd.h>

namespace nexus::testing {
namespace {

[[noreturn]] void fail(const std::string& what) {
  throw std::runtime_error("test client: " + what);
}

void wait_for(int socket, short events, std::chrono::milliseconds timeout) {
  pollfd entry{socket, events, 0};
  int ready = 0;
  do {
    ready = ::poll(&entry, 1, static_cast<int>(timeout.count()));
  } while (ready < 0 && errno == EINTR);
  if (ready == 0) fail("the server did nothing within the timeout");
  if (ready < 0) throw std::system_error(errno, std::generic_category(), "poll");
}

std::uint64_t parse_number(std::string_view text, int base) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, base);
  if (error != std::errc() || end == text.data()) fail("not a number: " + std::string(text));
  return number;
}

}  // namespace

const std::string* Response::header(std::string_view name) const {
  const auto found =
      std::find_if(headers.begin(), headers.end(), [&](const auto& pair) { return ascii_iequals(pair.first, name); });
  return found == headers.end() ? nullptr : &found->second;
}

boost::json::value Response::json() const {
  return boost::json::parse(body);
}
boost::json::value SseFrame::json() const {
  return boost::json::parse(data);
}

RawConnection::RawConnection(std::uint16_t port, std::chrono::milliseconds timeout)
    : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)), timeout_(timeout) {
  if (socket_ < 0) throw std::system_error(errno, std::generic_category(), "socket");
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    const int error = errno;
    close();
    throw std::system_error(error, std::generic_category(), "connect");
  }
  const int on = 1;
  ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

RawConnection::~RawConnection() {
  close();
}

RawConnection::RawConnection(RawConnection&& other) noexcept
    : socket_(std::exchange(other.socket_, -1)),
      timeout_(other.timeout_),
      buffer_(std::move(other.buffer_)),
      chunked_(other.chunked_),
      to_end_(other.to_end_),
      body_done_(other.body_done_),
      left_(other.left_) {}

void RawConnection::send(std::string_view bytes) {
  if (!try_send(bytes)) fail("the server has closed the connection");
}

bool RawConnection::try_send(std::string_view bytes) {
  while (!bytes.empty()) {
    wait_for(socket_, POLLOUT, timeout_);
    const ssize_t n = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (n < 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

void RawConnection::half_close() {
  ::shutdown(socket_, SHUT_WR);
}

void RawConnection::close() {
  if (socket_ >= 0) ::close(socket_);
  socket_ = -1;
}

void RawConnection::reset() {
  const linger hard{1, 0};
  ::setsockopt(socket_, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
  close();
}

void RawConnection::set_receive_buffer(int bytes) {
  ::setsockopt(socket_, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
}

bool RawConnection::usable() {
  if (!buffer_.empty()) return true;
  char byte = 0;
  const ssize_t n = ::recv(socket_, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
}

/// False at the end of the connection.
bool RawConnection::fill() {
  char block[16 * 1024];
  for (;;) {
    wait_for(socket_, POLLIN, timeout_);
    const ssize_t n = ::recv(socket_, block, sizeof block, 0);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) fail("the connection was reset");
    buffer_.append(block, static_cast<std::size_t>(n));
    return n > 0;
  }
}

std::string RawConnection::take(std::size_t n) {
  while (buffer_.size() < n)
    if (!fill()) fail("the connection ended in the middle of an answer");
  std::string taken = buffer_.substr(0, n);
  buffer_.erase(0, n);
  return taken;
}

std::string RawConnection::take_line() {
  for (;;) {
    if (const auto end = buffer_.find("\r\n"); end != std::string::npos) {
      std::string line = take(end + 2);
      line.resize(end);
      return line;
    }
    if (!fill()) fail("the connection ended in the middle of a line");
  }
}

Response RawConnection::read_head() {
  Response response;
  const std::string status_line = take_line();
  const auto space = status_line.find(' ');
  if (!status_line.starts_with("HTTP/1.") || space == std::string::npos) fail("not a status line: " + status_line);
  response.version = status_line.substr(0, space);
  response.status = static_cast<int>(parse_number(std::string_view(status_line).substr(space + 1, 3), 10));
  for (std::string line = take_line(); !line.empty(); line = take_line()) {
    const auto colon = line.find(':');
    if (colon == std::string::npos) fail("not a header: " + line);
    response.headers.emplace_back(line.substr(0, colon), ascii_trim(std::string_view(line).substr(colon + 1)));
  }
  const std::string* coding = response.header("transfer-encoding");
  const std::string* length = response.header("content-length");
  const bool none = response.status == 204 || response.status == 304 || response.status < 200;
  chunked_ = coding != nullptr && *coding == "chunked";
  left_ = !chunked_ && length != nullptr && !none ? parse_number(*length, 10) : 0;
  to_end_ = !chunked_ && length == nullptr && !none;
  body_done_ = !chunked_ && !to_end_ && left_ == 0;
  return response;
}

std::string RawConnection::read_body_piece() {
  if (body_done_) return {};
  if (chunked_) {
    const std::uint64_t size = parse_number(take_line(), 16);
    std::string piece = take(static_cast<std::size_t>(size));
    if (size == 0) {
      body_done_ = true;
      while (!take_line().empty()) {
      }
      return piece;
    }
    if (take(2) != "\r\n") fail("no line break behind a chunk");
    return piece;
  }
  if (buffer_.empty() && !fill()) {
    if (!to_end_) fail("the connection ended in the middle of a body");
    body_done_ = true;
    return {};
  }
  const auto size = to_end_ ? buffer_.size() : static_cast<std::size_t>(std::min<std::uint64_t>(left_, buffer_.size()));
  left_ -= to_end_ ? 0 : size;
  body_done_ = !to_end_ && left_ == 0;
  return take(size);
}

Response RawConnection::read_response(bool head_only) {
  Response response = read_head();
  if (head_only) return response;
  for (std::string piece = read_body_piece(); !piece.empty(); piece = read_body_piece()) response.body += piece;
  return response;
}

std::string RawConnection::read_all() {
  while (fill()) {
  }
  return std::exchange(buffer_, std::string());
}

bool RawConnection::at_end() {
  if (!buffer_.empty()) return false;
  try {
    return !fill();
  } catch (const std::runtime_error&) {
    return buffer_.empty();
  }
}

SseStream::SseStream(RawConnection connection, Response head)
    : connection_(std::move(connection)), head_(std::move(head)) {}

std::optional<SseFrame> SseStream::next() {
  std::size_t end = 0;
  while ((end = transcript_.find("\n\n", at_)) == std::string::npos) {
    const std::string piece = connection_.read_body_piece();
    if (piece.empty()) {
      if (at_ != transcript_.size()) fail("the stream ended inside an event");
      return std::nullopt;
    }
    transcript_ += piece;
  }
  SseFrame frame;
  bool has_data = false;
  std::string_view text = std::string_view(transcript_).substr(at_, end - at_);
  at_ = end + 2;
  while (!text.empty()) {
    const auto line_end = text.find('\n');
    const std::string_view line = text.substr(0, line_end);
    text = line_end == std::string_view::npos ? std::string_view() : text.substr(line_end + 1);
    const auto colon = line.find(':');
    const std::string_view name = line.substr(0, colon);
    std::string_view value = colon == std::string_view::npos ? std::string_view() : line.substr(colon + 1);
    if (value.starts_with(' ')) value.remove_prefix(1);
    if (name == "event") frame.event = std::string(value);
    if (name == "id") frame.id = std::string(value);
    if (name != "data") continue;
    if (has_data) frame.data += '\n';
    frame.data += value;
    has_data = true;
  }
  return frame;
}

std::vector<SseFrame> SseStream::rest() {
  std::vector<SseFrame> frames;
  while (auto frame = next()) frames.push_back(std::move(*frame));
  return frames;
}

Multipart::Multipart(std::string boundary) : boundary_(std::move(boundary)) {}

Multipart& Multipart::field(std::string_view name, std::string_view value) {
  parts_ += "--" + boundary_ + "\r\nContent-Disposition: form-data; name=\"" + std::string(name) + "\"\r\n\r\n";
  parts_ += value;
  parts_ += "\r\n";
  return *this;
}

Multipart& Multipart::file(std::string_view name, std::string_view filename, std::string_view content_type,
                           std::string_view bytes) {
  parts_ += "--" + boundary_ + "\r\nContent-Disposition: form-data; name=\"" + std::string(name) + "\"; filename=\"" +
            std::string(filename) + "\"\r\n";
  if (!content_type.empty()) parts_ += "Content-Type: " + std::string(content_type) + "\r\n";
  parts_ += "\r\n";
  parts_ += bytes;
  parts_ += "\r\n";
  return *this;
}

std::string Multipart::content_type() const {
  return "multipart/form-data; boundary=" + boundary_;
}
std::string Multipart::body() const {
  return parts_ + "--" + boundary_ + "--\r\n";
}

TestClient::TestClient(std::uint16_t port, std::chrono::milliseconds timeout) : port_(port), timeout_(timeout) {}

TestClient& TestClient::with_header(std::string name, std::string value) {
  defaults_.emplace_back(std::move(name), std::move(value));
  return *this;
}

TestClient& TestClient::bearer(std::string_view token) {
  return with_header("Authorization", "Bearer " + std::string(token));
}

std::string TestClient::compose(std::string_view verb, std::string_view path, const Pairs& headers,
                                std::string_view body) const {
  const auto given = [&](std::string_view name) {
    return std::any_of(headers.begin(), headers.end(),
                       [&](const auto& pair) { return ascii_iequals(pair.first, name); });
  };
  std::string text;
  const auto line = [&](std::string_view name, std::string_view value) {
    text += name;
    text += ": ";
    text += value;
    text += "\r\n";
  };
  text += verb;
  text += ' ';
  text += path;
  text += " HTTP/1.1\r\n";
  if (!given("host")) line("Host", "127.0.0.1:" + std::to_string(port_));
  for (const auto& [name, value] : defaults_)
    if (!given(name)) line(name, value);
  for (const auto& [name, value] : headers) line(name, value);
  const bool wants_length = !body.empty() || verb == "POST" || verb == "PUT" || verb == "PATCH";
  if (wants_length && !given("content-length") && !given("transfer-encoding"))
    line("Content-Length", std::to_string(body.size()));
  text += "\r\n";
  text += body;
  return text;
}

Response TestClient::request(std::string_view verb, std::string_view path, const Pairs& headers,
                             std::string_view body) {
  const std::string text = compose(verb, path, headers, body);
  if (connection_ && !connection_->usable()) connection_.reset();
  if (!connection_) connection_ = std::make_unique<RawConnection>(port_, timeout_);
  static_cast<void>(connection_->try_send(text));  // a refused upload is answered before it has been sent
  Response response = connection_->read_response(verb == "HEAD");
  while (response.status == 100) response = connection_->read_response(verb == "HEAD");
  const std::string* after = response.header("connection");
  if (after != nullptr && ascii_iequals(*after, "close")) connection_.reset();
  return response;
}

Response TestClient::get(std::string_view path, const Pairs& headers) {
  return request("GET", path, headers);
}
Response TestClient::del(std::string_view path, const Pairs& headers) {
  return request("DELETE", path, headers);
}

namespace {

Pairs with_type(const Pairs& headers, std::string_view type) {
  Pairs all = headers;
  const bool given = std::any_of(headers.begin(), headers.end(),
                                 [](const auto& pair) { return ascii_iequals(pair.first, "content-type"); });
  if (!given) all.emplace_back("Content-Type", std::string(type));
  return all;
}

}  // namespace

Response TestClient::post(std::string_view path, std::string_view json, const Pairs& headers) {
  return request("POST", path, with_type(headers, "application/json"), json);
}
Response TestClient::put(std::string_view path, std::string_view json, const Pairs& headers) {
  return request("PUT", path, with_type(headers, "application/json"), json);
}
Response TestClient::patch(std::string_view path, std::string_view json, const Pairs& headers) {
  return request("PATCH", path, with_type(headers, "application/json"), json);
}
Response TestClient::upload(std::string_view path, const Multipart& form, const Pairs& headers) {
  return request("POST", path, with_type(headers, form.content_type()), form.body());
}

SseStream TestClient::open_stream(std::string_view path, std::string_view json, const Pairs& headers,
                                  std::string_view verb) {
  RawConnection connection(port_, timeout_);
  connection.send(compose(verb, path, with_type(headers, "application/json"), json));
  Response head = connection.read_head();
  return {std::move(connection), std::move(head)};
}

}  // namespace nexus::testing

#include "cli/http_client.h"

#include "base/encoding.h"
#include "base/version.h"
#include "cli/failure.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <fstream>
#include <memory>
#include <netdb.h>
#include <optional>
#include <sys/socket.h>
#include <sys/time.h>
#include <system_error>
#include <unistd.h>

namespace nexus::cli {
namespace {

constexpr std::size_t kPiece = 64 * 1024;
constexpr std::size_t kMostHead = 64 * 1024;
constexpr std::size_t kMostBody = 256 * 1024 * 1024;

[[noreturn]] void fail(const Address& peer, std::string_view what) {
  throw Failure(fmt::format("{}: {}", to_string(peer), what));
}

/// A connected TCP socket that closes itself; reads through a buffer.
class Connection {
 public:
  Connection(const Address& peer, std::chrono::seconds patience) : peer_(peer) {
    addrinfo wanted{};
    wanted.ai_socktype = SOCK_STREAM;
    addrinfo* list = nullptr;
    const std::string port = std::to_string(peer.port);
    if (const int error = ::getaddrinfo(peer.host.c_str(), port.c_str(), &wanted, &list); error != 0)
      fail(peer, ::gai_strerror(error));
    const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(list, ::freeaddrinfo);
    int reason = ECONNREFUSED;
    for (const addrinfo* at = list; at != nullptr && fd_ < 0; at = at->ai_next) reason = try_connect(*at, patience);
    if (fd_ < 0) fail(peer, std::generic_category().message(reason));
  }
  ~Connection() {
    if (fd_ >= 0) ::close(fd_);
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  /// False when the peer takes no more: it may have answered already.
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n < 0 && errno == EINTR) continue;
      if (n < 0 && (errno == EPIPE || errno == ECONNRESET)) return false;
      if (n < 0) fail(peer_, errno == EAGAIN ? "takes no more data" : std::generic_category().message(errno));
      bytes.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
  }

  std::string line() {
    for (;;) {
      const std::size_t end = buffer_.find('\n', at_);
      if (end != std::string::npos) {
        std::string out = buffer_.substr(at_, end - at_);
        at_ = end + 1;
        if (out.ends_with('\r')) out.pop_back();
        return out;
      }
      if (buffer_.size() - at_ > kMostHead) fail(peer_, "sent an answer that is no HTTP");
      if (!fill()) fail(peer_, "closed the connection in the middle of an answer");
    }
  }

  /// At most `most` bytes; empty at the end of the connection.
  std::string_view some(std::size_t most) {
    if (at_ == buffer_.size() && !fill()) return {};
    const std::string_view out = std::string_view(buffer_).substr(at_, most);
    at_ += out.size();
    return out;
  }

  [[noreturn]] void broken() const { fail(peer_, "closed the connection in the middle of an answer"); }

 private:
  int try_connect(const addrinfo& to, std::chrono::seconds patience) {
    const int fd = ::socket(to.ai_family, to.ai_socktype | SOCK_CLOEXEC, to.ai_protocol);
    if (fd < 0) return errno;
    timeval limit{};
    limit.tv_sec = static_cast<time_t>(patience.count());
    ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    if (::connect(fd, to.ai_addr, to.ai_addrlen) == 0) {
      fd_ = fd;
      return 0;
    }
    const int reason = errno;
    ::close(fd);
    return reason;
  }

  bool fill() {
    if (at_ == buffer_.size()) buffer_.clear(), at_ = 0;
    char piece[kPiece];
    for (;;) {
      const ssize_t n = ::recv(fd_, piece, sizeof piece, 0);
      if (n < 0 && errno == EINTR) continue;
      if (n < 0 && errno == ECONNRESET) return false;
      if (n < 0) fail(peer_, errno == EAGAIN ? "no answer in time" : std::generic_category().message(errno));
      buffer_.append(piece, static_cast<std::size_t>(n));
      return n > 0;
    }
  }

  Address peer_;
  int fd_ = -1;
  std::string buffer_;
  std::size_t at_ = 0;
};

HttpReply read_head(Connection& peer, const Address& address) {
  HttpReply reply;
  do {  // interim answers are skipped
    reply.headers.clear();
    const std::string status = peer.line();
    if (!status.starts_with("HTTP/1.") || status.size() < 12) fail(address, "sent an answer that is no HTTP");
    std::from_chars(status.data() + 9, status.data() + 12, reply.status);
    for (std::string line = peer.line(); !line.empty(); line = peer.line()) {
      const std::size_t colon = line.find(':');
      if (colon == std::string::npos) continue;
      reply.headers.emplace_back(line.substr(0, colon), ascii_trim(std::string_view(line).substr(colon + 1)));
      if (reply.headers.size() > 200) fail(address, "sent too many headers");
    }
  } while (reply.status >= 100 && reply.status < 200);
  return reply;
}

void read_exactly(Connection& peer, std::uint64_t size, const HttpClient::Sink& sink) {
  while (size > 0) {
    const std::string_view piece = peer.some(static_cast<std::size_t>(std::min<std::uint64_t>(size, kPiece)));
    if (piece.empty()) peer.broken();
    size -= piece.size();
    sink(piece);
  }
}

void read_chunked(Connection& peer, const HttpClient::Sink& sink) {
  for (;;) {
    const std::string line = peer.line();
    std::uint64_t size = 0;
    const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), size, 16);
    if (error != std::errc{} || end == line.data()) peer.broken();
    if (size == 0) break;
    read_exactly(peer, size, sink);
    if (!peer.line().empty()) peer.broken();
  }
  while (!peer.line().empty()) {
  }
}

void read_body(Connection& peer, const HttpReply& reply, const HttpClient::Sink& sink) {
  if (reply.status == 204 || reply.status == 304) return;
  if (ascii_iequals(reply.header("transfer-encoding"), "chunked")) return read_chunked(peer, sink);
  if (const std::string_view length = reply.header("content-length"); !length.empty()) {
    std::uint64_t size = 0;
    const auto [end, error] = std::from_chars(length.data(), length.data() + length.size(), size);
    if (error != std::errc{}) peer.broken();
    return read_exactly(peer, size, sink);
  }
  for (std::string_view piece = peer.some(kPiece); !piece.empty(); piece = peer.some(kPiece)) sink(piece);
}

HttpReply read_reply(Connection& peer, const Address& address, const HttpClient::Sink& events) {
  HttpReply reply = read_head(peer, address);
  if (events && reply.header("content-type").starts_with("text/event-stream")) {
    read_body(peer, reply, events);
  } else {
    read_body(peer, reply, [&](std::string_view piece) {
      if (reply.body.size() + piece.size() > kMostBody) fail(address, "sent an answer that is too large");
      reply.body.append(piece);
    });
  }
  return reply;
}

bool send_file(Connection& peer, const FileBody& body) {
  std::ifstream in(body.file, std::ios::binary);
  if (!in) throw Failure(body.file.string() + " cannot be read");
  std::string piece(kPiece, '\0');
  std::uint64_t left = body.size;
  while (left > 0) {
    in.read(piece.data(), static_cast<std::streamsize>(std::min<std::uint64_t>(left, piece.size())));
    const auto n = static_cast<std::size_t>(in.gcount());
    if (n == 0) throw Failure(body.file.string() + " became shorter while it was read");
    left -= n;
    if (!peer.send(std::string_view(piece).substr(0, n))) return false;
  }
  return true;
}

}  // namespace

std::string_view HttpReply::header(std::string_view name) const {
  for (const auto& [key, value] : headers)
    if (ascii_iequals(key, name)) return value;
  return {};
}

HttpClient::HttpClient(BaseUrl server, HttpHeaders headers, std::chrono::seconds patience)
    : server_(std::move(server)), headers_(std::move(headers)), patience_(patience) {
  for (const auto& [name, value] : headers_)
    if (std::any_of(value.begin(), value.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20; }))
      throw UsageError(name + " holds a character that no header may hold");
}

std::string HttpClient::head(std::string_view verb, std::string_view path, std::string_view content_type,
                             std::uint64_t length) const {
  std::string out = fmt::format("{} {}{} HTTP/1.1\r\nHost: {}\r\nUser-Agent: nexusrag/{}\r\nConnection: close\r\n",
                                verb, server_.prefix, path, to_string(server_.address), version());
  for (const auto& [name, value] : headers_) out += fmt::format("{}: {}\r\n", name, value);
  if (!content_type.empty()) out += fmt::format("Content-Type: {}\r\nContent-Length: {}\r\n", content_type, length);
  return out + "\r\n";
}

HttpReply HttpClient::get(std::string_view path) const {
  Connection peer(server_.address, patience_);
  (void)peer.send(head("GET", path, {}, 0));
  return read_reply(peer, server_.address, {});
}

HttpReply HttpClient::post_json(std::string_view path, std::string_view body) const {
  return post_for_events(path, body, {});
}

HttpReply HttpClient::post_for_events(std::string_view path, std::string_view body, const Sink& sink) const {
  Connection peer(server_.address, patience_);
  (void)peer.send(head("POST", path, "application/json", body.size()).append(body));
  return read_reply(peer, server_.address, sink);
}

HttpReply HttpClient::post_file(std::string_view path, std::string_view content_type, const FileBody& body) const {
  Connection peer(server_.address, patience_);
  const std::uint64_t length = body.before.size() + body.size + body.after.size();
  // A server that refuses early closes before it has everything; its answer is then what counts.
  if (peer.send(head("POST", path, content_type, length).append(body.before)) && send_file(peer, body))
    (void)peer.send(body.after);
  return read_reply(peer, server_.address, {});
}

bool is_reachable(const Address& address) {
  try {
    const Connection probe(address, std::chrono::seconds(2));
    return true;
  } catch (const Failure&) {
    return false;
  }
}

}  // namespace nexus::cli

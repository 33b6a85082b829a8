#include "support/http_twin.h"

#include "base/encoding.h"

#include <fmt/format.h>

#include <algorithm>
#include <arpa/inet.h>
#include <cerrno>
#include <charconv>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <optional>
#include <poll.h>
#include <stdexcept>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <system_error>
#include <thread>
#include <unistd.h>

namespace nexus::testing {
namespace {

using Milliseconds = std::chrono::milliseconds;

/// A file descriptor that closes itself.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {
    if (fd < 0) throw std::system_error(errno, std::generic_category(), "http twin");
  }
  ~Descriptor() { ::close(fd_); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  [[nodiscard]] int get() const { return fd_; }

 private:
  int fd_;
};

/// A switch that threads can poll() on: once on, it stays readable.
class Switch {
 public:
  Switch() : event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}
  void turn_on() {
    const std::uint64_t one = 1;
    if (::write(event_.get(), &one, sizeof one) < 0) throw std::system_error(errno, std::generic_category(), "eventfd");
  }
  [[nodiscard]] int fd() const { return event_.get(); }

 private:
  Descriptor event_;
};

std::string head_of(const TwinAnswer& answer, std::size_t announced) {
  std::string head = fmt::format("HTTP/1.1 {} Twin\r\nContent-Type: {}\r\n", answer.status, answer.content_type);
  if (answer.fault == TwinFault::kEndlessBody) {
    head += "Transfer-Encoding: chunked\r\n";
  } else if (answer.status != 204) {
    head += fmt::format("Content-Length: {}\r\n", announced);
  }
  for (const auto& [name, value] : answer.headers) head += fmt::format("{}: {}\r\n", name, value);
  if (answer.close) head += "Connection: close\r\n";
  return head + "\r\n";
}

}  // namespace

const std::string* TwinRequest::header(std::string_view name) const {
  const auto found =
      std::find_if(headers.begin(), headers.end(), [&](const auto& pair) { return ascii_iequals(pair.first, name); });
  return found == headers.end() ? nullptr : &found->second;
}

TwinAnswer twin_status(int status, std::string body) {
  TwinAnswer answer;
  answer.status = status;
  answer.body = std::move(body);
  return answer;
}

TwinAnswer twin_fault(TwinFault fault) {
  TwinAnswer answer;
  answer.body = R"({"answer":"long enough to be cut in two"})";
  answer.fault = fault;
  return answer;
}

TwinAnswer twin_bad_json() {
  return twin_status(200, R"({"answer": [1, 2)");
}

class HttpTwin::Impl {
 public:
  Impl() : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* raw = reinterpret_cast<sockaddr*>(&address);
    if (::bind(listener_.get(), raw, size) != 0 || ::listen(listener_.get(), 256) != 0 ||
        ::getsockname(listener_.get(), raw, &size) != 0)
      throw std::system_error(errno, std::generic_category(), "http twin");
    port_ = ntohs(address.sin_port);
    acceptor_ = std::thread([this] { accept_all(); });
  }

  ~Impl() {
    stop_.turn_on();
    acceptor_.join();
    {
      const std::lock_guard lock(mutex_);
      for (const int fd : open_) ::shutdown(fd, SHUT_RDWR);  // wakes threads that are in send() or recv()
    }
    for (std::thread& thread : threads_) thread.join();
  }

  [[nodiscard]] std::uint16_t port() const { return port_; }

  void script(std::vector<TwinAnswer> answers) {
    const std::lock_guard lock(mutex_);
    for (TwinAnswer& answer : answers) script_.push_back(std::move(answer));
  }
  void always(TwinAnswer answer) {
    const std::lock_guard lock(mutex_);
    always_ = std::move(answer);
  }
  void release() { release_.turn_on(); }

  [[nodiscard]] std::vector<TwinRequest> wait_for_requests(std::size_t count, Milliseconds timeout) const {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, timeout, [&] { return requests_.size() >= count; }))
      throw std::runtime_error(fmt::format("http twin: {} of {} requests arrived in time", requests_.size(), count));
    return requests_;
  }
  void wait_for_hangups(std::size_t count, Milliseconds timeout) const {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, timeout, [&] { return hangups_ >= count; }))
      throw std::runtime_error(fmt::format("http twin: {} of {} connections closed in time", hangups_, count));
  }
  [[nodiscard]] std::vector<TwinRequest> requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
  }
  [[nodiscard]] std::size_t connections() const {
    const std::lock_guard lock(mutex_);
    return accepted_;
  }

 private:
  /// One accepted connection and the bytes read ahead. Lives on its thread.
  struct Peer {
    int fd = -1;
    std::size_t number = 0;
    std::string buffer = {};
  };

  void accept_all() {
    for (;;) {
      pollfd entries[] = {{listener_.get(), POLLIN, 0}, {stop_.fd(), POLLIN, 0}};
      if (::poll(entries, 2, -1) < 0 && errno != EINTR) return;
      if (entries[1].revents != 0) return;
      if (entries[0].revents == 0) continue;
      const int fd = ::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC);
      if (fd < 0) continue;
      const int on = 1;
      ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      const std::lock_guard lock(mutex_);
      open_.push_back(fd);
      threads_.emplace_back([this, peer = Peer{fd, accepted_++}]() mutable { serve(peer); });
    }
  }

  void serve(Peer& peer) {
    while (std::optional<TwinRequest> request = read_request(peer)) {
      const TwinAnswer answer = record(std::move(*request));
      if (!reply(peer, answer)) break;
    }
    const std::lock_guard lock(mutex_);
    std::erase(open_, peer.fd);
    ::close(peer.fd);
  }

  /// Stores the request and takes its answer in one step, so that both are in order of arrival.
  TwinAnswer record(TwinRequest&& request) {
    const std::lock_guard lock(mutex_);
    requests_.push_back(std::move(request));
    changed_.notify_all();
    if (script_.empty()) return always_;
    TwinAnswer next = std::move(script_.front());
    script_.pop_front();
    return next;
  }

  // --- reading

  bool fill(Peer& peer) {
    char piece[16 * 1024];
    ssize_t n = 0;
    do {
      n = ::recv(peer.fd, piece, sizeof piece, 0);
    } while (n < 0 && errno == EINTR);
    if (n <= 0) {
      note_hangup();
      return false;
    }
    peer.buffer.append(piece, static_cast<std::size_t>(n));
    return true;
  }

  void note_hangup() {
    const std::lock_guard lock(mutex_);
    ++hangups_;
    changed_.notify_all();
  }

  /// The next request of a kept-alive connection; empty at its end. Bodies come with Content-Length.
  std::optional<TwinRequest> read_request(Peer& peer) {
    std::size_t end = 0;
    while ((end = peer.buffer.find("\r\n\r\n")) == std::string::npos) {
      if (!fill(peer)) return std::nullopt;
    }
    TwinRequest request;
    request.connection = peer.number;
    parse_head(std::string_view(peer.buffer).substr(0, end), request);
    peer.buffer.erase(0, end + 4);
    if (const std::string* expect = request.header("expect");
        expect != nullptr && ascii_iequals(*expect, "100-continue"))
      send(peer, "HTTP/1.1 100 Continue\r\n\r\n");
    std::size_t length = 0;
    if (const std::string* text = request.header("content-length"))
      std::from_chars(text->data(), text->data() + text->size(), length);
    while (peer.buffer.size() < length) {
      if (!fill(peer)) return std::nullopt;
    }
    request.body = peer.buffer.substr(0, length);
    peer.buffer.erase(0, length);
    return request;
  }

  static void parse_head(std::string_view head, TwinRequest& request) {
    std::size_t at = 0;
    bool first = true;
    while (at < head.size()) {
      const std::size_t end = std::min(head.find("\r\n", at), head.size());
      const std::string_view line = head.substr(at, end - at);
      at = end + 2;
      if (std::exchange(first, false)) {
        const std::size_t space = line.find(' ');
        const std::size_t last = line.rfind(' ');
        request.method = line.substr(0, space);
        if (space < last) request.target = line.substr(space + 1, last - space - 1);
      } else if (const std::size_t colon = line.find(':'); colon != std::string_view::npos) {
        request.headers.emplace_back(line.substr(0, colon), ascii_trim(line.substr(colon + 1)));
      }
    }
  }

  // --- answering

  bool send(Peer& peer, std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t n = ::send(peer.fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) {
        note_hangup();
        return false;
      }
      bytes.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
  }

  /// Waits for the time, or for `also`, and true then; false when the client left or the twin stops. -1: no time limit.
  bool linger(Peer& peer, int timeout_ms, const Switch* also = nullptr) {
    for (;;) {
      pollfd entries[] = {
          {peer.fd, POLLRDHUP, 0}, {stop_.fd(), POLLIN, 0}, {also != nullptr ? also->fd() : -1, POLLIN, 0}};
      const int ready = ::poll(entries, 3, timeout_ms);
      if (ready < 0 && errno == EINTR) continue;
      if (entries[1].revents != 0) return false;
      if (entries[0].revents != 0) {
        note_hangup();
        return false;
      }
      return ready >= 0;
    }
  }

  static void reset(Peer& peer) {
    const ::linger at_once{1, 0};
    ::setsockopt(peer.fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  }

  /// False when the connection is to be closed.
  bool reply(Peer& peer, const TwinAnswer& answer) {
    if (answer.delay.count() > 0 && !linger(peer, static_cast<int>(answer.delay.count()))) return false;
    if (answer.hold && !linger(peer, -1, &release_)) return false;
    const std::string_view body = answer.body;
    const std::string_view half = body.substr(0, body.size() / 2);
    switch (answer.fault) {
      case TwinFault::kNone:
        return send(peer, head_of(answer, body.size()).append(answer.status == 204 ? "" : body)) && !answer.close;
      case TwinFault::kNeverAnswers:
        return linger(peer, -1);
      case TwinFault::kResetBeforeHead:
        reset(peer);
        return false;
      case TwinFault::kResetAfterHead:
        // The head must have left before the reset discards what is not sent: the peer's silence says so.
        (void)(send(peer, head_of(answer, body.size())) && linger(peer, 20));
        reset(peer);
        return false;
      case TwinFault::kHalfBody:
        send(peer, head_of(answer, body.size()).append(half));
        return false;
      case TwinFault::kHalfBodyThenSilence:
        return send(peer, head_of(answer, body.size()).append(half)) && linger(peer, -1);
      case TwinFault::kMoreThanSaid:
        return send(peer, head_of(answer, body.size() - std::min<std::size_t>(body.size(), 1)).append(body));
      case TwinFault::kEndlessBody:
        return send_without_end(peer, answer);
      case TwinFault::kSlowDrip:
        return drip(peer, answer);
      case TwinFault::kGarbage:
        send(peer, "\x16\x03 this is no HTTP\r\n\r\n");
        return false;
    }
    return false;
  }

  bool send_without_end(Peer& peer, const TwinAnswer& answer) {
    const std::string chunk = "1000\r\n" + std::string(0x1000, 'x') + "\r\n";
    bool go = send(peer, head_of(answer, 0));
    while (go) go = send(peer, chunk);
    return false;
  }

  bool drip(Peer& peer, const TwinAnswer& answer) {
    const std::string bytes = head_of(answer, answer.body.size()).append(answer.body);
    for (const char& byte : bytes) {
      if (!send(peer, {&byte, 1}) || !linger(peer, static_cast<int>(answer.drip.count()))) return false;
    }
    return true;
  }

  Descriptor listener_;
  std::uint16_t port_ = 0;
  Switch stop_;
  Switch release_;

  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  std::deque<TwinAnswer> script_;
  TwinAnswer always_;
  std::vector<TwinRequest> requests_;
  std::size_t accepted_ = 0;
  std::size_t hangups_ = 0;
  std::vector<int> open_;
  std::vector<std::thread> threads_;  // only the acceptor adds
  std::thread acceptor_;
};

HttpTwin::HttpTwin() : impl_(std::make_unique<Impl>()) {}
HttpTwin::~HttpTwin() = default;
std::uint16_t HttpTwin::port() const {
  return impl_->port();
}
std::string HttpTwin::url(std::string_view path) const {
  return fmt::format("http://127.0.0.1:{}{}", impl_->port(), path);
}
void HttpTwin::script(std::vector<TwinAnswer> answers) {
  impl_->script(std::move(answers));
}
void HttpTwin::always(TwinAnswer answer) {
  impl_->always(std::move(answer));
}
void HttpTwin::release() {
  impl_->release();
}
std::vector<TwinRequest> HttpTwin::wait_for_requests(std::size_t count, Milliseconds timeout) const {
  return impl_->wait_for_requests(count, timeout);
}
void HttpTwin::wait_for_hangups(std::size_t count, Milliseconds timeout) const {
  impl_->wait_for_hangups(count, timeout);
}
std::vector<TwinRequest> HttpTwin::requests() const {
  return impl_->requests();
}
std::size_t HttpTwin::connections() const {
  return impl_->connections();
}

}  // namespace nexus::testing

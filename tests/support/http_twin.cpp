#include "support/http_twin.h"

#include "base/encoding.h"
#include "support/twin_message.h"
#include "support/twin_socket.h"

#include <fmt/format.h>

#include <algorithm>
#include <arpa/inet.h>
#include <atomic>
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
#include <sys/socket.h>
#include <system_error>
#include <thread>
#include <unistd.h>

namespace nexus::testing {
namespace {

using Milliseconds = std::chrono::milliseconds;

constexpr int kStallMs = 100;
constexpr int kSendBuffer = 64 * 1024;  // what a client does not read must not hide in this machine's buffers

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

TwinAnswer twin_pieces(std::vector<TwinPiece> pieces, TwinFault fault) {
  TwinAnswer answer;
  answer.pieces = std::move(pieces);
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

  void script(const std::vector<TwinAnswer>& answers) {
    const std::lock_guard lock(mutex_);
    script_.insert(script_.end(), answers.begin(), answers.end());
  }
  void always(const TwinAnswer& answer) {
    const std::lock_guard lock(mutex_);
    always_ = answer;
  }
  void release() { release_.turn_on(); }

  [[nodiscard]] std::vector<TwinRequest> wait_for_requests(std::size_t count, Milliseconds timeout) const {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, timeout, [&] { return requests_.size() >= count; }))
      throw std::runtime_error(fmt::format("http twin: {} of {} requests arrived in time", requests_.size(), count));
    return requests_;
  }
  void wait_for_hangups(std::size_t count, Milliseconds timeout) const {
    wait_for(hangups_, count, timeout, "connections closed");
  }
  void wait_for_stalls(std::size_t count, Milliseconds timeout) const {
    wait_for(stalls_, count, timeout, "stalls came");
  }
  [[nodiscard]] std::vector<TwinRequest> requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
  }
  [[nodiscard]] std::size_t connections() const {
    const std::lock_guard lock(mutex_);
    return accepted_;
  }
  [[nodiscard]] std::uint64_t sent_bytes() const { return sent_bytes_; }

 private:
  /// One accepted connection and the bytes read ahead. Lives on its thread.
  struct Peer {
    int fd = -1;
    std::size_t number = 0;
    std::string buffer = {};
  };

  void wait_for(const std::size_t& counter, std::size_t count, Milliseconds timeout, std::string_view what) const {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, timeout, [&] { return counter >= count; }))
      throw std::runtime_error(fmt::format("http twin: {} of {} {} in time", counter, count, what));
  }

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
      ::setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &kSendBuffer, sizeof kSendBuffer);
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
      note(hangups_);
      return false;
    }
    peer.buffer.append(piece, static_cast<std::size_t>(n));
    return true;
  }

  void note(std::size_t& counter) {
    const std::lock_guard lock(mutex_);
    ++counter;
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
    read_head(std::string_view(peer.buffer).substr(0, end), request);
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

  // --- answering

  bool send(Peer& peer, std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t n = ::send(peer.fd, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (n < 0 && errno == EINTR) continue;
      if (n < 0 && errno == EAGAIN) {
        if (!wait_for_room(peer)) return false;
        continue;
      }
      if (n < 0) {
        note(hangups_);
        return false;
      }
      sent_bytes_ += static_cast<std::uint64_t>(n);
      bytes.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
  }

  /// False when the twin stops.
  bool wait_for_room(Peer& peer) {
    for (;;) {
      pollfd entries[] = {{peer.fd, POLLOUT, 0}, {stop_.fd(), POLLIN, 0}};
      const int ready = ::poll(entries, 2, kStallMs);
      if (ready < 0 && errno == EINTR) continue;
      if (entries[1].revents != 0) return false;
      if (ready != 0) return true;
      note(stalls_);
    }
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
        note(hangups_);
        return false;
      }
      return ready >= 0;
    }
  }

  static void reset(Peer& peer) {
    const ::linger at_once{1, 0};
    ::setsockopt(peer.fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  }

  /// What was sent must have left before the reset discards the rest: the peer's silence says so. Always false.
  bool reset_soon(Peer& peer) {
    (void)linger(peer, 20);
    reset(peer);
    return false;
  }

  /// False when the connection is to be closed.
  bool reply(Peer& peer, const TwinAnswer& answer) {
    if (answer.delay.count() > 0 && !linger(peer, static_cast<int>(answer.delay.count()))) return false;
    if (answer.hold && !linger(peer, -1, &release_)) return false;
    if (!answer.pieces.empty()) return reply_in_pieces(peer, answer);
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
        return send(peer, head_of(answer, body.size())) && reset_soon(peer);
      case TwinFault::kResetMidBody:
        return send(peer, head_of(answer, body.size()).append(half)) && reset_soon(peer);
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

  bool reply_in_pieces(Peer& peer, const TwinAnswer& answer) {
    if (!send(peer, head_of(answer, 0))) return false;
    for (const TwinPiece& piece : answer.pieces) {
      if (piece.delay.count() > 0 && !linger(peer, static_cast<int>(piece.delay.count()))) return false;
      if (piece.hold && !linger(peer, -1, &release_)) return false;
      if (!send(peer, chunk(piece.bytes))) return false;
    }
    if (answer.fault == TwinFault::kHalfBodyThenSilence) return linger(peer, -1);
    if (answer.fault == TwinFault::kResetMidBody) return reset_soon(peer);
    return answer.fault == TwinFault::kNone && send(peer, chunk("")) && !answer.close;
  }

  bool send_without_end(Peer& peer, const TwinAnswer& answer) {
    const std::string again = chunk(std::string(0x1000, 'x'));
    bool go = send(peer, head_of(answer, 0));
    while (go) go = send(peer, again);
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
  std::size_t stalls_ = 0;
  std::atomic<std::uint64_t> sent_bytes_{0};
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
void HttpTwin::script(const std::vector<TwinAnswer>& answers) {
  impl_->script(answers);
}
void HttpTwin::always(const TwinAnswer& answer) {
  impl_->always(answer);
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
void HttpTwin::wait_for_stalls(std::size_t count, Milliseconds timeout) const {
  impl_->wait_for_stalls(count, timeout);
}
std::uint64_t HttpTwin::sent_bytes() const {
  return impl_->sent_bytes();
}
std::vector<TwinRequest> HttpTwin::requests() const {
  return impl_->requests();
}
std::size_t HttpTwin::connections() const {
  return impl_->connections();
}

}  // namespace nexus::testing

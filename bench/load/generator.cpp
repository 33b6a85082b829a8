#include "bench/load/generator.h"

#include "bench/load/response.h"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <cerrno>
#include <deque>
#include <memory>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdexcept>
#include <string_view>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace nexus::bench {
namespace {

using Time = std::chrono::steady_clock::time_point;
using std::chrono::nanoseconds;

[[noreturn]] void throw_errno(const char* what) {
  throw std::system_error(errno, std::system_category(), what);
}

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {
    if (fd < 0) throw_errno("cannot open a socket");
  }
  ~Descriptor() { ::close(fd_); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  [[nodiscard]] int get() const { return fd_; }

 private:
  int fd_;
};

nanoseconds cpu_of_process() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto of = [](const timeval& t) {
    return std::chrono::seconds(t.tv_sec) + std::chrono::microseconds(t.tv_usec);
  };
  return of(usage.ru_utime) + of(usage.ru_stime);
}

struct Connection {
  std::unique_ptr<Descriptor> socket;
  Response response;
  std::string patched;  // the request with its session number
  std::string_view unsent;
  Time due;  // of the request on its way
  Time first_byte;
  bool busy = false;
  std::uint64_t number = 0;
  std::uint64_t asked = 0;
};

class Generator {
 public:
  explicit Generator(const Plan& plan)
      : plan_(plan), poll_(::epoll_create1(EPOLL_CLOEXEC)), connections_(plan.concurrency) {
    for (std::size_t i = 0; i < connections_.size(); ++i) {
      connections_[i].number = i;
      connect(connections_[i]);
    }
    // Last opened, first used: in the open loop few connections are warm instead of many lukewarm.
    if (is_open())
      for (std::size_t i = connections_.size(); i-- > 0;) idle_.push_back(i);
  }

  Result run();

 private:
  [[nodiscard]] bool is_open() const { return plan_.rate > 0; }
  [[nodiscard]] Time due_of(std::uint64_t i) const {
    return start_ + nanoseconds(static_cast<std::int64_t>(static_cast<double>(i) * 1e9 / plan_.rate));
  }
  [[nodiscard]] bool issuing(Time now) const {
    return plan_.count > 0 ? issued_ < plan_.count : now < measure_from_ + plan_.duration;
  }

  void connect(Connection& c);
  void issue_due(Time now);
  void wait(Time now, Time end);
  void send(Connection& c, Time due);
  void push(Connection& c);
  void receive(Connection& c);
  void answered(Connection& c, Time now);
  void broken(Connection& c, const char* why);
  void count_error(Time due, const std::string& reason);
  void next(Connection& c, Time now);
  void give_up(Time now);

  const Plan& plan_;
  Descriptor poll_;
  std::vector<Connection> connections_;
  std::vector<std::size_t> idle_;  // open loop: connections without a request
  std::deque<Time> backlog_;       // open loop: due, but no connection was free
  std::vector<char> buffer_ = std::vector<char>(std::size_t{256} * 1024);
  Result result_;
  Time start_;
  Time measure_from_;
  Time last_answer_;
  std::uint64_t issued_ = 0;
  std::size_t busy_ = 0;
};

void Generator::connect(Connection& c) {
  auto socket = std::make_unique<Descriptor>(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(plan_.port);
  to.sin_addr.s_addr = htonl(plan_.address);
  if (::connect(socket->get(), reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) throw_errno("cannot connect");
  const int on = 1;
  ::setsockopt(socket->get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  // Edge-triggered: one system call to register a connection, then only those that move bytes.
  epoll_event event{};
  event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
  event.data.ptr = &c;
  if (::epoll_ctl(poll_.get(), EPOLL_CTL_ADD, socket->get(), &event) != 0) throw_errno("cannot watch a socket");
  c.socket = std::move(socket);
  c.response.reset();
  c.unsent = {};
}

Result Generator::run() {
  // The kernel may otherwise delay a timer by 50 µs, which would be read as latency.
  ::prctl(PR_SET_TIMERSLACK, 1000UL, 0UL, 0UL, 0UL);
  start_ = std::chrono::steady_clock::now();
  measure_from_ = plan_.count > 0 ? start_ : start_ + plan_.warmup;
  last_answer_ = measure_from_;
  if (!is_open())
    for (Connection& c : connections_) next(c, start_);
  for (;;) {
    const Time now = std::chrono::steady_clock::now();
    if (is_open()) issue_due(now);
    const bool more = issuing(now);
    if (!more && busy_ == 0 && backlog_.empty()) break;
    const Time end = measure_from_ + plan_.duration + plan_.grace;
    if (now >= end) {
      give_up(now);
      break;
    }
    wait(now, end);
  }
  // The open loop's window is fixed; what arrives after it belongs to it but does not lengthen it, unless it is late.
  result_.elapsed = last_answer_ - measure_from_;
  if (plan_.count == 0) result_.elapsed = std::max<nanoseconds>(result_.elapsed, plan_.duration);
  result_.cpu = cpu_of_process();
  return std::move(result_);
}

void Generator::issue_due(Time now) {
  while (issuing(std::min(now, due_of(issued_))) && due_of(issued_) <= now) {
    backlog_.push_back(due_of(issued_));
    ++issued_;
  }
  while (!backlog_.empty() && !idle_.empty()) {
    Connection& c = connections_[idle_.back()];
    idle_.pop_back();
    const Time due = backlog_.front();
    backlog_.pop_front();
    send(c, due);
  }
}

void Generator::wait(Time now, Time end) {
  nanoseconds pause = end - now;
  if (is_open() && issuing(now)) pause = std::min<nanoseconds>(pause, due_of(issued_) - now);
  pause = std::max(pause, nanoseconds(0));
  timespec timeout{};
  timeout.tv_sec = static_cast<time_t>(pause.count() / 1'000'000'000);
  timeout.tv_nsec = static_cast<long>(pause.count() % 1'000'000'000);
  std::array<epoll_event, 256> events;
  const int n = ::epoll_pwait2(poll_.get(), events.data(), static_cast<int>(events.size()), &timeout, nullptr);
  if (n < 0 && errno != EINTR) throw_errno("cannot wait for sockets");
  for (int i = 0; i < n; ++i) {
    Connection& c = *static_cast<Connection*>(events[static_cast<std::size_t>(i)].data.ptr);
    const auto what = events[static_cast<std::size_t>(i)].events;
    if ((what & EPOLLOUT) != 0 && !c.unsent.empty()) push(c);
    if ((what & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) receive(c);
  }
}

void Generator::send(Connection& c, Time due) {
  const Request& request = plan_.requests[result_.sent++ % plan_.requests.size()];
  c.unsent = request.bytes;
  if (request.session) {
    // A conversation belongs to a connection and has a few turns, as with a person who asks on.
    std::uint64_t session = plan_.first_session + c.number * 1'000'000 + c.asked / kTurnsPerSession;
    c.patched = request.bytes;
    for (std::size_t i = kSessionDigits; i-- > 0; session /= 10)
      c.patched[*request.session + i] = static_cast<char>('0' + session % 10);
    c.unsent = c.patched;
  }
  ++c.asked;
  ++busy_;
  c.busy = true;
  c.due = due;
  c.first_byte = {};
  push(c);
}

void Generator::push(Connection& c) {
  while (!c.unsent.empty()) {
    const ssize_t n = ::send(c.socket->get(), c.unsent.data(), c.unsent.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return;
    if (n < 0) return broken(c, "connection lost while sending");
    c.unsent.remove_prefix(static_cast<std::size_t>(n));
  }
}

void Generator::receive(Connection& c) {
  for (;;) {
    const ssize_t n = ::recv(c.socket->get(), buffer_.data(), buffer_.size(), MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return;
    if (n <= 0) return broken(c, "connection closed before the answer was complete");
    if (!c.busy) throw std::runtime_error("the server sent bytes that nobody asked for");
    const Time now = std::chrono::steady_clock::now();
    if (c.first_byte == Time{}) c.first_byte = now;
    const std::string_view bytes(buffer_.data(), static_cast<std::size_t>(n));
    if (c.response.feed(bytes) != bytes.size()) throw std::runtime_error("the server sent more than one answer");
    const bool drained = bytes.size() < buffer_.size();
    if (c.response.complete()) return answered(c, now);
    if (drained) return;
  }
}

void Generator::answered(Connection& c, Time now) {
  const bool is_good = c.response.status() / 100 == 2 && (!c.response.is_stream() || c.response.is_finished_stream());
  if (!is_good) {
    count_error(c.due, c.response.status() / 100 == 2 ? std::string("stream without done")
                                                      : "status " + std::to_string(c.response.status()));
  } else if (c.due >= measure_from_) {
    ++result_.good;
    result_.latency.record(static_cast<std::uint64_t>(nanoseconds(now - c.due).count()));
    if (c.response.is_stream())
      result_.first_byte.record(static_cast<std::uint64_t>(nanoseconds(c.first_byte - c.due).count()));
    last_answer_ = now;
  }
  const bool closes = c.response.closes();
  c.response.reset();
  c.busy = false;
  --busy_;
  if (closes) connect(c);
  next(c, now);
}

void Generator::broken(Connection& c, const char* why) {
  const bool was_busy = std::exchange(c.busy, false);
  if (was_busy) {
    --busy_;
    count_error(c.due, why);
  }
  connect(c);
  if (was_busy) next(c, std::chrono::steady_clock::now());
}

void Generator::count_error(Time due, const std::string& reason) {
  if (due < measure_from_) return;
  ++result_.errors;
  ++result_.reasons[reason];
}

void Generator::next(Connection& c, Time now) {
  if (is_open()) {
    idle_.push_back(c.number);
    return;
  }
  if (!issuing(now)) return;
  ++issued_;
  send(c, now);
}

void Generator::give_up(Time now) {
  const auto unanswered = [&](Time due) {
    if (due < measure_from_) return;
    ++result_.unfinished;
    count_error(due, "no answer in time");
    // At least so late: leaving them out would flatter the quantiles.
    result_.latency.record(static_cast<std::uint64_t>(nanoseconds(now - due).count()));
  };
  for (const Connection& c : connections_)
    if (c.busy) unanswered(c.due);
  for (const Time due : backlog_) unanswered(due);
}

}  // namespace

Result generate(const Plan& plan) {
  if (plan.requests.empty() || plan.concurrency == 0)
    throw std::invalid_argument("a plan needs requests and connections");
  return Generator(plan).run();
}

}  // namespace nexus::bench

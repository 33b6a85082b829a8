#include "redis/client.h"

#include "exec/thread_name.h"
#include "observe/metrics.h"
#include "redis/loop.h"
#include "redis/topology.h"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include <array>
#include <atomic>
#include <charconv>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

namespace nexus::redis {
namespace {

constexpr std::int64_t kSweepUs = 5'000;        // while commands are under way
constexpr std::int64_t kIdleSweepUs = 100'000;  // otherwise
constexpr int kMostHops = 5;

struct Redirection {
  std::uint16_t slot = 0;
  Endpoint to;
};

/// "MOVED 3999 127.0.0.1:6381" and the same with ASK. A server without a host of its own means the one that was asked.
std::optional<Redirection> redirection_of(const std::string& text, const std::optional<Endpoint>& asked) {
  const std::size_t first = text.find(' ');
  const std::size_t second = text.find(' ', first + 1);
  if (first == std::string::npos || second == std::string::npos) return std::nullopt;
  Redirection out;
  const auto [end, error] = std::from_chars(text.data() + first + 1, text.data() + second, out.slot);
  if (error != std::errc() || end != text.data() + second || out.slot >= kSlots) return std::nullopt;
  std::string where = text.substr(second + 1);
  if (where.starts_with(':') && asked) where = asked->host + where;
  try {
    out.to = parse_endpoint(where, 0);
  } catch (const std::invalid_argument&) {
    return std::nullopt;
  }
  return out;
}

}  // namespace

std::string_view to_string(Fault fault) {
  switch (fault) {
    case Fault::kNone:
      return "none";
    case Fault::kUnavailable:
      return "unavailable";
    case Fault::kTimeout:
      return "timeout";
    case Fault::kBusy:
      return "busy";
    case Fault::kClosed:
      return "closed";
  }
  return "none";
}

class Client::Impl {
 public:
  Impl(Url url, ClientOptions options, observe::Metrics& metrics)
      : url_(std::move(url)),
        options_(std::move(options)),
        loop_(options_, url_.tls),
        work_(boost::asio::make_work_guard(loop_.io)),
        timer_(loop_.io),
        up_gauge_(metrics.gauge("nexusrag_redis_up")),
        seconds_(metrics.histogram("nexusrag_redis_command_seconds")) {
    for (const Fault fault : {Fault::kNone, Fault::kUnavailable, Fault::kTimeout, Fault::kBusy, Fault::kClosed})
      outcomes_[static_cast<std::size_t>(fault)] = &metrics.counter(
          "nexusrag_redis_commands_total",
          {{"outcome", std::string(fault == Fault::kNone ? std::string_view("answered") : to_string(fault))}});
    Topology::Events events{
        .reply = [this](Node& from, OpPtr op, Value value) { on_reply(from, std::move(op), std::move(value)); },
        .changed = [this] { set_up(topology_->up()); },
        .moved =
            [this] {
              if (listener_) listener_->renew("the master has moved");
            }};
    topology_ = url_.layout == Layout::kSentinel ? make_sentinel(loop_, url_, std::move(events))
                                                 : make_cluster(loop_, url_, std::move(events));
    boost::asio::post(loop_.io, [this] {
      topology_->start();
      sweep_in(kIdleSweepUs);
    });
    thread_ = std::thread([this] {
      exec::name_thread("redis");
      loop_.io.run();
    });
  }
  ~Impl() { close(); }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  void send(Command command, Callback done, std::int64_t timeout_us) {
    if (command.size() > options_.max_command_bytes) return refuse(done, Fault::kBusy);
    if (pending_.fetch_add(1) >= options_.max_pending) {
      pending_.fetch_sub(1);
      return refuse(done, Fault::kBusy);
    }
    const std::int64_t now_us = steady_us();
    auto op =
        std::make_unique<Op>(Op{.command = std::move(command),
                                .done =
                                    [this, done = std::move(done), now_us](Reply reply) {
                                      pending_.fetch_sub(1);
                                      count(reply.fault);
                                      if (reply.fault == Fault::kNone)
                                        seconds_.observe(static_cast<double>(steady_us() - now_us) / 1e6);
                                      done(std::move(reply));
                                    },
                                .deadline_us = now_us + (timeout_us > 0 ? timeout_us : options_.command_timeout_us)});
    bool wake = false;
    {
      const std::lock_guard lock(mutex_);
      if (!closed_) {
        wake = inbox_.empty();
        inbox_.push_back(std::move(op));
      }
    }
    if (op) return op->done({.fault = Fault::kClosed, .value = {}});
    if (wake) boost::asio::post(loop_.io, [this] { drain(); });
  }

  Reply call(const Command& command, std::int64_t timeout_us) {
    if (std::this_thread::get_id() == thread_.get_id())
      throw std::logic_error("redis: a callback waits for its own thread");
    struct Waiter {
      std::mutex mutex;
      std::condition_variable changed;
      std::optional<Reply> reply;
    };
    const auto waiter = std::make_shared<Waiter>();
    const std::int64_t limit_us = timeout_us > 0 ? timeout_us : options_.command_timeout_us;
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::microseconds(limit_us);
    send(
        command,
        [waiter](Reply reply) {
          const std::lock_guard lock(waiter->mutex);
          waiter->reply = std::move(reply);
          waiter->changed.notify_one();
        },
        limit_us);
    std::unique_lock lock(waiter->mutex);
    // Not left to the loop's timer: on a busy machine that thread may be late.
    if (!waiter->changed.wait_until(lock, deadline, [&] { return waiter->reply.has_value(); }))
      return {.fault = Fault::kTimeout, .value = {}};
    return std::move(*waiter->reply);
  }

  void subscribe(Subscription subscription) {
    boost::asio::post(loop_.io, [this, added = std::make_shared<Subscription>(std::move(subscription))] {
      if (shut_) return;
      subscriptions_.push_back({.what = std::move(*added), .heard = false});
      if (!listener_) {
        make_listener();
      } else {
        listener_->listen(subscriptions_.back().what.channel);
      }
    });
  }

  bool up() const { return up_.load(std::memory_order_acquire); }

  bool wait_until_up(std::int64_t timeout_us) const {
    std::unique_lock lock(up_mutex_);
    return up_changed_.wait_for(lock, std::chrono::microseconds(timeout_us), [this] { return up(); });
  }

  void close() {
    std::vector<OpPtr> left;
    {
      const std::lock_guard lock(mutex_);
      if (std::exchange(closed_, true)) return;
      left.swap(inbox_);
    }
    for (const OpPtr& op : left) op->done({.fault = Fault::kClosed, .value = {}});
    boost::asio::post(loop_.io, [this] { shut(); });
    thread_.join();
    set_up(false);
  }

 private:
  struct Heard {
    Subscription what;
    bool heard = false;
  };

  void refuse(const Callback& done, Fault fault) {
    count(fault);
    done({.fault = fault, .value = {}});
  }
  void count(Fault fault) { outcomes_[static_cast<std::size_t>(fault)]->add(); }

  // ---- on the loop's thread ----

  void drain() {
    std::vector<OpPtr> taken;
    {
      const std::lock_guard lock(mutex_);
      taken.swap(inbox_);
    }
    for (OpPtr& op : taken) route(std::move(op));
    if (timer_.expiry() > std::chrono::steady_clock::now() + std::chrono::microseconds(2 * kSweepUs))
      sweep_in(kSweepUs);
  }

  void route(OpPtr op) {
    Node* node = topology_->route(*op);
    if (node == nullptr) return op->done({.fault = Fault::kUnavailable, .value = {}});
    node->send(std::move(op));
  }

  void on_reply(Node& from, OpPtr op, Value value) {
    if (!value.is_error() || !dealt_with(from, op, value)) op->done({.fault = Fault::kNone, .value = std::move(value)});
  }

  /// Errors that are about the way and not about the command. When true, the command is on its way again or has ended.
  bool dealt_with(Node& from, OpPtr& op, const Value& error) {
    const std::string_view code = error.error_code();
    if (code == "NOSCRIPT" && op->command.has_script() && !op->with_text) {
      op->with_text = true;
      from.send(std::move(op));
      return true;
    }
    if (code == "MOVED" || code == "ASK") {
      const auto redirection = redirection_of(error.text, from.endpoint());
      Node* node = redirection && op->hops++ < kMostHops
                       ? topology_->redirect(redirection->slot, redirection->to, code == "MOVED")
                       : nullptr;
      op->asking = code == "ASK";
      if (node != nullptr) {
        node->send(std::move(op));
      } else {
        op->done({.fault = Fault::kUnavailable, .value = {}});
      }
      return true;
    }
    if (code == "TRYAGAIN") {  // some keys of its slot are here and some there
      delayed_.push_back(std::move(op));
      return true;
    }
    const bool not_now = code == "READONLY" || code == "LOADING" || code == "MASTERDOWN" || code == "CLUSTERDOWN";
    if (!not_now && code != "BUSY") return false;
    op->done({.fault = Fault::kUnavailable, .value = {}});
    if (not_now) topology_->doubt(from, code);
    return true;
  }

  void sweep() {
    const std::int64_t now_us = steady_us();
    topology_->sweep(now_us);
    if (listener_) listener_->sweep(now_us);
    std::vector<OpPtr> again;
    again.swap(delayed_);
    for (OpPtr& op : again) {
      if (op->deadline_us <= now_us) {
        op->done({.fault = Fault::kTimeout, .value = {}});
      } else {
        route(std::move(op));
      }
    }
    sweep_in(pending_.load() > 0 ? kSweepUs : kIdleSweepUs);
  }

  void sweep_in(std::int64_t us) {
    if (shut_) return;
    timer_.expires_after(std::chrono::microseconds(us));
    timer_.async_wait([this](const boost::system::error_code& error) {
      if (!error) sweep();
    });
  }

  void make_listener() {
    Node::Events events;
    events.ready = [this] {
      for (const Heard& one : subscriptions_) listener_->listen(one.what.channel);
    };
    events.lost = [this] {
      for (Heard& one : subscriptions_)
        if (std::exchange(one.heard, false) && one.what.lost) one.what.lost();
    };
    events.reply = [](OpPtr op, Value value) { op->done({.fault = Fault::kNone, .value = std::move(value)}); };
    events.push = [this](const Value& value) { on_push(value); };
    listener_ = std::make_shared<Node>(loop_,
                                       NodeOptions{.where = [this] { return topology_->listen_at(); },
                                                   .greetings = data_greetings(url_, options_, false),
                                                   .role = "listener"},
                                       std::move(events));
    listener_->start();
  }

  /// ["message", channel, text], ["subscribe", channel, count].
  void on_push(const Value& value) {
    if (value.items.size() != 3) return;
    for (Heard& one : subscriptions_) {
      if (one.what.channel != value.items[1].text) continue;
      if (value.items[0].text == "message" && one.what.message) one.what.message(value.items[2].text);
      if (value.items[0].text == "subscribe" && !std::exchange(one.heard, true) && one.what.heard) one.what.heard();
    }
  }

  void set_up(bool now) {
    const std::lock_guard lock(up_mutex_);
    if (up_.exchange(now, std::memory_order_acq_rel) == now) return;
    up_gauge_.set(now ? 1 : 0);
    up_changed_.notify_all();
  }

  void shut() {
    shut_ = true;
    timer_.cancel();
    topology_->close(Fault::kClosed);
    if (listener_) listener_->close(Fault::kClosed);
    for (const OpPtr& op : delayed_) op->done({.fault = Fault::kClosed, .value = {}});
    delayed_.clear();
    work_.reset();
    loop_.io.stop();  // what is still queued is about connections that are closed
  }

  const Url url_;
  const ClientOptions options_;
  Loop loop_;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
  boost::asio::steady_timer timer_;
  observe::Gauge& up_gauge_;
  observe::Histogram& seconds_;
  std::array<observe::Counter*, 5> outcomes_{};

  std::unique_ptr<Topology> topology_;
  std::shared_ptr<Node> listener_;
  std::vector<Heard> subscriptions_;
  std::vector<OpPtr> delayed_;
  bool shut_ = false;

  std::mutex mutex_;
  std::vector<OpPtr> inbox_;  // guarded by mutex_
  bool closed_ = false;       // guarded by mutex_
  std::atomic<std::size_t> pending_{0};
  std::atomic<bool> up_{false};
  mutable std::mutex up_mutex_;
  mutable std::condition_variable up_changed_;
  std::thread thread_;
};

Client::Client(Url url, ClientOptions options, observe::Metrics& metrics)
    : impl_(std::make_unique<Impl>(std::move(url), std::move(options), metrics)) {}
Client::~Client() = default;

Reply Client::call(const Command& command, std::int64_t timeout_us) {
  return impl_->call(command, timeout_us);
}
void Client::send(Command command, Callback done, std::int64_t timeout_us) {
  impl_->send(std::move(command), std::move(done), timeout_us);
}
void Client::subscribe(Subscription subscription) {
  impl_->subscribe(std::move(subscription));
}
bool Client::up() const {
  return impl_->up();
}
bool Client::wait_until_up(std::int64_t timeout_us) const {
  return impl_->wait_until_up(timeout_us);
}
void Client::close() {
  impl_->close();
}

}  // namespace nexus::redis

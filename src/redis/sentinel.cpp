#include "observe/log.h"
#include "redis/topology.h"

#include <stdexcept>
#include <utility>
#include <vector>

namespace nexus::redis {
namespace {

constexpr std::int64_t kAskTimeoutUs = 1'000'000;
constexpr std::int64_t kLeastPauseUs = 250'000;  // between two questions that a lost master causes
constexpr std::string_view kSwitch = "+switch-master";

std::vector<std::string_view> words_of(std::string_view text) {
  std::vector<std::string_view> out;
  while (!text.empty()) {
    const std::size_t end = text.find(' ');
    if (end != 0) out.push_back(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return out;
}

/// The master is where one of the sentinels says; a connection to one of them hears when it moves.
/// Source: https://redis.io/docs/latest/develop/reference/sentinel-clients/
class Sentinel final : public Topology {
 public:
  Sentinel(Loop& loop, const Url& url, Events events) : loop_(loop), url_(url), events_(std::move(events)) {
    Node::Events of_watch;
    of_watch.ready = [this] { ask(); };
    of_watch.reply = [](OpPtr op, Value value) { op->done({.fault = Fault::kNone, .value = std::move(value)}); };
    of_watch.push = [this](const Value& value) { on_push(value); };
    watch_ = std::make_shared<Node>(loop_,
                                    NodeOptions{.where = [this] { return next_sentinel(); },
                                                .greetings = sentinel_greetings(loop_.options),
                                                .role = "sentinel"},
                                    std::move(of_watch));
    Node::Events of_master;
    of_master.ready = [this] { events_.changed(); };
    of_master.lost = [this] {
      ask_wanted_ = true;
      events_.changed();
    };
    of_master.reply = [this](OpPtr op, Value value) { events_.reply(*master_, std::move(op), std::move(value)); };
    master_ = std::make_shared<Node>(loop_,
                                     NodeOptions{.where = [this] { return address_; },
                                                 .greetings = data_greetings(url_, loop_.options, true),
                                                 .role = "master"},
                                     std::move(of_master));
  }

  void start() override { watch_->start(); }
  Node* route(const Op&) override { return master_.get(); }
  Node* redirect(std::uint16_t, const Endpoint&, bool) override {
    return nullptr;
  }  // no cluster stands behind sentinels

  void doubt(Node& node, std::string_view reason) override {
    ask_wanted_ = true;
    node.renew(reason);
  }

  void sweep(std::int64_t now_us) override {
    watch_->sweep(now_us);
    master_->sweep(now_us);
    if (!ask_wanted_ || now_us - asked_at_us_ < kLeastPauseUs || !watch_->ready()) return;
    // It only listens now, and may have missed something, so the next sentinel is asked.
    asked_at_us_ = now_us;
    watch_->renew("the master is looked for");
  }

  void close(Fault fault) override {
    watch_->close(fault);
    master_->close(fault);
  }
  bool up() const override { return master_->ready(); }
  std::optional<Endpoint> listen_at() const override { return address_; }

 private:
  std::optional<Endpoint> next_sentinel() { return url_.endpoints[next_++ % url_.endpoints.size()]; }

  void ask() {
    asked_at_us_ = steady_us();
    ask_wanted_ = false;
    watch_->send(std::make_unique<Op>(Op{.command = Command({"SENTINEL", "GET-MASTER-ADDR-BY-NAME", url_.service}),
                                         .done = [this](const Reply& reply) { on_answer(reply); },
                                         .deadline_us = steady_us() + kAskTimeoutUs}));
    watch_->listen(std::string(kSwitch));
  }

  void on_answer(const Reply& reply) {
    if (reply.fault == Fault::kClosed) return;
    const auto& items = reply.value.items;
    if (!reply.ok() || items.size() != 2) {
      observe::log_warn("a redis sentinel does not know the master", {{"service", url_.service}});
      ask_wanted_ = true;  // of the next one
      return;
    }
    moved_to(items[0].text, items[1].text);
  }

  /// ["message", "+switch-master", "<service> <old host> <old port> <new host> <new port>"]
  void on_push(const Value& value) {
    if (value.items.size() != 3 || value.items[0].text != "message" || value.items[1].text != kSwitch) return;
    const auto words = words_of(value.items[2].text);
    if (words.size() == 5 && words[0] == url_.service) moved_to(words[3], words[4]);
  }

  void moved_to(std::string_view host, std::string_view port) {
    Endpoint next;
    try {
      next = parse_endpoint(std::string(host) + ":" + std::string(port), 0);
    } catch (const std::invalid_argument&) {
      ask_wanted_ = true;
      return;
    }
    if (address_ == next) return;
    const bool first = !address_;
    address_ = next;
    observe::log_info("redis master", {{"service", url_.service}, {"address", next.text()}});
    if (first) {
      master_->start();
    } else {
      master_->renew("the master has moved");
      events_.moved();
    }
  }

  Loop& loop_;
  const Url& url_;
  Events events_;
  std::shared_ptr<Node> watch_;
  std::shared_ptr<Node> master_;
  std::optional<Endpoint> address_;
  std::size_t next_ = 0;
  bool ask_wanted_ = false;
  std::int64_t asked_at_us_ = 0;
};

}  // namespace

std::unique_ptr<Topology> make_sentinel(Loop& loop, const Url& url, Topology::Events events) {
  return std::make_unique<Sentinel>(loop, url, std::move(events));
}

}  // namespace nexus::redis

#include "redis/topology.h"

#include <algorithm>
#include <utility>

namespace nexus::redis {
namespace {

constexpr std::int64_t kLeastPauseUs = 100'000;     // between two looks at the map
constexpr std::int64_t kRoutineUs = 30'000'000;     // between looks that nothing asks for
constexpr std::int64_t kLookTimeoutUs = 1'000'000;  // a map is larger than other answers
constexpr std::size_t kMostNodes = 1'000;

class Cluster final : public Topology {
 public:
  Cluster(Loop& loop, const Url& url, Events events)
      : loop_(loop), url_(url), events_(std::move(events)), clustered_(url.layout == Layout::kCluster) {}

  void start() override {
    for (const Endpoint& seed : url_.endpoints) (void)node_at(seed);
  }

  Node* route(const Op& op) override {
    const Endpoint* master = op.command.slot() ? slots_.master(*op.command.slot()) : nullptr;
    if (clustered_ && master != nullptr) return node_at(*master);
    return any();
  }

  Node* redirect(std::uint16_t slot, const Endpoint& to, bool for_good) override {
    clustered_ = true;
    if (for_good) {
      slots_.move(slot, to);
      look_wanted_ = true;
    }
    return node_at(to);
  }

  void doubt(Node& node, std::string_view reason) override {
    look_wanted_ = clustered_;
    if (!clustered_) node.renew(reason);
  }

  void sweep(std::int64_t now_us) override {
    const auto nodes = nodes_;  // a sweep may end connections, and so change the map
    for (const auto& [endpoint, node] : nodes) node->sweep(now_us);
    if (!clustered_) return;
    if (any_ready() == nullptr) start();  // the whole map may be of the past; the seeds stay true
    const std::int64_t since_us = now_us - looked_at_us_;
    if (since_us > kRoutineUs || (look_wanted_ && since_us > kLeastPauseUs)) look();
  }

  void close(Fault fault) override {
    for (const auto& [endpoint, node] : nodes_) node->close(fault);
  }

  bool up() const override { return any_ready() != nullptr; }

  std::optional<Endpoint> listen_at() const override {
    const Node* node = any_ready();
    return node != nullptr ? node->endpoint() : std::nullopt;
  }

 private:
  /// Made when it is not there yet.
  Node* node_at(const Endpoint& endpoint) {
    if (const auto found = nodes_.find(endpoint); found != nodes_.end()) return found->second.get();
    if (nodes_.size() >= kMostNodes) return nullptr;
    Node::Events events;
    const auto self = std::make_shared<std::weak_ptr<Node>>();
    events.ready = [this] {
      if (clustered_ && slots_.masters().empty()) look();
      events_.changed();
    };
    events.lost = [this] {
      look_wanted_ = true;
      events_.changed();
    };
    events.reply = [this, self](OpPtr op, Value value) {
      if (const auto node = self->lock()) events_.reply(*node, std::move(op), std::move(value));
    };
    auto node = std::make_shared<Node>(loop_,
                                       NodeOptions{.where = [endpoint] { return std::optional(endpoint); },
                                                   .greetings = data_greetings(url_, loop_.options, false),
                                                   .role = "server"},
                                       std::move(events));
    *self = node;
    nodes_.emplace(endpoint, node);
    node->start();
    return node.get();
  }

  [[nodiscard]] Node* any_ready() const {
    for (const auto& [endpoint, node] : nodes_)
      if (node->ready()) return node.get();
    return nullptr;
  }
  [[nodiscard]] Node* any() const {
    if (Node* ready = any_ready()) return ready;
    return nodes_.empty() ? nullptr : nodes_.begin()->second.get();
  }

  void look() {
    Node* node = any_ready();
    if (node == nullptr) return;
    looked_at_us_ = steady_us();
    look_wanted_ = false;
    const Endpoint asked = node->endpoint().value_or(Endpoint{});
    auto op = std::make_unique<Op>(Op{.command = Command({"CLUSTER", "SLOTS"}),
                                      .done = [this, asked](const Reply& reply) { on_map(reply, asked); },
                                      .deadline_us = steady_us() + kLookTimeoutUs});
    node->send(std::move(op));
  }

  void on_map(const Reply& reply, const Endpoint& asked) {
    if (reply.fault == Fault::kClosed) return;
    if (!reply.ok() || !slots_.read(reply.value, asked)) {
      look_wanted_ = true;
      return;
    }
    for (const Endpoint& master : slots_.masters()) (void)node_at(master);
    std::erase_if(nodes_, [this](const auto& entry) {
      const auto& masters = slots_.masters();
      if (std::find(masters.begin(), masters.end(), entry.first) != masters.end()) return false;
      entry.second->close(Fault::kUnavailable);
      return true;
    });
    events_.changed();
  }

  Loop& loop_;
  const Url& url_;
  Events events_;
  bool clustered_;
  SlotMap slots_;
  std::map<Endpoint, std::shared_ptr<Node>> nodes_;
  bool look_wanted_ = false;
  std::int64_t looked_at_us_ = 0;
};

}  // namespace

std::unique_ptr<Topology> make_cluster(Loop& loop, const Url& url, Topology::Events events) {
  return std::make_unique<Cluster>(loop, url, std::move(events));
}

}  // namespace nexus::redis

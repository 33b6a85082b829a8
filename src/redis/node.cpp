#include "redis/node.h"

#include "observe/log.h"

#include <chrono>
#include <utility>

namespace nexus::redis {

Node::Node(Loop& loop, NodeOptions options, Events events)
    : loop_(loop),
      options_(std::move(options)),
      events_(std::move(events)),
      pause_(loop.io),
      backoff_({.first_us = loop.options.backoff_first_us, .most_us = loop.options.backoff_most_us},
               [&loop] { return std::uniform_real_distribution<double>(0, 1)(loop.random); }) {}

void Node::start() {
  attempt();
}

std::optional<Endpoint> Node::endpoint() const {
  if (!connection_) return std::nullopt;
  return connection_->endpoint();
}

void Node::attempt() {
  if (closed_) return;
  const std::optional<Endpoint> where = options_.where();
  if (!where) return on_ended("its address is not known yet");
  const std::weak_ptr<Node> weak = weak_from_this();
  const auto with_self = [weak](auto&& act) {
    if (const auto self = weak.lock(); self && !self->closed_) act(*self);
  };
  // A connection that was replaced must not be heard any more; close() keeps its events from coming, but not those
  // that are posted already.
  const auto current = std::make_shared<std::weak_ptr<Connection>>();
  const auto when_current = [with_self, current](auto&& act) {
    with_self([&](Node& self) {
      if (self.connection_ && self.connection_ == current->lock()) act(self);
    });
  };
  Connection::Events events;
  events.ready = [when_current] { when_current([](Node& self) { self.on_ready(); }); };
  events.ended = [when_current](std::string_view reason) { when_current([&](Node& self) { self.on_ended(reason); }); };
  events.reply = [weak](OpPtr op, Value value) {
    const auto self = weak.lock();
    if (!self || self->closed_) return fail(std::move(op), Fault::kClosed);
    self->events_.reply(std::move(op), std::move(value));
  };
  events.push = [when_current](Value value) {
    when_current([&](Node& self) {
      if (self.events_.push) self.events_.push(std::move(value));
    });
  };
  connection_ = std::make_shared<Connection>(loop_, *where, options_.greetings, std::move(events));
  *current = connection_;
  connection_->open();
}

void Node::on_ready() {
  if (failures_ > 0)
    observe::log_info("redis answers again", {{"role", options_.role}, {"address", connection_->endpoint().text()}});
  failures_ = 0;
  backoff_.reset();
  for (OpPtr& op : waiting_) connection_->send(std::move(op));
  waiting_.clear();
  if (events_.ready) events_.ready();
}

void Node::on_ended(std::string_view reason) {
  if (connection_) {
    connection_->close();
    for (OpPtr& op : connection_->take()) fail(std::move(op), Fault::kUnavailable);
    if (failures_ == 0)
      observe::log_warn("redis is lost",
                        {{"role", options_.role}, {"address", connection_->endpoint().text()}, {"reason", reason}});
    connection_.reset();
  }
  ++failures_;
  fail_all(Fault::kUnavailable);
  if (events_.lost) events_.lost();
  retry_after(backoff_.next_us());
}

void Node::retry_after(std::int64_t pause_us) {
  if (closed_) return;
  pause_.expires_after(std::chrono::microseconds(pause_us));
  pause_.async_wait([weak = weak_from_this()](const boost::system::error_code& error) {
    const auto self = weak.lock();
    if (!error && self) self->attempt();
  });
}

void Node::send(OpPtr op) {
  if (ready()) {
    if (connection_->stalled()) return fail(std::move(op), Fault::kUnavailable);
    return connection_->send(std::move(op));
  }
  if (closed_ || failures_ > 0) return fail(std::move(op), closed_ ? Fault::kClosed : Fault::kUnavailable);
  waiting_.push_back(std::move(op));
}

void Node::listen(const std::string& channel) {
  if (ready()) connection_->listen(channel);
}

void Node::sweep(std::int64_t now_us) {
  for (std::size_t i = waiting_.size(); i > 0; --i) {
    OpPtr op = std::move(waiting_.front());
    waiting_.pop_front();
    if (op->deadline_us <= now_us) {
      fail(std::move(op), Fault::kTimeout);
    } else {
      waiting_.push_back(std::move(op));
    }
  }
  if (connection_) connection_->sweep(now_us);
}

void Node::renew(std::string_view reason) {
  if (closed_) return;
  if (connection_) {
    observe::log_info("redis connection is given up",
                      {{"role", options_.role}, {"address", connection_->endpoint().text()}, {"reason", reason}});
    connection_->close();
    for (OpPtr& op : connection_->take()) fail(std::move(op), Fault::kUnavailable);
    connection_.reset();
    if (events_.lost) events_.lost();
  }
  backoff_.reset();
  failures_ = 0;
  retry_after(0);
}

void Node::close(Fault fault) {
  closed_ = true;
  pause_.cancel();
  if (connection_) {
    connection_->close();
    for (OpPtr& op : connection_->take()) fail(std::move(op), fault);
    connection_.reset();
  }
  fail_all(fault);
}

void Node::fail(OpPtr op, Fault fault) {
  op->done({.fault = fault, .value = {}});
}

void Node::fail_all(Fault fault) {
  for (OpPtr& op : waiting_) fail(std::move(op), fault);
  waiting_.clear();
}

std::vector<Greeting> data_greetings(const Url& url, const ClientOptions& options, bool must_be_master) {
  std::vector<Greeting> out;
  if (!url.password.empty()) {
    Command auth({"AUTH"});
    if (!url.user.empty()) auth.arg(url.user);
    auth.arg(url.password.reveal());
    out.push_back({.command = std::move(auth), .name = "AUTH"});
  }
  if (!options.client_name.empty())
    out.push_back({.command = Command({"CLIENT", "SETNAME", options.client_name}), .name = "CLIENT", .optional = true});
  if (url.database != 0) {
    Command select({"SELECT"});
    select.arg(static_cast<std::int64_t>(url.database));
    out.push_back({.command = std::move(select), .name = "SELECT"});
  }
  // An account without the right to ask is believed: the first write tells.
  if (must_be_master) out.push_back({.command = Command({"ROLE"}), .name = "ROLE", .optional = true, .master = true});
  out.push_back({.command = Command({"PING"}), .name = "PING"});
  return out;
}

std::vector<Greeting> sentinel_greetings(const ClientOptions& options) {
  std::vector<Greeting> out;
  if (!options.sentinel_password.empty()) {
    Command auth({"AUTH"});
    if (!options.sentinel_user.empty()) auth.arg(options.sentinel_user);
    auth.arg(options.sentinel_password.reveal());
    out.push_back({.command = std::move(auth), .name = "AUTH"});
  }
  out.push_back({.command = Command({"PING"}), .name = "PING"});
  return out;
}

}  // namespace nexus::redis

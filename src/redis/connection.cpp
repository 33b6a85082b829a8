#include "redis/connection.h"

#include <boost/asio/buffer.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/write.hpp>
#include <openssl/ssl.h>

#include <chrono>
#include <utility>

namespace nexus::redis {

Connection::Connection(Loop& loop, Endpoint endpoint, std::vector<Greeting> greetings, Events events)
    : loop_(loop),
      endpoint_(std::move(endpoint)),
      greetings_(std::move(greetings)),
      events_(std::move(events)),
      socket_(loop.io),
      opening_(loop.io),
      parser_(loop.options.reply),
      heard_at_us_(steady_us()) {}

bool Connection::failed(const Error& error, std::string_view what) {
  if (state_ == State::kEnded) return true;
  if (!error) return false;
  // The category's text only: it knows nothing of the peer but what went wrong.
  end(std::string(what) + ": " + error.message());
  return true;
}

void Connection::open() {
  opening_.expires_after(std::chrono::microseconds(loop_.options.connect_timeout_us));
  opening_.async_wait([self = shared_from_this()](const Error& error) {
    if (!error && self->state_ == State::kOpening) self->end("not connected in time");
  });
  loop_.names.look_up(endpoint_.host, [self = shared_from_this()](const auto& addresses) { self->connect(addresses); });
}

void Connection::connect(const std::vector<boost::asio::ip::address>& addresses) {
  if (state_ == State::kEnded) return;
  if (addresses.empty()) return end("the name is unknown");
  std::vector<Tcp::endpoint> targets;
  for (const auto& address : addresses) targets.emplace_back(address, endpoint_.port);
  boost::asio::async_connect(socket_, targets, [self = shared_from_this()](const Error& error, const Tcp::endpoint&) {
    if (self->failed(error, "connect")) return;
    Error ignored;  // both are improvements that a connection lives without
    self->socket_.set_option(Tcp::no_delay(true), ignored);
    self->socket_.set_option(boost::asio::socket_base::keep_alive(true), ignored);
    if (self->loop_.tls) {
      self->secure();
    } else {
      self->greet();
    }
  });
}

void Connection::secure() {
  const std::string& expected = loop_.options.tls.server_name;
  const std::string& host = expected.empty() ? endpoint_.host : expected;
  tls_.emplace(socket_, *loop_.tls);
  tls_->set_verify_mode(boost::asio::ssl::verify_peer);
  tls_->set_verify_callback(boost::asio::ssl::host_name_verification(host));
  boost::system::error_code not_an_address;
  (void)boost::asio::ip::make_address(host, not_an_address);
  if (not_an_address && SSL_set_tlsext_host_name(tls_->native_handle(), host.c_str()) != 1)
    return end("the host cannot be named in TLS");
  tls_->async_handshake(boost::asio::ssl::stream_base::client, [self = shared_from_this()](const Error& error) {
    if (!self->failed(error, "TLS")) self->greet();
  });
}

void Connection::greet() {
  for (std::size_t i = 0; i < greetings_.size(); ++i) {
    greetings_[i].command.append_to(out_);
    expected_.push_back({.what = Expected::What::kGreeting, .op = nullptr, .greeting = i});
  }
  flush_soon();
  read();
}

void Connection::on_greeting(const Greeting& greeting, const Value& value) {
  if (value.is_error() && !greeting.optional)
    return end(std::string(greeting.name) + " refused: " + std::string(value.error_code()));
  if (greeting.master && value.is_array() && !value.items.empty() && value.items[0].text != "master")
    return end("is no master");
  if (!expected_.empty()) return;
  state_ = State::kReady;
  opening_.cancel();
  boost::asio::post(loop_.io, [self = shared_from_this()] {
    if (self->state_ == State::kReady && self->events_.ready) self->events_.ready();
  });
}

void Connection::send(OpPtr op) {
  if (op->asking) {
    op->asking = false;
    Command({"ASKING"}).append_to(out_);
    expected_.push_back({.what = Expected::What::kIgnored, .op = nullptr});
  }
  op->command.append_to(out_, op->with_text);
  expected_.push_back({.what = Expected::What::kOp, .op = std::move(op)});
  flush_soon();
}

void Connection::listen(const std::string& channel) {
  Command({"SUBSCRIBE", channel}).append_to(out_);
  listening_ = true;
  flush_soon();
}

void Connection::ping() {
  pinged_ = true;
  Command({"PING"}).append_to(out_);
  if (!listening_) expected_.push_back({.what = Expected::What::kIgnored, .op = nullptr});
  flush_soon();
}

void Connection::read() {
  const auto handler = [self = shared_from_this()](const Error& error, std::size_t size) {
    self->on_bytes(error, size);
  };
  if (tls_) {
    tls_->async_read_some(boost::asio::buffer(in_), handler);
  } else {
    socket_.async_read_some(boost::asio::buffer(in_), handler);
  }
}

void Connection::on_bytes(const Error& error, std::size_t size) {
  if (failed(error, "read")) return;
  heard_at_us_ = steady_us();
  pinged_ = false;
  try {
    parser_.feed({in_.data(), size});
    while (state_ != State::kEnded) {
      std::optional<Value> value = parser_.next();
      if (!value) break;
      on_value(std::move(*value));
    }
  } catch (const ProtocolError& e) {
    return end(e.what());
  }
  if (state_ != State::kEnded) read();
}

void Connection::on_value(Value value) {
  if (value.kind == Value::Kind::kPush || expected_.empty()) {
    if (!listening_ && value.kind != Value::Kind::kPush) return end("an answer that nobody asked for");
    if (events_.push) events_.push(std::move(value));
    return;
  }
  Expected expected = std::move(expected_.front());
  expected_.pop_front();
  switch (expected.what) {
    case Expected::What::kGreeting:
      return on_greeting(greetings_[expected.greeting], value);
    case Expected::What::kIgnored:
      return;
    case Expected::What::kOp:
      break;
  }
  if (expected.op) return events_.reply(std::move(expected.op), std::move(value));
  // A late answer: the server goes on. It is not stalled any more once it has caught up with its past.
  const bool more = !expected_.empty() && expected_.front().what == Expected::What::kOp && !expected_.front().op;
  stalled_since_us_ = more ? heard_at_us_ : 0;
}

void Connection::sweep(std::int64_t now_us) {
  if (state_ != State::kReady) return;
  for (Expected& expected : expected_) {
    if (!expected.op || expected.op->deadline_us > now_us) continue;
    const OpPtr late = std::move(expected.op);
    if (stalled_since_us_ == 0) stalled_since_us_ = now_us;
    late->done({.fault = Fault::kTimeout, .value = {}});
  }
  const std::int64_t silent_us = now_us - heard_at_us_;
  if (stalled() && now_us - stalled_since_us_ > loop_.options.connect_timeout_us) return end("silent");
  if (silent_us < loop_.options.idle_ping_us) return;
  if (!pinged_) {
    ping();
  } else if (silent_us > loop_.options.idle_ping_us + loop_.options.connect_timeout_us) {
    end("silent");
  }
}

void Connection::flush_soon() {
  if (flush_posted_ || write_under_way_) return;
  flush_posted_ = true;
  boost::asio::post(loop_.io, [self = shared_from_this()] {
    self->flush_posted_ = false;
    self->flush();
  });
}

void Connection::flush() {
  if (state_ == State::kEnded || write_under_way_ || out_.empty()) return;
  write_under_way_ = true;
  writing_.swap(out_);
  const auto handler = [self = shared_from_this()](const Error& error, std::size_t) {
    self->write_under_way_ = false;
    self->writing_.clear();
    if (!self->failed(error, "write")) self->flush();
  };
  if (tls_) {
    boost::asio::async_write(*tls_, boost::asio::buffer(writing_), handler);
  } else {
    boost::asio::async_write(socket_, boost::asio::buffer(writing_), handler);
  }
}

void Connection::end(std::string_view reason) {
  if (state_ == State::kEnded) return;
  close();
  boost::asio::post(loop_.io, [self = shared_from_this(), text = std::string(reason)] {
    if (self->events_.ended) self->events_.ended(text);
  });
}

void Connection::close() {
  state_ = State::kEnded;
  opening_.cancel();
  Error ignored;  // closed is closed
  socket_.close(ignored);
}

std::vector<OpPtr> Connection::take() {
  std::vector<OpPtr> out;
  for (Expected& expected : expected_)
    if (expected.op) out.push_back(std::move(expected.op));
  expected_.clear();
  return out;
}

}  // namespace nexus::redis

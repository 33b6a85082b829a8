#pragma once

#include "redis/client.h"
#include "redis/names.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ssl/context.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <random>

namespace nexus::redis {

/// Microseconds on the steady clock, which deadlines are measured on.
[[nodiscard]] std::int64_t steady_us();

/// A command on its way. Owned by exactly one place at a time: inbox, node, connection.
struct Op {
  Command command;
  Client::Callback done;
  std::int64_t deadline_us = 0;
  int hops = 0;            // redirections so far
  bool with_text = false;  // the server does not know the script
  bool asking = false;     // to be preceded by ASKING
};
using OpPtr = std::unique_ptr<Op>;

/// What all connections of a client share. Used on the client's thread only.
struct Loop {
  Loop(const ClientOptions& client_options, bool with_tls);

  const ClientOptions& options;
  boost::asio::io_context io{1};
  std::optional<boost::asio::ssl::context> tls;
  Names names{io};
  std::minstd_rand random{std::random_device{}()};
};

}  // namespace nexus::redis

#pragma once

#include "cli/address.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace nexus::cli {

/// Where a server that listens on `host` is reached from its own machine: a wildcard address becomes loopback of the
/// same family.
[[nodiscard]] inline Address health_target(std::string_view host, std::uint16_t port) {
  if (host == "0.0.0.0" || host == "*") return {.host = "127.0.0.1", .port = port};
  if (host == "::" || host == "[::]") return {.host = "::1", .port = port};
  return {.host = std::string(host), .port = port};
}

}  // namespace nexus::cli

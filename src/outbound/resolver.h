#pragma once

#include "base/time.h"
#include "exec/deadline.h"
#include "outbound/address.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

namespace nexus::outbound {

/// Addresses of a host, best first; throws Error(kNetwork) when there are none. Blocks as long as it likes.
using Resolve = std::function<std::vector<IpAddress>(const std::string& host)>;

/// The system's resolver (getaddrinfo); at most 16 addresses.
[[nodiscard]] std::vector<IpAddress> resolve_with_system(const std::string& host);

struct ResolverOptions {
  std::size_t threads = 4;
  std::size_t max_waiting = 256;     ///< names that wait for a thread
  std::int64_t ttl_us = 30'000'000;  ///< how long an answer is used again; failures are not kept
  std::size_t max_kept = 1024;
};

/// Name look-ups that a deadline or a stop token can walk away from, which getaddrinfo cannot. Callers who ask for the
/// same name share one look-up. Thread-safe; must outlive its callers. The destructor does not wait for a look-up that
/// hangs: its thread goes on alone and touches nothing but its own state (and `resolve`).
class Resolver {
 public:
  Resolver(Resolve resolve, ResolverOptions options, const Clock& clock);
  ~Resolver();
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;

  /// Throws Error: kNetwork, kTimeout at the deadline, kCancelled, kBusy when too many names wait; and what `resolve`
  /// throws.
  [[nodiscard]] std::vector<IpAddress> look_up(const std::string& host, exec::Deadline deadline,
                                               const std::stop_token& stop);

 private:
  struct Shared;
  std::shared_ptr<Shared> shared_;
  const Clock& clock_;
};

}  // namespace nexus::outbound

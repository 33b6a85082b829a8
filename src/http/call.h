#pragma once

#include "base/principal.h"
#include "base/time.h"
#include "http/message.h"

#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

namespace nexus::http {

struct Endpoint;

/// Everything one request may touch. Lives on one worker at a time, never shared; borrows the request and the row.
struct Call {
  /// Both outlive the call.
  Call(const Request& incoming, const Endpoint& row) : request(incoming), endpoint(row) {}
  virtual ~Call() = default;  // the pipeline keeps what its gates handed out in a type of its own
  Call(const Call&) = default;
  Call(Call&&) = default;
  Call& operator=(const Call&) = delete;

  const Request& request;
  const Endpoint& endpoint;
  Pairs path_params;       ///< decoded
  std::string request_id;  ///< effective id: the client's when valid, else generated
  bool versioned = true;   ///< reached through /v1 (envelope, idempotency) or through a legacy alias
  Timestamp now;           ///< when the pipeline took the request
  Pairs reply_headers;     ///< added to whatever answer follows (quota, rate limit)

  void authenticated(Principal principal, TenantScope scope) {
    principal_.emplace(std::move(principal));
    tenant_.emplace(std::move(scope));
  }
  [[nodiscard]] bool is_authenticated() const { return principal_.has_value(); }
  [[nodiscard]] const Principal& principal() const {
    if (!principal_) throw std::logic_error("principal of an unauthenticated call");
    return *principal_;
  }
  [[nodiscard]] const TenantScope& tenant() const {
    if (!tenant_) throw std::logic_error("tenant of an unauthenticated call");
    return *tenant_;
  }

 private:
  std::optional<Principal> principal_;
  std::optional<TenantScope> tenant_;
};

}  // namespace nexus::http

#pragma once

#include "http/call.h"

#include <functional>

namespace nexus::limits {

/// The rate gate (contract 01 §6). Never blocks on the embedded default.
class Gate {
 public:
  virtual ~Gate() = default;
  /// Before a credential is looked at: throws 429 when the caller's address, or the key it claims, has failed too often
  /// of late, unless `is_known` (asked only then) says that this credential has been accepted before: behind one proxy
  /// or NAT all callers have one address. Costs nothing.
  virtual void admit_stranger(const http::Call& call, const std::function<bool()>& is_known) = 0;
  /// A credential was refused: takes a token from the caller's address and from the key it claimed.
  virtual void refused(const http::Call& call) = 0;
  /// Takes the cost of the row's route class from the key's and the tenant's buckets, from both or from neither. Adds
  /// headers to `call.reply_headers`. Throws 429 RATE_LIMITED or, when the store is lost and RL_FAIL_MODE is closed,
  /// 503 RATE_LIMIT_UNAVAILABLE.
  virtual void charge(http::Call& call) = 0;
};

}  // namespace nexus::limits

#pragma once

#include "http/endpoint.h"
#include "modules/limits/bucket.h"

#include <cstdint>
#include <string_view>

namespace nexus::limits {

/// Which bucket ran out.
enum class Scope : std::uint8_t { kNone, kApiKey, kTenant, kAddress, kCredential };
/// Wire name: "api_key", "tenant", "address", "credential".
[[nodiscard]] std::string_view to_string(Scope scope);

/// What one request asks of its two buckets. Borrows everything.
struct Take {
  std::string_view credential_id;
  std::string_view tenant_id;
  http::RouteClass route_class;
  std::int64_t cost;  ///< whole tokens, at most either burst
  const Rate& key_rate;
  const Rate& tenant_rate;
  std::int64_t now_us;  ///< Clock::steady_us(); a store that others share goes by its own clock
};

struct Decision {
  bool lost = false;     ///< the store did not answer in time; nothing was decided and the rest means nothing
  bool allowed = false;  ///< the cost was taken from both buckets; else from neither
  Scope denied = Scope::kNone;
  std::int64_t retry_after_ms = 0;  ///< of the denied bucket
  std::int64_t key_level = 0;       ///< what is left, in units (kToken)
  std::int64_t tenant_level = 0;
};

/// Where the buckets of keys and tenants are: in this process, or in a store that replicas share. Thread-safe.
class BucketStore {
 public:
  virtual ~BucketStore() = default;
  /// Both buckets in one atomic step (contract 01 §6.2). Does not throw for a store that is away: it says `lost`,
  /// within the store's time limit.
  [[nodiscard]] virtual Decision decide(const Take& take) = 0;
};

/// Steps 2 to 5 of §6.2 on two buckets that were refilled: takes the cost from both or from neither.
[[nodiscard]] Decision take_from(Bucket& key, Bucket& tenant, const Take& take);

}  // namespace nexus::limits

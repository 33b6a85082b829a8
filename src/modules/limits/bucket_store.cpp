#include "modules/limits/bucket_store.h"

namespace nexus::limits {

std::string_view to_string(Scope scope) {
  switch (scope) {
    case Scope::kNone:
      return "none";
    case Scope::kApiKey:
      return "api_key";
    case Scope::kTenant:
      return "tenant";
    case Scope::kAddress:
      return "address";
    case Scope::kCredential:
      return "credential";
  }
  return "none";
}

Decision take_from(Bucket& key, Bucket& tenant, const Take& take) {
  const std::int64_t units = take.cost * kToken;
  const std::int64_t key_ms = key.wait_ms(take.key_rate, units);
  const std::int64_t tenant_ms = tenant.wait_ms(take.tenant_rate, units);
  Decision decision;
  if (key_ms == 0 && tenant_ms == 0) {
    decision.allowed = true;
    key.level -= units;
    tenant.level -= units;
  } else {
    // A bucket that is not short waits 0 ms, so the larger wait is the short one's; a tie is the key's.
    decision.denied = tenant_ms > key_ms ? Scope::kTenant : Scope::kApiKey;
    decision.retry_after_ms = tenant_ms > key_ms ? tenant_ms : key_ms;
  }
  decision.key_level = key.level;
  decision.tenant_level = tenant.level;
  return decision;
}

}  // namespace nexus::limits

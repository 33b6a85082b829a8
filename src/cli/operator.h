#pragma once

#include "base/principal.h"

#include <string>
#include <utility>

namespace nexus::cli {

/// The person at the command line, who may act for any tenant: whoever can read the data folder owns it.
class Operator {
 public:
  [[nodiscard]] static TenantScope scope(std::string tenant) { return TenantScope(std::move(tenant)); }
  [[nodiscard]] static Principal principal(std::string tenant) {
    return {.subject_id = "cli", .tenant_id = std::move(tenant), .role = Role::kAdmin, .credential_id = "cli"};
  }
};

}  // namespace nexus::cli

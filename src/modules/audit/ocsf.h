#pragma once

#include "modules/audit/audit_types.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace nexus::audit {

inline constexpr std::string_view kOcsfVersion = "1.3.0";

/// Classes of the Open Cybersecurity Schema Framework (https://schema.ocsf.io) that our events fall into.
enum class OcsfClass : std::uint16_t { kAuthentication = 3002, kApiActivity = 6003 };

/// What an event is in OCSF: its class and the activity within it.
struct OcsfKind {
  OcsfClass klass = OcsfClass::kApiActivity;
  int activity = 99;  ///< 99: "Other", and the event type says which
  std::string_view name = "Other";
};
/// By the tables of ocsf.cpp: exact types first, then the last word of the type. Every type has a kind.
[[nodiscard]] OcsfKind ocsf_kind(std::string_view event_type);

/// Appends one event as an OCSF object, without line break. What OCSF has no place for, metadata and the chain link,
/// stands under `unmapped`, so that nothing of the event is lost. `product_version` is this program's.
void append_ocsf(std::string& out, const RowView& row, const Link& link, std::string_view product_version);

}  // namespace nexus::audit

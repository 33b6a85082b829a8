#pragma once

#include "modules/ingestion/ports.h"

#include <string_view>

namespace nexus::ingestion {

/// Reads what payload() wrote. Throws on anything else.
[[nodiscard]] IngestPayload parse_payload(std::string_view text);

}  // namespace nexus::ingestion

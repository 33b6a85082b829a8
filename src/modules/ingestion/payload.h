#pragma once

#include <string_view>

#include "modules/ingestion/ports.h"

namespace nexus::ingestion {

/// Reads what payload() wrote. Throws on anything else.
[[nodiscard]] IngestPayload parse_payload(std::string_view text);

}  // namespace nexus::ingestion

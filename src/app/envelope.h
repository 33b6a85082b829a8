#pragma once

#include "base/error.h"
#include "http/message.h"

#include <string>
#include <string_view>

namespace nexus::app {

/// Puts a JSON payload into `{"data", "meta"}` (contract 01 §1.2).
void wrap_success(http::Reply& reply, std::string_view request_id);

/// The answer of an error: the envelope under /v1, `{"detail"}` on legacy paths (contract 01 §1.3 and §1.5). The one
/// place where errors become bytes.
[[nodiscard]] http::Reply error_reply(const ApiError& error, std::string_view request_id, bool versioned);

}  // namespace nexus::app

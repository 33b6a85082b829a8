#pragma once

#include "http/message.h"

namespace nexus::http {

/// The page at /v1/docs: reads /v1/openapi.json from the same server, lists operations and can call them. One document
/// without any other fetch; it carries its own Content-Security-Policy with a fresh nonce.
[[nodiscard]] Reply docs_page();

}  // namespace nexus::http

#pragma once

#include "http/call.h"
#include "http/endpoint.h"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

/// What the gate of repeated requests needs from a request: its key, and a text by which two requests are told apart.
namespace nexus::http {

inline constexpr std::string_view kIdempotencyKey = "Idempotency-Key";
inline constexpr std::size_t kLongestIdempotencyKey = 128;  ///< bytes, without blanks around the key

/// The first `Idempotency-Key` without blanks around it; empty when there is none or it is blank. A view into
/// `request`.
[[nodiscard]] std::optional<std::string_view> idempotency_key(const Request& request);

/// Whether the row looks at the header on this path. Legacy aliases ignore it (contract 01 §1.5), unless the row cannot
/// do without.
[[nodiscard]] bool reads_idempotency_key(const Call& call);

/// The request as its handler will see it, as one canonical JSON text: equal for two requests that ask for the same.
///
/// What the row's field table reads is taken as decoded: order of keys, white space, escapes, spelling of numbers and
/// defaults written out make no difference, unknown body members neither. What it does not read, a handler may still
/// find in the request, so it is taken as sent: other query parameters and form fields, and the whole body of a row
/// without body fields (as its SHA-256). Uploaded files count by field, name, type and SHA-256. Headers do not count
/// unless the table reads them; the path is left to the caller.
/// Throws nothing but std::bad_alloc. Costs a walk over the input: call it only when there is a key.
[[nodiscard]] std::string canonical_request(const Call& call, const Decoded& decoded);

}  // namespace nexus::http

#pragma once

#include "http/message.h"

#include <string_view>

namespace nexus::idempotency {

/// Whether an answer is stored and repeated, or forgotten so that a retry runs again. Stored are successes, and
/// refusals that say something about the request itself (400, 404, 409, 410, 413, 415, 422): the same request would be
/// refused again, and a client that lost the answer must learn what it was. Forgotten, because the same request may
/// well succeed later and has changed nothing so far:
///   401, 402, 403      credentials, money, plan and permissions change without the client's doing; a stored refusal
///                      would also outlive the reason for it
///   408, 425, 429, 5xx time and load
///   any Retry-After    whoever sends it asks for a retry
///   3xx and other 4xx  not answers of our handlers
///   409 of a state that passes, or that somebody else is expected to end (see the table in answer_policy.cpp)
/// `error_code` is empty for an answer that the handler built itself.
[[nodiscard]] bool worth_repeating(const http::Reply& reply, std::string_view error_code);

/// Headers that belong to the stored answer. Everything else (quota, rate, cost, deprecation, date) is the repeating
/// request's own.
[[nodiscard]] bool is_repeated_header(std::string_view name);

}  // namespace nexus::idempotency

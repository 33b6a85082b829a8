#pragma once

#include "base/time.h"
#include "observe/log.h"

#include <span>
#include <string>
#include <string_view>

namespace nexus::observe {

/// "DEBUG", "INFO", "WARN", "ERROR".
[[nodiscard]] std::string_view to_string(Level level);
/// Accepts any case and "WARNING"; anything else is INFO (contract 01 §3, LOG_LEVEL).
[[nodiscard]] Level parse_level(std::string_view text);

/// `{"ts":"…","level":"INFO","msg":"…","name":value,…}`: one line of valid JSON whatever the bytes of the texts are
/// (control characters are escaped, bytes that are not UTF-8 become U+FFFD, texts over 8 KiB are cut).
[[nodiscard]] std::string json_line(Timestamp now, Level level, std::string_view message,
                                    std::span<const LogField> fields);

/// `10:00:00.123456 INFO  message  name=value`: for a person at a terminal. Control characters are escaped, so that a
/// foreign text can neither forge a line nor send escape sequences.
[[nodiscard]] std::string text_line(Timestamp now, Level level, std::string_view message,
                                    std::span<const LogField> fields);

}  // namespace nexus::observe

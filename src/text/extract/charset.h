// Bytes of some character set to UTF-8, by ICU.
#pragma once

#include <string>
#include <string_view>

namespace nexus::text::extract {

struct Decoded {
  std::string text;     // UTF-8 without a byte order mark
  std::string charset;  // what it was decoded from, in lower case
};

// A byte order mark wins over `declared`; nothing declared means UTF-8. ISO-8859-1 and US-ASCII are read as
// windows-1252, as browsers do (WHATWG Encoding). Throws ExtractionFailed kUndecodable when a byte sequence has no
// meaning or the character set is unknown; lenient: tells windows-1252 from slightly damaged UTF-8 and replaces what is
// wrong.
[[nodiscard]] Decoded decode_bytes(std::string_view bytes, std::string_view declared, bool lenient);

// `\r\n` and `\r` become `\n`, form feed a line end; NUL, other controls and byte order marks vanish. Keeps all else.
[[nodiscard]] std::string normalise_newlines(std::string_view utf8);

[[nodiscard]] bool is_blank(std::string_view utf8);

}  // namespace nexus::text::extract

// Which kind of document an upload is, from what the sender says and from what the bytes look like.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace nexus::text::extract {

enum class Kind : std::uint8_t { kText, kMarkdown, kHtml, kPdf, kDocx, kCsv, kJson };

// "text", "markdown", "html", "pdf", "docx", "csv", "json": stable, used on the child's command line and in metrics.
[[nodiscard]] std::string_view kind_name(Kind kind);
[[nodiscard]] std::optional<Kind> kind_from_name(std::string_view name);

// A Content-Type field value (RFC 9110 section 8.3), taken apart: `type` is lower case without parameters, `charset`
// lower case without quotes, empty when absent. Malformed parameters are ignored.
struct ContentType {
  std::string type;
  std::string charset;
};
[[nodiscard]] ContentType parse_content_type(std::string_view value);

// How many leading bytes of a file `detect` can make use of; fewer are fine.
inline constexpr std::size_t kSniffBytes = 4096;

struct Detection {
  std::optional<Kind> kind;  // absent: this cannot be read, and `reason` says why in a sentence for people
  std::string charset;       // as declared by the sender; empty when not declared
  std::string reason;
};

// Strong signatures in the bytes (PDF, Office and zip containers, images, executables, HTML prologue) win over
// everything; then a specific content type; then the file name's extension. `text/plain` and
// `application/octet-stream` are what senders say when they do not know, so there the extension decides.
// Never throws, never looks beyond kSniffBytes.
[[nodiscard]] Detection detect(std::string_view filename, std::string_view content_type, std::string_view head);

}  // namespace nexus::text::extract

// One reader per kind. Each takes the bytes of the whole file and throws ExtractionFailed for what it cannot read; none
// checks for blank results or for the size of the input (extract_here does).
#pragma once

#include "text/extract/extract.h"

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace nexus::text::extract {

// Marks and title of a Markdown text: ATX and setext headings outside fences, `title:` of a YAML front matter. The text
// itself is not changed.
struct MarkdownOutline {
  std::vector<Mark> headings;
  std::string title;
};
[[nodiscard]] MarkdownOutline outline_markdown(std::string_view utf8);

[[nodiscard]] Extracted read_text(std::string_view bytes, const Request& request);
[[nodiscard]] Extracted read_markdown(std::string_view bytes, const Request& request);
[[nodiscard]] Extracted read_html(std::string_view bytes, const Request& request);
[[nodiscard]] Extracted read_docx(std::string_view bytes, const Request& request);
// What read_docx does once the container is open: parts by their path in it.
[[nodiscard]] Extracted read_docx_parts(std::map<std::string, std::string> parts, const Request& request);
[[nodiscard]] Extracted read_csv(std::string_view bytes, const Request& request);
[[nodiscard]] Extracted read_json(std::string_view bytes, const Request& request);
// Runs pdfinfo and pdftotext (poppler-utils) as processes of their own, in the caller's confinement.
[[nodiscard]] Extracted read_pdf(std::string_view bytes, const Request& request);

}  // namespace nexus::text::extract

// Documents for tests, built in memory, and the test program's own children.
#pragma once

#include "text/extract/extract.h"

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace nexus::text::extract {

// A small valid PDF, one string a page; an empty string makes a page without text.
[[nodiscard]] std::string make_pdf(const std::vector<std::string>& pages);
// A zip with these members, deflated.
[[nodiscard]] std::string make_zip(const std::map<std::string, std::string>& parts);
// A Word document with this body, and further parts.
[[nodiscard]] std::string make_docx(std::string_view body, std::map<std::string, std::string> parts = {});
// `<w:p>` with a style (may be empty) and one run.
[[nodiscard]] std::string docx_paragraph(std::string_view text, std::string_view style = {});

[[nodiscard]] Request request_for(Kind kind);
// The failure that reading ends in; a test failure when it does not.
[[nodiscard]] Failure failure_here(std::string_view bytes, const Request& request);
[[nodiscard]] Failure failure_in_child(std::string_view bytes, const Request& request);

// A file of tests/data/documents; empty when the source tree is not there.
[[nodiscard]] std::string sample(std::string_view name);

// argv[1] of this program when it plays a badly behaved child; argv[2] says how.
inline constexpr std::string_view kMisbehaveCommand = "__misbehave";

}  // namespace nexus::text::extract

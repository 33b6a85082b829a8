// Makes foreign HTML harmless for a tree builder that has no limit on depth of its own.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace nexus::text::extract {

// The same bytes without the start tags, and their end tags, that would open an element deeper than `max_depth`; all
// text stays. One linear pass. Elements whose end tag is optional (p, li, td…) cannot nest by themselves and are not
// counted. An estimate: what an adversary gets past it runs into the limits of the tree builder's memory and time.
[[nodiscard]] std::string flatten_html(std::string_view html, std::size_t max_depth);

// The character set a page names in its first KiB (`<meta charset>` or http-equiv, or an XML declaration), lower case,
// or empty.
[[nodiscard]] std::string declared_html_charset(std::string_view html);

}  // namespace nexus::text::extract

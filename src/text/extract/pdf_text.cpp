#include "text/extract/pdf_text.h"

#include "text/extract/ascii.h"
#include "text/extract/charset.h"
#include "text/utf8.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

namespace nexus::text::extract {
namespace {

std::string info_field(std::string_view info, std::string_view name) {
  for (std::size_t at = 0; at < info.size();) {
    const auto end = std::min(info.find('\n', at), info.size());
    const auto line = info.substr(at, end - at);
    at = end + 1;
    if (line.starts_with(name) && line.size() > name.size() && line[name.size()] == ':')
      return std::string(trim(line.substr(name.size() + 1)));
  }
  return {};
}

std::string page_limit_reason(std::size_t limit) {
  return fmt::format("The PDF has more than {} pages; split it.", limit);
}

// Letters that typesetters drew as one glyph, which nobody types into a search.
std::string_view ligature(std::string_view at) {
  if (!at.starts_with("\xEF\xAC") || at.size() < 3) return {};
  switch (at[2]) {
    case '\x80':
      return "ff";
    case '\x81':
      return "fi";
    case '\x82':
      return "fl";
    case '\x83':
      return "ffi";
    case '\x84':
      return "ffl";
    case '\x85':
    case '\x86':
      return "st";
    default:
      return {};
  }
}

// One page of the converter's output: no trailing space, at most one blank line in a row, ligatures spelled out.
std::string tidy_page(std::string_view page) {
  std::string out;
  const std::string clean = normalise_newlines(page);
  for (std::size_t i = 0; i < clean.size(); ++i) {
    const auto rest = std::string_view(clean).substr(i);
    if (const auto letters = ligature(rest); !letters.empty()) {
      out += letters;
      i += 2;
    } else if (rest.starts_with("\xC2\xAD")) {
      ++i;
    } else if (rest.front() == '\n') {
      while (!out.empty() && out.back() == ' ') out.pop_back();
      if (!out.empty() && !out.ends_with("\n\n")) out += '\n';
    } else {
      out += rest.front();
    }
  }
  while (!out.empty() && (out.back() == '\n' || out.back() == ' ')) out.pop_back();
  return out;
}

}  // namespace

void read_pdf_info(std::string_view info, const Limits& limits, Extracted& out) {
  const std::string pages = info_field(info, "Pages");
  std::size_t count = 0;
  std::from_chars(pages.data(), pages.data() + pages.size(), count);
  if (count > limits.max_pages) throw ExtractionFailed(Failure::kTooManyPages, page_limit_reason(limits.max_pages));
  for (const auto& [field, key] : {std::pair{"Title", "title"}, std::pair{"Author", "author"}}) {
    const std::string value = normalise_newlines(replace_invalid(info_field(info, field)));
    if (!value.empty()) out.metadata[key] = clip(value, 500);
  }
}

void add_pdf_pages(std::string_view raw, const Limits& limits, Extracted& out) {
  const std::string valid = replace_invalid(raw);
  std::string_view text = valid;
  std::size_t pages = 0;
  while (!text.empty()) {
    const auto end = std::min(text.find('\f'), text.size());
    const std::string page = tidy_page(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (++pages > limits.max_pages) throw ExtractionFailed(Failure::kTooManyPages, page_limit_reason(limits.max_pages));
    if (page.empty()) continue;
    if (!out.text.empty()) out.text += "\n\n";
    out.marks.push_back({MarkKind::kPage, out.text.size(), static_cast<unsigned>(pages), {}});
    out.text += page;
  }
  out.metadata["pages"] = fmt::format("{}", pages);
}

}  // namespace nexus::text::extract

#include "text/extract/html_guard.h"

#include "text/extract/ascii.h"

#include <algorithm>
#include <array>
#include <vector>

namespace nexus::text::extract {
namespace {

template <std::size_t N>
constexpr bool one_of(const std::array<std::string_view, N>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

constexpr std::array<std::string_view, 16> kVoid{"area",  "base",   "br",   "col",  "embed", "frame",  "hr",    "img",
                                                 "input", "keygen", "link", "meta", "param", "source", "track", "wbr"};
constexpr std::array<std::string_view, 18> kOptionalEnd{"p",    "li",    "dt",    "dd",    "tr",       "td",
                                                        "th",   "thead", "tbody", "tfoot", "colgroup", "option",
                                                        "body", "html",  "head",  "rp",    "rt",       "optgroup"};
constexpr std::array<std::string_view, 9> kRawText{"script",  "style",    "textarea", "title",    "xmp",
                                                   "noembed", "noframes", "iframe",   "plaintext"};
constexpr std::array<std::string_view, 14> kFormatting{"a",    "b",     "big",    "code",   "em", "font", "i",
                                                       "nobr", "small", "strike", "strong", "tt", "u",    "s"};

struct Tag {
  std::string name;
  bool end = false;
  bool self_closed = false;
  std::size_t size = 0;  // bytes of the whole tag, 0 when this is not one
};

// A tag at the front of `html`, which starts with '<'. Names longer than any element's are cut.
Tag scan_tag(std::string_view html) {
  Tag tag;
  std::size_t at = 1;
  if (at < html.size() && html[at] == '/') {
    tag.end = true;
    ++at;
  }
  if (at >= html.size() || !is_letter(html[at])) return tag;
  for (; at < html.size() && std::string_view(" \t\r\n\f/>").find(html[at]) == std::string_view::npos; ++at)
    if (tag.name.size() < 32) tag.name += lower(html[at]);
  char quote = 0;
  char last = 0;
  for (; at < html.size(); ++at) {
    const char c = html[at];
    if (quote != 0) {
      if (c == quote) quote = 0;
    } else if (c == '>') {
      tag.size = at + 1;
      tag.self_closed = last == '/';
      return tag;
    } else if ((c == '"' || c == '\'') && last == '=') {
      quote = c;
    }
    if (c != ' ' && c != '\t' && c != '\r' && c != '\n') last = c;
  }
  tag.size = html.size();  // never closed: a browser drops it
  return tag;
}

std::size_t find_end_tag(std::string_view html, std::string_view name) {
  for (std::size_t at = html.find("</"); at != std::string_view::npos; at = html.find("</", at + 2))
    if (lower(html.substr(at + 2, name.size())) == name) return at;
  return html.size();
}

class Flattener {
 public:
  Flattener(std::string_view html, std::size_t max_depth) : html_(html), max_depth_(max_depth) {
    out_.reserve(html.size());
  }

  std::string run() {
    while (!html_.empty()) {
      copy(std::min(html_.find('<'), html_.size()));
      if (html_.empty()) break;
      if (html_.starts_with("<!--")) {
        const auto end = html_.find("-->", 4);
        html_.remove_prefix(end == std::string_view::npos ? html_.size() : end + 3);
        continue;
      }
      const Tag tag = scan_tag(html_);
      if (tag.size == 0) {
        copy(1);
      } else if (tag.end) {
        end_tag(tag);
      } else {
        start_tag(tag);
      }
    }
    return std::move(out_);
  }

 private:
  void copy(std::size_t n) {
    out_ += html_.substr(0, n);
    html_.remove_prefix(n);
  }

  void start_tag(const Tag& tag) {
    if (one_of(kRawText, tag.name)) {
      copy(tag.size);
      copy(tag.name == "plaintext" ? html_.size() : find_end_tag(html_, tag.name));
      return;
    }
    if (one_of(kVoid, tag.name) || one_of(kOptionalEnd, tag.name)) {
      if (tag.name == "td" || tag.name == "th" || tag.name == "tr") pop_to_table();
      copy(tag.size);
      return;
    }
    if (open_.size() >= max_depth_) {
      ++dropped_;
      html_.remove_prefix(tag.size);
      return;
    }
    open_.push_back(tag.name);
    copy(tag.size);
  }

  void end_tag(const Tag& tag) {
    if (one_of(kVoid, tag.name) || one_of(kOptionalEnd, tag.name)) {
      copy(tag.size);
      return;
    }
    if (dropped_ > 0) {
      --dropped_;
      html_.remove_prefix(tag.size);
      return;
    }
    const auto found = std::find(open_.rbegin(), open_.rend(), tag.name);
    if (found != open_.rend()) {
      const auto at = std::prev(found.base());
      if (one_of(kFormatting, tag.name)) {
        open_.erase(at);  // the tree builder keeps what was opened inside it open
      } else {
        open_.erase(at, open_.end());
      }
    }
    copy(tag.size);
  }

  void pop_to_table() {
    const auto table = std::find(open_.rbegin(), open_.rend(), "table");
    if (table != open_.rend()) open_.erase(table.base(), open_.end());
  }

  std::string_view html_;
  std::size_t max_depth_;
  std::string out_;
  std::vector<std::string> open_;
  std::size_t dropped_ = 0;
};

// The token after `key` and `=`, without quotes.
std::string value_after(std::string_view text, std::string_view key) {
  const auto at = text.find(key);
  if (at == std::string_view::npos) return {};
  text.remove_prefix(at + key.size());
  const auto start = text.find_first_not_of(" \t\r\n=\"'");
  if (start == std::string_view::npos || text.substr(0, start).find('=') == std::string_view::npos) return {};
  text.remove_prefix(start);
  return std::string(text.substr(0, std::min(text.find_first_of(" \t\r\n\"'/>;?"), std::size_t{40})));
}

}  // namespace

std::string flatten_html(std::string_view html, std::size_t max_depth) {
  return Flattener(html, max_depth).run();
}

std::string declared_html_charset(std::string_view html) {
  const std::string head = lower(html.substr(0, 1024));
  if (head.starts_with("<?xml")) {
    const auto named = value_after(std::string_view(head).substr(0, head.find("?>")), "encoding");
    if (!named.empty()) return named;
  }
  for (std::size_t at = head.find("<meta"); at != std::string::npos; at = head.find("<meta", at + 5)) {
    const auto named = value_after(std::string_view(head).substr(at, head.find('>', at) - at), "charset");
    // A page that could be read up to here is not UTF-16, whatever it says (WHATWG HTML 13.2.3.2).
    if (!named.empty()) return named.starts_with("utf-16") ? "utf-8" : named;
  }
  return {};
}

}  // namespace nexus::text::extract

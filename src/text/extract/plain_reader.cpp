#include "text/extract/ascii.h"
#include "text/extract/charset.h"
#include "text/extract/readers.h"
#include "text/utf8.h"

#include <algorithm>
#include <utility>

namespace nexus::text::extract {
namespace {

// Takes lines off the front of a text, remembering where each began.
class Lines {
 public:
  explicit Lines(std::string_view text) : text_(text) {}
  [[nodiscard]] bool next() {
    if (at_ >= text_.size()) return false;
    begin_ = at_;
    const auto end = std::min(text_.find('\n', at_), text_.size());
    line_ = text_.substr(begin_, end - begin_);
    at_ = end + 1;
    return true;
  }
  [[nodiscard]] std::string_view line() const { return line_; }
  [[nodiscard]] std::size_t begin() const { return begin_; }
  void rewind() { at_ = 0; }

 private:
  std::string_view text_;
  std::string_view line_;
  std::size_t at_ = 0;
  std::size_t begin_ = 0;
};

std::size_t indent_of(std::string_view line) {
  return std::min(line.find_first_not_of(' '), line.size());
}

std::size_t run_of(std::string_view line, char c) {
  return std::min(line.find_first_not_of(c), line.size());
}

// Consumes a front matter (`---` … `---` at the very start) and returns its title; leaves the lines alone without one.
std::string front_matter_title(Lines& lines) {
  std::string title;
  if (!lines.next() || trim(lines.line()) != "---") {
    lines.rewind();
    return {};
  }
  for (int budget = 200; budget > 0 && lines.next(); --budget) {
    const auto line = trim(lines.line());
    if (line == "---" || line == "...") return title;
    if (!line.starts_with("title:")) continue;
    auto value = trim(line.substr(6));
    if (value.size() >= 2 && (value.front() == '"' || value.front() == '\'') && value.back() == value.front())
      value = value.substr(1, value.size() - 2);
    title = clip(value, 500);
  }
  lines.rewind();  // never closed: it was a thematic break
  return {};
}

struct Fence {
  char mark = 0;
  std::size_t length = 0;
};

// Follows ``` and ~~~ fences (CommonMark section 4.5); true while the line belongs to one.
bool inside_fence(Fence& fence, std::string_view body) {
  const char mark = body.empty() ? '\0' : body.front();
  const std::size_t length = mark == '`' || mark == '~' ? run_of(body, mark) : 0;
  if (fence.length == 0) {
    if (length < 3) return false;
    fence = {mark, length};
    return true;
  }
  if (mark == fence.mark && length >= fence.length && trim(body.substr(length)).empty()) fence = {};
  return true;
}

std::string_view strip_closing_hashes(std::string_view title) {
  title = trim(title);
  auto end = title.find_last_not_of('#');
  if (end == std::string_view::npos) return {};
  return title[end] == ' ' ? trim(title.substr(0, end)) : title;
}

}  // namespace

MarkdownOutline outline_markdown(std::string_view utf8) {
  MarkdownOutline out;
  Lines lines(utf8);
  out.title = front_matter_title(lines);
  Fence fence;
  std::string_view previous;
  std::size_t previous_begin = 0;
  while (lines.next()) {
    const std::size_t indent = indent_of(lines.line());
    const auto body = lines.line().substr(indent);
    const auto before = std::exchange(previous, {});
    if (indent > 3 || inside_fence(fence, body)) continue;
    const std::size_t hashes = run_of(body, '#');
    if (hashes >= 1 && hashes <= 6 && (hashes == body.size() || body[hashes] == ' ' || body[hashes] == '\t')) {
      const auto title = clip(strip_closing_hashes(body.substr(hashes)), 500);
      if (!title.empty())
        out.headings.push_back({MarkKind::kHeading, lines.begin(), static_cast<unsigned>(hashes), std::string(title)});
      continue;
    }
    const auto ruler = trim(body);
    if (!before.empty() && !ruler.empty() && (ruler.front() == '=' || ruler.front() == '-') &&
        run_of(ruler, ruler.front()) == ruler.size()) {
      out.headings.push_back(
          {MarkKind::kHeading, previous_begin, ruler.front() == '=' ? 1U : 2U, std::string(clip(trim(before), 500))});
      continue;
    }
    const bool could_be_title =
        !ruler.empty() && std::string_view("-*+>|").find(ruler.front()) == std::string_view::npos;
    if (could_be_title) previous = body;
    previous_begin = lines.begin();
  }
  if (out.title.empty()) {
    const auto first =
        std::find_if(out.headings.begin(), out.headings.end(), [](const Mark& m) { return m.level == 1; });
    if (first != out.headings.end()) out.title = first->title;
  }
  return out;
}

Extracted read_text(std::string_view bytes, const Request& request) {
  Decoded decoded = decode_bytes(bytes, request.charset, request.lenient);
  Extracted out;
  out.text = normalise_newlines(decoded.text);
  out.metadata["charset"] = std::move(decoded.charset);
  return out;
}

Extracted read_markdown(std::string_view bytes, const Request& request) {
  Extracted out = read_text(bytes, request);
  MarkdownOutline outline = outline_markdown(out.text);
  out.marks = std::move(outline.headings);
  if (!outline.title.empty()) out.metadata["title"] = std::move(outline.title);
  return out;
}

}  // namespace nexus::text::extract

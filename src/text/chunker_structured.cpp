#include "text/chunker.h"
#include "text/sentences.h"
#include "text/utf8.h"

#include <algorithm>
#include <array>
#include <stdexcept>

namespace nexus::text {
namespace {

struct ByteSpan {
  std::size_t begin = 0;
  std::size_t end = 0;
};

enum class BlockKind { kHeading, kParagraph, kTable, kCode };

struct Block {
  BlockKind kind = BlockKind::kParagraph;
  ByteSpan span;           // without surrounding white space
  int level = 0;           // headings: 1..6
  std::string_view title;  // headings
};

[[nodiscard]] bool is_blank(std::string_view line) {
  return trim(line).empty();
}

[[nodiscard]] bool is_fence(std::string_view trimmed) {
  return trimmed.substr(0, 3) == "```" || trimmed.substr(0, 3) == "~~~";
}

// ATX heading: one to six '#', then a blank. 0 when the line is none.
[[nodiscard]] int atx_level(std::string_view trimmed) {
  std::size_t hashes = 0;
  while (hashes < trimmed.size() && trimmed[hashes] == '#') ++hashes;
  if (hashes == 0 || hashes > 6 || hashes == trimmed.size()) return 0;
  return trimmed[hashes] == ' ' || trimmed[hashes] == '\t' ? static_cast<int>(hashes) : 0;
}

// Underlined heading: a line of '=' (level 1) or '-' (level 2), at least three.
[[nodiscard]] int underline_level(std::string_view trimmed) {
  if (trimmed.size() < 3) return 0;
  if (trimmed.find_first_not_of('=') == std::string_view::npos) return 1;
  return trimmed.find_first_not_of('-') == std::string_view::npos ? 2 : 0;
}

[[nodiscard]] bool is_table_rule(std::string_view trimmed) {
  return trimmed.find('-') != std::string_view::npos && trimmed.find('|') != std::string_view::npos &&
         trimmed.find_first_not_of("|-: \t") == std::string_view::npos;
}

[[nodiscard]] bool is_table_row(std::string_view trimmed) {
  return trimmed.size() > 1 && trimmed.front() == '|' && trimmed.find('|', 1) != std::string_view::npos;
}

// Splits a text into blocks, line by line.
class BlockReader {
 public:
  explicit BlockReader(std::string_view text) : text_(text) {}

  [[nodiscard]] std::vector<Block> read() {
    while (at_ < text_.size()) {
      const ByteSpan line = line_at(at_);
      const std::string_view trimmed = trimmed_line(line);
      if (trimmed.empty()) {
        at_ = line.end + 1;
      } else if (is_fence(trimmed)) {
        take_fence(trimmed.substr(0, 3));
      } else if (const int level = atx_level(trimmed); level > 0) {
        std::string_view title = trim(trimmed.substr(static_cast<std::size_t>(level)));
        const std::size_t last = title.find_last_not_of('#');
        if (last != std::string_view::npos && title.size() > last + 1 && title[last] == ' ')
          title = trim(title.substr(0, last));
        add({BlockKind::kHeading, line, level, title});
        at_ = line.end + 1;
      } else if (starts_table(line, trimmed)) {
        take_table();
      } else {
        take_paragraph();
      }
    }
    return std::move(blocks_);
  }

 private:
  [[nodiscard]] ByteSpan line_at(std::size_t begin) const {
    return {begin, std::min(text_.find('\n', begin), text_.size())};
  }
  [[nodiscard]] std::string_view trimmed_line(ByteSpan line) const {
    return trim(text_.substr(line.begin, line.end - line.begin));
  }

  void add(Block block) {
    const std::string_view body = trim(text_.substr(block.span.begin, block.span.end - block.span.begin));
    if (body.empty()) return;
    block.span.begin = static_cast<std::size_t>(body.data() - text_.data());
    block.span.end = block.span.begin + body.size();
    blocks_.push_back(block);
  }

  // A fence left open runs to the end of the text.
  void take_fence(std::string_view fence) {
    const std::size_t begin = at_;
    std::size_t end = text_.size();
    for (std::size_t next = line_at(begin).end + 1; next < text_.size();) {
      const ByteSpan line = line_at(next);
      next = line.end + 1;
      if (trimmed_line(line).substr(0, 3) == fence) {
        end = line.end;
        break;
      }
    }
    add({BlockKind::kCode, {begin, end}, 0, {}});
    at_ = end + 1;
  }

  [[nodiscard]] bool starts_table(ByteSpan line, std::string_view trimmed) const {
    if (is_table_row(trimmed)) return true;
    if (trimmed.find('|') == std::string_view::npos || line.end + 1 >= text_.size()) return false;
    return is_table_rule(trimmed_line(line_at(line.end + 1)));
  }

  void take_table() {
    ByteSpan table = line_at(at_);
    for (std::size_t next = table.end + 1; next < text_.size(); next = table.end + 1) {
      const ByteSpan line = line_at(next);
      if (trimmed_line(line).find('|') == std::string_view::npos) break;
      table.end = line.end;
    }
    add({BlockKind::kTable, table, 0, {}});
    at_ = table.end + 1;
  }

  void take_paragraph() {
    ByteSpan body = line_at(at_);
    for (std::size_t next = body.end + 1; next < text_.size(); next = body.end + 1) {
      const ByteSpan line = line_at(next);
      const std::string_view trimmed = trimmed_line(line);
      if (const int level = underline_level(trimmed); level > 0 && body.begin == at_ && !multi_line(body)) {
        add({BlockKind::kHeading, {body.begin, line.end}, level, trimmed_line(body)});
        at_ = line.end + 1;
        return;
      }
      if (trimmed.empty() || is_fence(trimmed) || atx_level(trimmed) > 0 || starts_table(line, trimmed)) break;
      body.end = line.end;
    }
    add({BlockKind::kParagraph, body, 0, {}});
    at_ = body.end + 1;
  }

  [[nodiscard]] bool multi_line(ByteSpan body) const {
    return text_.substr(body.begin, body.end - body.begin).find('\n') != std::string_view::npos;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::vector<Block> blocks_;
};

class Packer {
 public:
  Packer(std::string_view text, const StructuredOptions& options, std::vector<Chunk>& out)
      : text_(text), options_(options), out_(out) {}

  void add(const Block& block) {
    switch (block.kind) {
      case BlockKind::kHeading:
        open_section(block);
        add_bounded(block.span, options_.max_tokens);
        break;
      case BlockKind::kTable:
        add_whole(block.span, options_.max_table_tokens);
        break;
      case BlockKind::kCode:
        add_whole(block.span, options_.max_tokens);
        break;
      case BlockKind::kParagraph:
        if (fits(block.span)) {
          add_unit(block.span);
        } else {
          add_sentences(block.span);
        }
        break;
    }
  }

  void flush() {
    if (!open_) return;
    const std::string_view body = view(current_);
    const std::size_t chars_begin = chars_at(current_.begin);
    const std::size_t chars_end = chars_at(current_.end);
    out_.push_back({std::string(body), chars_begin, chars_end, current_.begin, current_.end, path_});
    open_ = false;
    tokens_ = 0;
  }

 private:
  [[nodiscard]] std::string_view view(ByteSpan span) const { return text_.substr(span.begin, span.end - span.begin); }

  [[nodiscard]] std::size_t tokens(ByteSpan span) const {
    if (options_.count_tokens) return options_.count_tokens(view(span));
    return (count_code_points(view(span)) + 3) / 4;
  }
  [[nodiscard]] bool fits(ByteSpan span) const { return tokens_ + tokens(span) <= options_.target_tokens; }

  [[nodiscard]] std::size_t chars_at(std::size_t byte) {
    chars_ += count_code_points(text_.substr(counted_, byte - counted_));
    counted_ = byte;
    return chars_;
  }

  // A heading closes the chunk unless that chunk is short and the new section is a child or sibling of the one it
  // began in: lone headings and one-line sections would otherwise become chunks without content.
  void open_section(const Block& heading) {
    const auto outer = static_cast<std::size_t>(heading.level - 1);
    while (headings_.size() > outer) headings_.pop_back();
    while (headings_.size() < outer) headings_.emplace_back();
    const bool keep = open_ && tokens_ < options_.min_tokens && heading.level >= chunk_level_;
    if (!keep) flush();
    headings_.emplace_back(heading.title);
    level_ = heading.level;
  }

  [[nodiscard]] std::string heading_path() const {
    std::string path;
    for (const std::string_view title : headings_) {
      if (title.empty()) continue;
      if (!path.empty()) path += " > ";
      path += title;
    }
    return path;
  }

  void add_unit(ByteSpan span) {
    if (open_ && !fits(span)) flush();
    if (!open_) {
      current_.begin = span.begin;
      path_ = heading_path();
      chunk_level_ = level_;
      open_ = true;
    }
    current_.end = span.end;
    tokens_ += tokens(span);
  }

  // A table or code block: whole up to `limit`, else line by line.
  void add_whole(ByteSpan span, std::size_t limit) {
    if (tokens(span) <= limit) {
      add_unit(span);
      return;
    }
    for (std::size_t begin = span.begin; begin < span.end;) {
      const std::size_t end = std::min(text_.find('\n', begin), span.end);
      if (!is_blank(view({begin, end}))) add_bounded({begin, end}, options_.max_tokens);
      begin = end + 1;
    }
  }

  void add_sentences(ByteSpan span) {
    for (const Sentence& sentence : split_sentences(view(span)))
      add_bounded({span.begin + sentence.begin, span.begin + sentence.end}, options_.max_tokens);
  }

  // One unit if it is at most `limit` tokens, else it is cut near the middle, at a blank where there is one, and each
  // part again: linear work a level and few levels, also for a megabyte without a blank.
  void add_bounded(ByteSpan span, std::size_t limit) {
    const std::size_t total = tokens(span);
    if (total <= limit) {
      add_unit(span);
      return;
    }
    const std::size_t length = span.end - span.begin;
    const std::size_t pieces = (total + limit - 1) / limit;
    const std::size_t ahead = std::max<std::size_t>(1, length / pieces * ((pieces + 1) / 2));
    std::size_t cut = span.begin + std::min(ahead, length - 1);
    const std::size_t earliest = span.begin + (cut - span.begin) / 2;
    const std::size_t blank = view({earliest, cut}).find_last_of(" \n\t");
    if (blank != std::string_view::npos && blank > 0) cut = earliest + blank;
    while (cut < span.end && (static_cast<unsigned char>(text_[cut]) & 0xC0U) == 0x80U) ++cut;
    if (cut >= span.end || cut == span.begin) {
      add_unit(span);
      return;
    }
    split_at(span, cut, limit);
  }

  void split_at(ByteSpan span, std::size_t cut, std::size_t limit) {
    const std::string_view head = trim(view({span.begin, cut}));
    if (!head.empty()) {
      const auto begin = static_cast<std::size_t>(head.data() - text_.data());
      add_bounded({begin, begin + head.size()}, limit);
    }
    const std::string_view tail = trim(view({cut, span.end}));
    if (tail.empty()) return;
    const auto begin = static_cast<std::size_t>(tail.data() - text_.data());
    add_bounded({begin, begin + tail.size()}, limit);
  }

  std::string_view text_;
  const StructuredOptions& options_;
  std::vector<Chunk>& out_;
  std::vector<std::string_view> headings_;
  std::string path_;
  ByteSpan current_;
  std::size_t tokens_ = 0;
  std::size_t counted_ = 0;
  std::size_t chars_ = 0;
  int level_ = 0;
  int chunk_level_ = 0;
  bool open_ = false;
};

}  // namespace

void validate(const StructuredOptions& options) {
  if (options.target_tokens == 0 || options.max_tokens == 0 || options.max_table_tokens == 0)
    throw std::invalid_argument("chunk token limits must be >= 1");
  if (options.target_tokens > options.max_tokens)
    throw std::invalid_argument("chunk_target_tokens must not exceed chunk_max_tokens");
}

ChunkedText chunk_structured(std::string_view raw, const StructuredOptions& options) {
  validate(options);
  ChunkedText result;
  result.text = normalize_newlines(raw);
  Packer packer(result.text, options, result.chunks);
  for (const Block& block : BlockReader(result.text).read()) packer.add(block);
  packer.flush();
  return result;
}

}  // namespace nexus::text

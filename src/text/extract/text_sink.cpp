#include "text/extract/text_sink.h"

#include "text/utf8.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace nexus::text::extract {
namespace {

using namespace std::string_view_literals;

// Length of what separates words at the front of `s`, 0 when a letter stands there.
std::size_t space_length(std::string_view s) {
  switch (s.front()) {
    case ' ':
    case '\t':
    case '\n':
    case '\r':
    case '\f':
    case '\v':
      return 1;
    default:
      break;
  }
  if (s.starts_with("\xC2\xA0"sv)) return 2;                                         // no-break space
  if (s.starts_with("\xE2\x80\xAF"sv) || s.starts_with("\xE3\x80\x80"sv)) return 3;  // narrow no-break, ideographic
  return 0;
}

// Length of what is invisible and in the way of search: controls, soft hyphen, zero-width space, byte order mark.
std::size_t invisible_length(std::string_view s) {
  if (static_cast<unsigned char>(s.front()) < 0x20 || s.front() == '\x7F') return 1;
  if (s.starts_with("\xC2\xAD"sv)) return 2;
  if (s.starts_with("\xE2\x80\x8B"sv) || s.starts_with("\xEF\xBB\xBF"sv)) return 3;
  return 0;
}

// Bytes up to the next space, invisible character or, in a cell, pipe. Most bytes begin none of these.
std::size_t word_length(std::string_view text, bool in_cell) {
  std::size_t end = 0;
  for (; end < text.size(); ++end) {
    const auto byte = static_cast<unsigned char>(text[end]);
    if (byte == '|' && in_cell) break;
    const bool suspect = byte <= 0x20 || byte == 0x7F || byte == 0xC2 || byte == 0xE2 || byte == 0xE3 || byte == 0xEF;
    if (suspect && (space_length(text.substr(end)) > 0 || invisible_length(text.substr(end)) > 0)) break;
  }
  return end;
}

}  // namespace

void TextSink::want(Gap gap) {
  if ((in_cell_ || in_heading_) && gap != Gap::kNone) gap = Gap::kSpace;
  gap_ = std::max(gap_, gap);
}

void TextSink::put(std::string_view bytes) {
  if (bytes.size() > max_text_ - std::min(max_text_, text_.size()))
    throw ExtractionFailed(Failure::kTooLarge,
                           fmt::format("The document holds more than {} KiB of text; split it.", max_text_ / 1024));
  text_ += bytes;
}

void TextSink::flush() {
  const Gap gap = std::exchange(gap_, Gap::kNone);
  if (text_.empty() || gap == Gap::kNone) return;
  if (gap == Gap::kSpace) {
    if (text_.back() != '\n' && text_.back() != ' ') put(" ");
    return;
  }
  while (!text_.empty() && (text_.back() == ' ' || text_.back() == '\n')) text_.pop_back();
  if (!text_.empty()) put(gap == Gap::kLine ? "\n" : "\n\n");
}

void TextSink::words(std::string_view text) {
  if (!is_valid_utf8(text)) return words(replace_invalid(text));
  while (!text.empty()) {
    if (const std::size_t space = space_length(text); space > 0) {
      want(Gap::kSpace);
      text.remove_prefix(space);
      continue;
    }
    if (const std::size_t hidden = invisible_length(text); hidden > 0) {
      text.remove_prefix(hidden);
      continue;
    }
    const std::size_t end = word_length(text, in_cell_);
    flush();
    if (end == 0) {  // a pipe in a cell would end it
      put("\\|");
      text.remove_prefix(1);
    } else {
      put(text.substr(0, end));
      text.remove_prefix(end);
    }
  }
}

void TextSink::verbatim(std::string_view text) {
  if (!is_valid_utf8(text)) return verbatim(replace_invalid(text));
  if (in_cell_ || in_heading_) return words(text);
  if (text.empty()) return;
  flush();
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '\r') {
      if (i + 1 >= text.size() || text[i + 1] != '\n') put("\n");
    } else if (c == '\n' || c == '\t' || invisible_length(text.substr(i)) == 0) {
      put(text.substr(i, 1));
    } else {
      i += invisible_length(text.substr(i)) - 1;
    }
  }
}

void TextSink::list_item(std::string_view bullet, std::size_t depth) {
  want(Gap::kLine);
  flush();
  if (!in_cell_ && !in_heading_) put(std::string(2 * std::min<std::size_t>(depth, 8), ' '));
  put(bullet);
}

void TextSink::begin_heading(unsigned level) {
  want(Gap::kBlock);
  if (in_cell_ || in_heading_) return;
  flush();
  in_heading_ = true;
  heading_start_ = text_.size();
  put(std::string(std::clamp(level, 1U, 6U), '#') + " ");
}

void TextSink::end_heading() {
  if (!in_heading_ || in_cell_) return;
  in_heading_ = false;
  gap_ = Gap::kNone;
  const auto line = std::string_view(text_).substr(heading_start_);
  const std::size_t hashes = line.find(' ');
  if (line.size() == hashes + 1) {  // no words: no heading
    text_.resize(heading_start_);
  } else {
    marks_.push_back(
        {MarkKind::kHeading, heading_start_, static_cast<unsigned>(hashes), std::string(line.substr(hashes + 1))});
  }
  want(Gap::kBlock);
}

void TextSink::begin_table() {
  if (table_depth_++ > 0) return;
  want(Gap::kBlock);
  rows_ = 0;
}

void TextSink::begin_row() {
  if (table_depth_ != 1) return;
  want(Gap::kLine);
  flush();
  cells_ = 0;
  put("|");
}

void TextSink::begin_cell() {
  if (table_depth_ != 1) {
    want(Gap::kSpace);
    return;
  }
  gap_ = Gap::kNone;
  put(" ");
  in_cell_ = true;
}

void TextSink::end_cell() {
  if (table_depth_ != 1) return;
  in_cell_ = false;
  gap_ = Gap::kNone;
  ++cells_;
  put(text_.back() == ' ' ? "|" : " |");
}

void TextSink::end_row() {
  if (table_depth_ != 1) return;
  if (rows_++ == 0) {
    put("\n|");
    for (std::size_t i = 0; i < cells_; ++i) put(" --- |");
  }
  want(Gap::kLine);
}

void TextSink::end_table() {
  if (table_depth_ == 0 || --table_depth_ > 0) return;
  in_cell_ = false;
  want(Gap::kBlock);
}

Extracted TextSink::take() {
  while (!text_.empty() && (text_.back() == ' ' || text_.back() == '\n' || text_.back() == '\t')) text_.pop_back();
  return {std::move(text_), std::move(marks_), {}};
}

}  // namespace nexus::text::extract

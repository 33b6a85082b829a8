// Where the readers of structured formats write: collapses white space, separates blocks, draws tables, keeps marks.
#pragma once

#include "text/extract/extract.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace nexus::text::extract {

// One thread. Character references let parsers produce what is not UTF-8; it becomes U+FFFD here. Throws
// ExtractionFailed kTooLarge beyond `max_text`.
class TextSink {
 public:
  explicit TextSink(std::size_t max_text) : max_text_(max_text) {}

  void words(std::string_view text);     // runs of white space become one space; soft hyphens vanish
  void verbatim(std::string_view text);  // white space kept (a table cell collapses it all the same)
  void line_break() { want(Gap::kLine); }
  void block_break() { want(Gap::kBlock); }
  void list_item(std::string_view bullet, std::size_t depth);  // "- " or "1. ", indented by two spaces a level
  // The heading's words follow; end_heading closes it and records the mark. Inside a table cell both do nothing.
  void begin_heading(unsigned level);
  void end_heading();

  // Rows are `| a | b |`, the first one underlined as Markdown does. A table within a cell is flattened into the cell.
  void begin_table();
  void begin_row();
  void begin_cell();
  void end_cell();
  void end_row();
  void end_table();
  [[nodiscard]] bool in_cell() const { return in_cell_; }

  [[nodiscard]] bool empty() const { return text_.empty(); }
  // What was written, without trailing white space.
  [[nodiscard]] Extracted take();

 private:
  enum class Gap : std::uint8_t { kNone, kSpace, kLine, kBlock };
  void want(Gap gap);
  void flush();
  void put(std::string_view bytes);

  std::size_t max_text_;
  std::string text_;
  std::vector<Mark> marks_;
  Gap gap_ = Gap::kNone;
  bool in_cell_ = false;
  bool in_heading_ = false;
  std::size_t heading_start_ = 0;
  std::size_t table_depth_ = 0;
  std::size_t rows_ = 0;
  std::size_t cells_ = 0;
};

}  // namespace nexus::text::extract

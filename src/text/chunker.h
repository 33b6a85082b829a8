// Cutting a document into the chunks that are embedded, indexed and cited.
//
// Both chunkers work on the text after universal newlines (`ChunkedText::text`), and for every chunk
// `chunked.text.substr(start_byte, end_byte - start_byte) == chunk.text`: a citation can be checked.
// Input should be valid UTF-8; other bytes are kept and each ill-formed part counts as one code point.
#pragma once

#include <cstddef>
#include <functional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace nexus::text {

struct Chunk {
  std::string text;
  std::size_t start_char = 0;  // code points; see the chunker for what they are relative to
  std::size_t end_char = 0;
  std::size_t start_byte = 0;  // always absolute in ChunkedText::text
  std::size_t end_byte = 0;
  std::string heading_path;  // "Guide > Install", empty outside any heading and for `paragraph`
};

struct ChunkedText {
  std::string text;
  std::vector<Chunk> chunks;
};

// Contract 02 §10.1. Lengths in code points.
struct ParagraphOptions {
  long long size = 1200;
  long long overlap = 150;     // 0 is honoured
  std::size_t max_chunks = 0;  // 0: no bound
};

// Thrown before the work is done: the text would make more chunks than options.max_chunks.
class TooManyChunks : public std::invalid_argument {
 public:
  explicit TooManyChunks(std::size_t most);
};

// Throws std::invalid_argument with the contract's sentence when the options are out of range.
void validate(const ParagraphOptions& options);

// One chunk a paragraph; longer paragraphs as overlapping windows. `start_char`/`end_char` are the contract's numbers:
// the first occurrence after the previous short paragraph, or, for windows, relative to their paragraph. The byte span
// is the true place in either case.
[[nodiscard]] ChunkedText chunk_paragraphs(std::string_view raw, const ParagraphOptions& options = {});

struct StructuredOptions {
  std::size_t target_tokens = 256;  // a chunk is closed when the next unit would pass it
  std::size_t max_tokens = 512;     // no sentence, list or code block above it stays whole
  std::size_t max_table_tokens = 2048;
  std::size_t min_tokens = 48;  // a section shorter than this is joined with its next sibling or child
  std::function<std::size_t(std::string_view)> count_tokens;  // default: code points / 4, rounded up
};

// Throws std::invalid_argument when a limit is 0 or target_tokens > max_tokens.
void validate(const StructuredOptions& options);

// Markdown-aware: headings (ATX and underlined) open sections, sentences are not cut, fenced code and pipe tables stay
// whole up to their limits. Chunks do not overlap, are in order, and cover every character that is not white space.
// `start_char`/`end_char` are absolute.
[[nodiscard]] ChunkedText chunk_structured(std::string_view raw, const StructuredOptions& options = {});

}  // namespace nexus::text

#include "text/chunker.h"

#include "text/utf8.h"

#include <algorithm>
#include <cstring>
#include <stdexcept>

namespace nexus::text {
namespace {

// A place in a text, known both ways; moves forward only.
class Cursor {
 public:
  explicit Cursor(std::string_view text) : text_(text) {}

  // Code point offset of `byte`, which must not be before the previous one.
  [[nodiscard]] std::size_t chars_at(std::size_t byte) {
    chars_ += count_code_points(text_.substr(byte_, byte - byte_));
    byte_ = byte;
    return chars_;
  }
  [[nodiscard]] std::size_t byte() const { return byte_; }

 private:
  std::string_view text_;
  std::size_t byte_ = 0;
  std::size_t chars_ = 0;
};

// memmem is linear in glibc; std::string::find is quadratic on hostile text.
[[nodiscard]] std::size_t find_linear(std::string_view text, std::string_view needle, std::size_t from) {
  const void* hit = ::memmem(text.data() + from, text.size() - from, needle.data(), needle.size());
  return hit == nullptr ? from : static_cast<std::size_t>(static_cast<const char*>(hit) - text.data());
}

void emit_windows(std::string_view paragraph, std::size_t at_byte, const std::vector<std::size_t>& starts,
                  const ParagraphOptions& options, std::vector<Chunk>& out) {
  const std::size_t length = starts.size() - 1;
  const auto size = static_cast<std::size_t>(options.size);
  const auto overlap = static_cast<std::size_t>(options.overlap);
  const std::size_t windows = (length - size + (size - overlap) - 1) / (size - overlap) + 1;
  if (options.max_chunks > 0 && out.size() + windows > options.max_chunks) throw TooManyChunks(options.max_chunks);
  for (std::size_t start = 0;;) {
    const std::size_t end = std::min(length, size >= length - start ? length : start + size);
    Chunk chunk;
    chunk.text = std::string(paragraph.substr(starts[start], starts[end] - starts[start]));
    chunk.start_char = start;
    chunk.end_char = end;
    chunk.start_byte = at_byte + starts[start];
    chunk.end_byte = at_byte + starts[end];
    out.push_back(std::move(chunk));
    if (end == length) return;
    start = end - overlap;
  }
}

// Byte offsets of every code point of `text`, and one past the end.
[[nodiscard]] std::vector<std::size_t> code_point_starts(std::string_view text) {
  std::vector<std::size_t> starts;
  starts.reserve(text.size() + 1);
  for (std::size_t at = 0; at < text.size(); at += decode(text, at).size) starts.push_back(at);
  starts.push_back(text.size());
  return starts;
}

}  // namespace

TooManyChunks::TooManyChunks(std::size_t most)
    : std::invalid_argument("the text makes more than " + std::to_string(most) + " chunks") {}

void validate(const ParagraphOptions& options) {
  if (options.size < 1 || options.overlap < 0)
    throw std::invalid_argument("chunk_size_chars must be >= 1 and chunk_overlap_chars must be >= 0");
  if (options.overlap >= options.size)
    throw std::invalid_argument("chunk_overlap_chars must be smaller than chunk_size_chars");
}

ChunkedText chunk_paragraphs(std::string_view raw, const ParagraphOptions& options) {
  validate(options);
  ChunkedText result;
  result.text = normalize_newlines(raw);
  const std::string_view text = result.text;
  Cursor cursor(text);
  for (std::size_t piece = 0; piece <= text.size();) {
    const std::size_t cut = std::min(text.find("\n\n", piece), text.size());
    const std::string_view paragraph = trim(text.substr(piece, cut - piece));
    const auto at_byte = static_cast<std::size_t>(paragraph.data() - text.data());
    piece = cut + 2;
    if (paragraph.empty()) continue;
    if (options.max_chunks > 0 && result.chunks.size() >= options.max_chunks) throw TooManyChunks(options.max_chunks);
    const std::size_t length = count_code_points(paragraph);
    if (length > static_cast<unsigned long long>(options.size)) {
      emit_windows(paragraph, at_byte, code_point_starts(paragraph), options, result.chunks);
      continue;
    }
    Chunk chunk;
    chunk.text = std::string(paragraph);
    chunk.start_byte = at_byte;
    chunk.end_byte = at_byte + paragraph.size();
    const std::size_t found = find_linear(text, paragraph, cursor.byte());
    chunk.start_char = cursor.chars_at(found);
    chunk.end_char = cursor.chars_at(found + paragraph.size());
    result.chunks.push_back(std::move(chunk));
  }
  return result;
}

}  // namespace nexus::text

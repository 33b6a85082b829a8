// Both chunkers on any bytes: every chunk must be what its span says.
#include "text/chunker.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

namespace {

void check(const nexus::text::ChunkedText& chunked) {
  const std::string_view text = chunked.text;
  for (const nexus::text::Chunk& chunk : chunked.chunks)
    if (chunk.end_byte > text.size() || chunk.start_byte >= chunk.end_byte ||
        text.substr(chunk.start_byte, chunk.end_byte - chunk.start_byte) != chunk.text)
      std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  check(nexus::text::chunk_paragraphs(text, {40, 7}));
  check(nexus::text::chunk_structured(text, {.target_tokens = 10, .max_tokens = 20, .max_table_tokens = 40}));
  return 0;
}

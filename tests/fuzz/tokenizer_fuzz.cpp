// Tokenizer files: the JSON of a model, and the image kept beside it.
#include "crypto/hash.h"
#include "embed/bpe_tokenizer.h"
#include "embed/tokenizer_tables.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <string_view>
#include <utility>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace nexus::embed;
  const std::span<const std::uint8_t> input(data, size);
  (void)TokenizerTables::from_image(std::as_bytes(input), nexus::crypto::Digest{});
  try {
    const BpeTokenizer tokenizer(
        TokenizerTables::from_json({reinterpret_cast<const char*>(input.data()), input.size()}), 16);
    std::vector<TokenId> ids;
    tokenizer.encode("any text <s> at all \xFF", ids);
  } catch (const std::runtime_error&) {
    return 0;
  }
  return 0;
}

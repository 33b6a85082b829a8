// BERT tokenizers: the JSON of a model, whatever it says, and any text under a small vocabulary.
#include "embed/bert/wordpiece.h"
#include "embed/bert/wordpiece_json.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <stdexcept>
#include <string_view>
#include <vector>

namespace {

using namespace nexus::embed::bert;

const WordPiece& small_tokenizer() {
  static const WordPiece tokenizer([] {
    WordPieceConfig config;
    config.tokens = {"[PAD]", "[UNK]", "[CLS]",  "[SEP]",  "a", "##a",     "b",
                     "##bc",  "un",    "##able", "\u6f22", "!", "##\u302e"};
    config.max_word_chars = 20;
    config.special = {.cls = 2, .sep = 3, .unknown = 1, .pad = 0};
    return config;
  }());
  return tokenizer;
}

void check_text(std::string_view text, std::size_t max_tokens) {
  static WordPiece::Scratch scratch;
  static std::vector<std::int32_t> ids;
  const WordPiece& tokenizer = small_tokenizer();
  tokenizer.tokenize(text, max_tokens, scratch, ids);
  if (ids.size() < 2 || ids.size() > max_tokens || ids.front() != 2 || ids.back() != 3) std::abort();
  for (std::size_t i = 1; i + 1 < ids.size(); ++i)  // no text makes a special token
    if (ids[i] == 0 || ids[i] == 2 || ids[i] == 3 || ids[i] < 0 || ids[i] > 12) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  check_text(input, 2 + (size == 0 ? 0 : data[0]));
  check_text(input, size + 2);
  try {
    (void)read_wordpiece_json(input);
  } catch (const std::runtime_error&) {
    return 0;
  }
  return 0;
}

// Reader of the `tokenizer.json` of a BERT-family model.
#pragma once

#include "embed/bert/wordpiece_config.h"

#include <cstddef>
#include <string_view>

namespace nexus::embed::bert {

inline constexpr std::size_t kMaxTokenizerFile = std::size_t{16} << 20U;
inline constexpr std::size_t kMaxVocabulary = std::size_t{1} << 19U;

// Accepts a WordPiece model behind a BertNormalizer and a BertPreTokenizer whose post-processor puts [CLS] before and
// [SEP] behind a text. Truncation, padding and decoder are not read: lengths are the caller's matter. Throws
// std::runtime_error with the reason for anything else, among it a file that would make the library's ids differ from
// ours: added tokens that are not special, ids with gaps.
[[nodiscard]] WordPieceConfig read_wordpiece_json(std::string_view json);

}  // namespace nexus::embed::bert

// BERT's tokenizer: BasicTokenizer and WordPiece, id for id as the `tokenizers` library does it.
//
// Text is normalised and cut into words (`CharacterTable` says how), and each word is spelled by the longest token that
// begins it, then the longest continuation, and so on; a word that cannot be spelled is one `unknown`. In contrast to
// the library, "[CLS]" and its like are plain text wherever they stand: no text can forge a special token. Ill-formed
// UTF-8 counts as U+FFFD, one for each maximal part.
#pragma once

#include "embed/bert/wordpiece_characters.h"
#include "embed/bert/wordpiece_config.h"
#include "embed/bert/wordpiece_vocabulary.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace nexus::embed::bert {

class WordPiece {
 public:
  // One thread's buffer; it serves tokenizers of any kind, one call at a time.
  class Scratch {
   private:
    friend class WordPiece;
    std::vector<char> word_;
  };

  // About 15 ms. Throws std::runtime_error when the vocabulary is unfit (see TokenTable) and std::invalid_argument when
  // a special id or the word length is outside its range.
  explicit WordPiece(const WordPieceConfig& config);

  // Replaces `ids` by [CLS], the first tokens of `text` and [SEP], at most `max_tokens` (>= 2, else
  // std::invalid_argument) in all. Reads no further than these need, in time linear in what it reads. Any thread; no
  // allocation once `scratch` and `ids` have grown.
  void tokenize(std::string_view text, std::size_t max_tokens, Scratch& scratch, std::vector<std::int32_t>& ids) const;

  // Ids are 0 .. vocabulary_size() - 1: what a model's embedding table must have rows for.
  [[nodiscard]] std::size_t vocabulary_size() const noexcept { return vocabulary_size_; }
  [[nodiscard]] const SpecialIds& special() const noexcept { return special_; }

 private:
  class Run;

  void spell(const char* word, std::size_t size, std::vector<std::int32_t>& ids) const;

  std::size_t vocabulary_size_;
  SpecialIds special_;
  std::size_t max_word_chars_;
  CharacterTable characters_;
  TokenTable openings_;                 // every token, as it is written
  TokenTable continuations_;            // those with the prefix, without it
  std::array<char, 128> word_bytes_{};  // of ASCII: what it adds to a word; 0: ask characters_
};

}  // namespace nexus::embed::bert

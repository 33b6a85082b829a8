#include "embed/bert/wordpiece.h"

#include "text/utf8.h"

#include <algorithm>
#include <stdexcept>

namespace nexus::embed::bert {
namespace {

[[nodiscard]] std::size_t checked_word_chars(std::size_t chars) {
  if (chars == 0 || chars > kMaxWordChars) throw std::invalid_argument("the longest word has 1 to 1,000 characters");
  return chars;
}

[[nodiscard]] TokenTable openings(const WordPieceConfig& config) {
  std::vector<TokenTable::Token> tokens;
  tokens.reserve(config.tokens.size());
  for (const std::string& token : config.tokens) tokens.push_back({token, static_cast<std::int32_t>(tokens.size())});
  return TokenTable(tokens);
}

[[nodiscard]] TokenTable continuations(const WordPieceConfig& config) {
  std::vector<TokenTable::Token> tokens;
  for (std::size_t id = 0; id < config.tokens.size(); ++id) {
    const std::string_view token = config.tokens[id];
    if (token.starts_with(config.continuing_prefix))
      tokens.push_back({token.substr(config.continuing_prefix.size()), static_cast<std::int32_t>(id)});
  }
  return TokenTable(tokens);
}

[[nodiscard]] constexpr bool continues_character(char byte) noexcept {
  return (static_cast<unsigned char>(byte) & 0xC0U) == 0x80U;
}

[[nodiscard]] std::size_t start_of_last_character(const char* bytes, std::size_t end) noexcept {
  do --end;
  while (continues_character(bytes[end]));
  return end;
}

}  // namespace

WordPiece::WordPiece(const WordPieceConfig& config)
    : vocabulary_size_(config.tokens.size()),
      special_(config.special),
      max_word_chars_(checked_word_chars(config.max_word_chars)),
      characters_(config.normalizer),
      openings_(openings(config)),
      continuations_(continuations(config)) {
  for (const std::int32_t id : {special_.cls, special_.sep, special_.unknown, special_.pad})
    if (id < 0 || static_cast<std::size_t>(id) >= vocabulary_size_)
      throw std::invalid_argument("a special token is not in the vocabulary");
  for (std::size_t byte = 0; byte < word_bytes_.size(); ++byte) {
    const Character character = characters_.find(static_cast<char32_t>(byte));
    if (character.kind == CharacterKind::kSame) word_bytes_[byte] = static_cast<char>(byte);
    if (character.kind == CharacterKind::kSpelled && character.spelling.size() == 1)
      word_bytes_[byte] = character.spelling.front();
  }
}

// One call: the word being gathered, and where the text is read.
class WordPiece::Run {
 public:
  Run(const WordPiece& tokenizer, std::string_view text, std::vector<char>& word, std::vector<std::int32_t>& ids)
      : tokenizer_(tokenizer), text_(text), word_(word.data()), ids_(ids) {}

  // Bytes a word of `chars` code points may take, with what is read behind it.
  [[nodiscard]] static std::size_t word_bytes(std::size_t chars) noexcept { return 4 * chars + TokenTable::kPadding; }

  // Whole words until there are `enough` ids or the text ends.
  void read(std::size_t enough) {
    while (at_ < text_.size() && ids_.size() < enough) {
      take_plain_ascii();
      if (at_ < text_.size()) take_character();
    }
    if (ids_.size() < enough) end_word();
  }

 private:
  void take_plain_ascii() {
    const std::size_t most = tokenizer_.max_word_chars_;
    const std::size_t before = at_;
    std::size_t size = size_;
    std::size_t chars = chars_;
    for (; at_ < text_.size(); ++at_) {
      const auto byte = static_cast<unsigned char>(text_[at_]);
      const char adds = byte < 0x80 ? tokenizer_.word_bytes_[byte] : '\0';
      if (adds == '\0') break;
      if (chars < most) word_[size++] = adds;
      ++chars;
    }
    if (at_ == before) return;
    size_ = marks_ = size;
    chars_ = chars;
  }

  void take_character() {
    const text::CodePoint code_point = text::decode(text_, at_);
    const std::string_view source =
        code_point.valid ? text_.substr(at_, code_point.size) : std::string_view("\xEF\xBF\xBD");
    at_ += code_point.size;
    take(tokenizer_.characters_.find(code_point.value), source);
  }

  void take(const Character& character, std::string_view source) {
    const std::string_view spelling = character.spelling.empty() ? source : character.spelling;
    switch (character.kind) {
      case CharacterKind::kSame:
      case CharacterKind::kSpelled:
        append(spelling);
        break;
      case CharacterKind::kDropped:
        break;
      case CharacterKind::kBarrier:
        marks_ = size_;
        break;
      case CharacterKind::kSpace:
        end_word();
        break;
      case CharacterKind::kAlone:
        end_word();
        append(spelling);
        end_word();
        break;
      case CharacterKind::kMark:
        insert_mark(character.combining_class, source);
        break;
      case CharacterKind::kParts:
        for (std::size_t at = 0; at < spelling.size();) {
          const text::CodePoint part = text::decode(spelling, at);
          take(tokenizer_.characters_.find(part.value), spelling.substr(at, part.size));
          at += part.size;
        }
        break;
    }
  }

  void append(std::string_view spelling) {
    std::size_t chars = 0;
    for (const char byte : spelling) chars += continues_character(byte) ? 0U : 1U;
    if (chars_ + chars <= tokenizer_.max_word_chars_) {
      std::copy(spelling.begin(), spelling.end(), word_ + size_);
      size_ += spelling.size();
    }
    chars_ += chars;
    marks_ = size_;
  }

  // Canonical order: behind the marks of a lower or the same class, before those of a higher one.
  void insert_mark(std::uint8_t combining_class, std::string_view mark) {
    ++chars_;
    if (chars_ > tokenizer_.max_word_chars_) return;
    std::size_t at = size_;
    while (at > marks_) {
      const std::size_t previous = start_of_last_character(word_, at);
      const text::CodePoint other = text::decode({word_ + previous, at - previous}, 0);
      if (tokenizer_.characters_.find(other.value).combining_class <= combining_class) break;
      at = previous;
    }
    std::copy_backward(word_ + at, word_ + size_, word_ + size_ + mark.size());
    std::copy(mark.begin(), mark.end(), word_ + at);
    size_ += mark.size();
  }

  void end_word() {
    if (chars_ > tokenizer_.max_word_chars_) {
      ids_.push_back(tokenizer_.special_.unknown);
    } else if (size_ > 0) {
      tokenizer_.spell(word_, size_, ids_);
    }
    size_ = marks_ = chars_ = 0;
  }

  const WordPiece& tokenizer_;
  std::string_view text_;
  char* word_;
  std::vector<std::int32_t>& ids_;
  std::size_t at_ = 0;     // in the text
  std::size_t size_ = 0;   // bytes of the word
  std::size_t marks_ = 0;  // where the marks begin that a further mark may have to precede
  std::size_t chars_ = 0;  // code points of the word, stored or not
};

void WordPiece::tokenize(std::string_view text, std::size_t max_tokens, Scratch& scratch,
                         std::vector<std::int32_t>& ids) const {
  if (max_tokens < 2) throw std::invalid_argument("a text takes at least two tokens");
  const std::size_t word_bytes = Run::word_bytes(max_word_chars_);
  if (scratch.word_.size() < word_bytes) scratch.word_.resize(word_bytes);
  ids.assign(1, special_.cls);
  Run(*this, text, scratch.word_, ids).read(max_tokens - 1);
  if (ids.size() > max_tokens - 1) ids.resize(max_tokens - 1);
  ids.push_back(special_.sep);
}

void WordPiece::spell(const char* word, std::size_t size, std::vector<std::int32_t>& ids) const {
  const std::int32_t whole = openings_.find(word, size);
  if (whole != TokenTable::kNone) {
    ids.push_back(whole);
    return;
  }
  const std::size_t before = ids.size();
  const TokenTable* table = &openings_;
  for (std::size_t at = 0; at < size; table = &continuations_) {
    std::int32_t id = TokenTable::kNone;
    std::size_t length = std::min(size - at, table->longest(word[at]));
    for (; length > 0; --length) {
      if (at + length < size && continues_character(word[at + length])) continue;
      id = table->find(word + at, length);
      if (id != TokenTable::kNone) break;
    }
    if (length == 0) {
      ids.resize(before);
      ids.push_back(special_.unknown);
      return;
    }
    ids.push_back(id);
    at += length;
  }
}

}  // namespace nexus::embed::bert

// Unicode folding of one piece of text that is not plain ASCII; see analyzer.h for the rules.
#pragma once

#include <string>
#include <string_view>

namespace nexus::search {

enum class CharClass { kSeparator, kWord, kPaired };

// Replaces `out` with the folded form (UTF-8, NFC) of `text`. Ill-formed bytes become separators.
void fold(std::string_view text, std::string& out);

// What a folded code point is to the tokenizer; kPaired: Han, Kana, Hangul.
[[nodiscard]] CharClass char_class(char32_t value) noexcept;

}  // namespace nexus::search

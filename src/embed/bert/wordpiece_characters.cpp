#include "embed/bert/wordpiece_characters.h"

#include "text/utf8.h"

#include <unicode/normalizer2.h>
#include <unicode/uchar.h>
#include <unicode/unistr.h>

#include <algorithm>
#include <map>
#include <stdexcept>

namespace nexus::embed::bert {
namespace {

// The reference's versions of Unicode: what is younger has no category, or no decomposition, for it.
constexpr std::uint8_t kCategoriesVersion = 8;
constexpr std::uint8_t kDecompositionsVersion = 12;

[[nodiscard]] UChar32 to_icu(char32_t value) noexcept {
  return static_cast<UChar32>(value);
}

[[nodiscard]] bool is_younger(char32_t value, std::uint8_t version) noexcept {
  UVersionInfo age{};
  u_charAge(to_icu(value), age);
  return age[0] == 0 || age[0] > version;
}

// Categories as of Unicode 8.0: the six that were changed later are given as they were.
[[nodiscard]] int category(char32_t value) noexcept {
  switch (value) {
    case 0x166D:
    case 0x111C9:
      return U_OTHER_PUNCTUATION;
    case 0x1734:
      return U_NON_SPACING_MARK;
    case 0x1885:
    case 0x1886:
      return U_OTHER_LETTER;
    case 0xA9BD:
      return U_COMBINING_SPACING_MARK;
    default:
      break;
  }
  const int now = u_charType(to_icu(value));
  return now == U_UNASSIGNED || is_younger(value, kCategoriesVersion) ? U_UNASSIGNED : now;
}

// Upper case of Unicode 16 and 17, which the reference knows and an older ICU does not.
struct YoungCase {
  char32_t first, last;
  std::int32_t to_lower;
};
constexpr std::array<YoungCase, 9> kYoungCases{{{0x1C89, 0x1C89, 1},
                                                {0xA7CB, 0xA7CB, 0x264 - 0xA7CB},
                                                {0xA7CC, 0xA7CC, 1},
                                                {0xA7CE, 0xA7CE, 1},
                                                {0xA7D2, 0xA7D2, 1},
                                                {0xA7D4, 0xA7D4, 1},
                                                {0xA7DA, 0xA7DA, 1},
                                                {0xA7DC, 0xA7DC, 0x19B - 0xA7DC},
                                                {0x10D50, 0x10D65, 0x20}}};
constexpr YoungCase kYoungestCase{0x16EA0, 0x16EB8, 0x1B};

[[nodiscard]] char32_t young_lower(char32_t value) noexcept {
  for (const YoungCase& row : kYoungCases)
    if (value >= row.first && value <= row.last)
      return static_cast<char32_t>(static_cast<std::int32_t>(value) + row.to_lower);
  const YoungCase& row = kYoungestCase;
  return value >= row.first && value <= row.last
             ? static_cast<char32_t>(static_cast<std::int32_t>(value) + row.to_lower)
             : value;
}

[[nodiscard]] char32_t lower(char32_t value) noexcept {
  const auto simple = static_cast<char32_t>(u_tolower(to_icu(value)));
  return simple != value ? simple : young_lower(value);
}

// The blocks BERT calls Chinese; newer extensions and kana are not among them.
[[nodiscard]] bool is_ideograph(char32_t value) noexcept {
  struct Range {
    char32_t first, last;
  };
  if (value < 0x3400) return false;
  static constexpr std::array<Range, 8> kRanges{{{0x3400, 0x4DBF},
                                                 {0x4E00, 0x9FFF},
                                                 {0xF900, 0xFAFF},
                                                 {0x20000, 0x2A6DF},
                                                 {0x2A700, 0x2B73F},
                                                 {0x2B740, 0x2B81F},
                                                 {0x2B920, 0x2CEAF},
                                                 {0x2F800, 0x2FA1F}}};
  return std::any_of(kRanges.begin(), kRanges.end(),
                     [&](const Range& range) { return value >= range.first && value <= range.last; });
}

[[nodiscard]] bool is_punctuation(char32_t value) noexcept {
  if (value < 0x80) return value > 0x20 && value < 0x7F && u_isalnum(to_icu(value)) == 0;
  switch (category(value)) {
    case U_DASH_PUNCTUATION:
    case U_START_PUNCTUATION:
    case U_END_PUNCTUATION:
    case U_CONNECTOR_PUNCTUATION:
    case U_OTHER_PUNCTUATION:
    case U_INITIAL_PUNCTUATION:
    case U_FINAL_PUNCTUATION:
      return true;
    default:
      return false;
  }
}

// Cn is not among them: what the reference does not know stays.
[[nodiscard]] bool is_cleaned_away(char32_t value) noexcept {
  if (value == '\t' || value == '\n' || value == '\r') return false;
  if (value == text::kReplacement) return true;
  const int its = category(value);
  return its == U_CONTROL_CHAR || its == U_FORMAT_CHAR || its == U_PRIVATE_USE_CHAR || its == U_SURROGATE;
}

// The rules of one set of flags, one code point at a time.
class Rules {
 public:
  explicit Rules(const NormalizerFlags& flags) : flags_(flags), decompose_(nfd()) {}

  struct Outcome {
    CharacterKind kind = CharacterKind::kSame;
    std::uint8_t combining_class = 0;
    std::u32string spelling;
  };
  [[nodiscard]] Outcome of(char32_t value) const;

 private:
  [[nodiscard]] static const icu::Normalizer2& nfd() {
    UErrorCode status = U_ZERO_ERROR;
    const icu::Normalizer2* const normalizer = icu::Normalizer2::getNFDInstance(status);
    if (U_FAILURE(status) != 0 || normalizer == nullptr) throw std::runtime_error("ICU offers no normalisation data");
    return *normalizer;
  }
  // What decomposition leaves of a character without its non-spacing marks.
  struct Stripped {
    std::u32string parts;
    std::uint8_t mark;  // combining class of the last mark that stayed; 0: none did
    bool has_starter;   // among all parts, also those that went
  };
  [[nodiscard]] bool is_untouched(char32_t value) const;
  [[nodiscard]] Stripped stripped(char32_t value) const;
  [[nodiscard]] std::u32string decomposed(char32_t value) const;
  [[nodiscard]] std::uint8_t combining_class(char32_t value) const {
    return is_younger(value, kDecompositionsVersion) ? std::uint8_t{0} : decompose_.getCombiningClass(to_icu(value));
  }
  [[nodiscard]] std::u32string lowered(std::u32string_view parts) const;

  NormalizerFlags flags_;
  const icu::Normalizer2& decompose_;
};

// A quick answer for most of what there is: no rule but that of ideographs applies.
bool Rules::is_untouched(char32_t value) const {
  switch (u_charType(to_icu(value))) {
    case U_UNASSIGNED:
      return young_lower(value) == value;
    case U_OTHER_LETTER:
      return decompose_.isInert(to_icu(value)) != 0;
    default:
      return false;
  }
}

Rules::Stripped Rules::stripped(char32_t value) const {
  Stripped left{{}, 0, false};
  for (const char32_t part : decomposed(value)) {
    const std::uint8_t its_class = combining_class(part);
    left.has_starter = left.has_starter || its_class == 0;
    if (category(part) == U_NON_SPACING_MARK) continue;
    left.parts.push_back(part);
    if (its_class != 0) left.mark = its_class;
  }
  return left;
}

std::u32string Rules::decomposed(char32_t value) const {
  icu::UnicodeString parts;
  if (is_younger(value, kDecompositionsVersion) || decompose_.getDecomposition(to_icu(value), parts) == 0)
    return std::u32string(1, value);
  std::u32string out;
  for (std::int32_t at = 0; at < parts.length(); at = parts.moveIndex32(at, 1))
    out.push_back(static_cast<char32_t>(parts.char32At(at)));
  return out;
}

// U+0130 is the only character whose lower case is two; it gets here whole only when accents stay.
std::u32string Rules::lowered(std::u32string_view parts) const {
  std::u32string out;
  for (const char32_t part : parts) {
    if (part == 0x130) {
      out += U"i\u0307";
    } else {
      out.push_back(lower(part));
    }
  }
  return out;
}

Rules::Outcome Rules::of(char32_t value) const {
  if (value >= 0xD800 && value <= 0xDFFF) return {CharacterKind::kDropped, 0, {}};  // no text has them
  const bool stands_alone = flags_.handle_chinese_chars && is_ideograph(value);
  if (is_untouched(value)) return {stands_alone ? CharacterKind::kAlone : CharacterKind::kSame, 0, {}};
  if (flags_.clean_text && is_cleaned_away(value)) return {CharacterKind::kDropped, 0, {}};
  if (u_isUWhiteSpace(to_icu(value)) != 0) return {CharacterKind::kSpace, 0, {}};

  Stripped left = flags_.strips_accents() ? stripped(value) : Stripped{std::u32string(1, value), 0, true};
  if (left.parts.empty()) return {left.has_starter ? CharacterKind::kBarrier : CharacterKind::kDropped, 0, {}};
  if (flags_.lowercase) left.parts = lowered(left.parts);

  const bool is_one = left.parts.size() == 1;
  const bool is_same = is_one && left.parts[0] == value;
  if (is_same && left.mark != 0) return {CharacterKind::kMark, left.mark, {}};
  if (stands_alone || (is_one && is_punctuation(left.parts[0])))
    return {CharacterKind::kAlone, 0, is_same ? std::u32string() : left.parts};
  if (is_same) return {};
  const bool is_plain = left.mark == 0 && std::none_of(left.parts.begin(), left.parts.end(), is_punctuation);
  return {is_plain ? CharacterKind::kSpelled : CharacterKind::kParts, 0, left.parts};
}

// Within planes 4 to 13, where nothing is assigned, and 15 and 16, which are for private use up to their last two code
// points. Asking for each of these 850,000 would be most of the work.
[[nodiscard]] constexpr bool is_uniform(char32_t first, char32_t last) noexcept {
  const char32_t plane = first >> 16U;
  return plane >= 4 && plane != 14 && (last & 0xFFFFU) != 0xFFFFU;
}

}  // namespace

std::uint32_t CharacterTable::entry_of(CharacterKind kind, std::string_view spelling) {
  if (spelling.size() > kLongestSpelling) throw std::runtime_error("ICU spells a character in too many bytes");
  if (spelling.empty()) return static_cast<std::uint32_t>(kind);
  const auto offset = static_cast<std::uint32_t>(spellings_.size());
  spellings_.append(spelling);
  return static_cast<std::uint32_t>(kind) | static_cast<std::uint32_t>(spelling.size()) << 3U | offset << 8U;
}

CharacterTable::CharacterTable(const NormalizerFlags& flags) {
  const Rules rules(flags);
  std::map<std::vector<std::uint32_t>, std::uint16_t> known;  // most pages are alike
  std::vector<std::uint32_t> page(kPageSize);
  std::string spelling;
  const auto entry_for = [&](char32_t value) {
    const Rules::Outcome outcome = rules.of(value);
    if (outcome.kind == CharacterKind::kMark)
      return static_cast<std::uint32_t>(outcome.kind) | std::uint32_t{outcome.combining_class} << 8U;
    spelling.clear();
    for (const char32_t part : outcome.spelling) text::append_utf8(spelling, part);
    return entry_of(outcome.kind, spelling);
  };
  std::size_t latest = pages_.size();
  for (std::uint32_t number = 0; number < pages_.size(); ++number) {
    const char32_t first = number << kPageBits;
    if (is_uniform(first, first + kPageSize - 1)) {
      std::fill(page.begin(), page.end(), entry_for(first));
    } else {
      for (std::uint32_t i = 0; i < kPageSize; ++i) page[i] = entry_for(first + i);
    }
    if (latest < number && std::equal(page.begin(), page.end(), entries_.begin() + pages_[latest] * kPageSize)) {
      pages_[number] = pages_[latest];
      continue;
    }
    const auto [at, is_new] = known.try_emplace(page, static_cast<std::uint16_t>(known.size()));
    if (is_new) entries_.insert(entries_.end(), page.begin(), page.end());
    pages_[number] = at->second;
    latest = number;
  }
}

}  // namespace nexus::embed::bert

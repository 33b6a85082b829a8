#include "search/folding.h"

#include "text/utf8.h"

#include <unicode/bytestream.h>
#include <unicode/normalizer2.h>
#include <unicode/stringpiece.h>
#include <unicode/uchar.h>

#include <cstdint>
#include <stdexcept>

namespace nexus::search {
namespace {

struct Normalizers {
  const icu::Normalizer2* fold_case;
  const icu::Normalizer2* decompose;
  const icu::Normalizer2* compose;
};

[[nodiscard]] Normalizers load_normalizers() {
  UErrorCode status = U_ZERO_ERROR;
  const Normalizers all{icu::Normalizer2::getNFKCCasefoldInstance(status), icu::Normalizer2::getNFDInstance(status),
                        icu::Normalizer2::getNFCInstance(status)};
  if (U_FAILURE(status) != 0) throw std::runtime_error("ICU offers no normalisation data");
  return all;
}

void normalize(const icu::Normalizer2& form, std::string_view text, std::string& out) {
  out.clear();
  icu::StringByteSink<std::string> sink(&out, static_cast<std::int32_t>(text.size()));
  UErrorCode status = U_ZERO_ERROR;
  form.normalizeUTF8(0, icu::StringPiece(text.data(), static_cast<std::int32_t>(text.size())), sink, nullptr, status);
  if (U_FAILURE(status) != 0) throw std::runtime_error("ICU could not normalise a text");
}

// Marks whose absence does not make another word: accents, Hebrew points, Arabic vowel signs and tatweel.
[[nodiscard]] bool is_dropped_mark(char32_t value) noexcept {
  return (value >= 0x300 && value <= 0x36F) || (value >= 0x591 && value <= 0x5C7) ||
         (value >= 0x64B && value <= 0x65F) || value == 0x670 || value == 0x640;
}

void drop_marks(std::string_view text, std::string& out) {
  out.clear();
  for (std::size_t at = 0; at < text.size();) {
    const text::CodePoint cp = text::decode(text, at);
    if (!is_dropped_mark(cp.value)) out.append(text.substr(at, cp.size));
    at += cp.size;
  }
}

}  // namespace

void fold(std::string_view text, std::string& out) {
  static const Normalizers normalizers = load_normalizers();
  thread_local std::string buffer;
  normalize(*normalizers.fold_case, text, out);
  normalize(*normalizers.decompose, out, buffer);
  drop_marks(buffer, out);
  normalize(*normalizers.compose, out, buffer);
  out.swap(buffer);
}

CharClass char_class(char32_t value) noexcept {
  if (value < 0x80) {
    const bool word =
        (value >= 'a' && value <= 'z') || (value >= '0' && value <= '9') || (value >= 'A' && value <= 'Z');
    return word ? CharClass::kWord : CharClass::kSeparator;
  }
  if ((value >= 0x3041 && value <= 0x30FF && value != 0x30FB) || (value >= 0x31F0 && value <= 0x31FF) ||
      (value >= 0x3400 && value <= 0x9FFF) || (value >= 0xAC00 && value <= 0xD7A3) ||
      (value >= 0xF900 && value <= 0xFAFF) || (value >= 0x20000 && value <= 0x3FFFF))
    return CharClass::kPaired;
  const std::uint32_t mask = U_GET_GC_MASK(static_cast<UChar32>(value));
  return (mask & (U_GC_L_MASK | U_GC_N_MASK | U_GC_M_MASK)) != 0 ? CharClass::kWord : CharClass::kSeparator;
}

}  // namespace nexus::search

#include "text/extract/charset.h"

#include "text/extract/extract.h"
#include "text/utf8.h"

#include <fmt/format.h>
#include <unicode/ucnv.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <vector>

namespace nexus::text::extract {
namespace {

using namespace std::string_view_literals;

// The names the web uses, and what ICU calls the right table for them. Stateful and ASCII-incompatible ones (UTF-7,
// ISO-2022, EBCDIC) are left out on purpose: they are how text hides from the filters that look at it.
struct Alias {
  std::string_view name;
  const char* icu;
};
constexpr std::array<Alias, 40> kAliases{{
    {"iso-8859-1", "windows-1252"},
    {"iso8859-1", "windows-1252"},
    {"iso_8859-1", "windows-1252"},
    {"latin1", "windows-1252"},
    {"latin-1", "windows-1252"},
    {"us-ascii", "windows-1252"},
    {"ascii", "windows-1252"},
    {"windows-1252", "windows-1252"},
    {"cp1252", "windows-1252"},
    {"iso-8859-2", "ISO-8859-2"},
    {"iso-8859-3", "ISO-8859-3"},
    {"iso-8859-4", "ISO-8859-4"},
    {"iso-8859-5", "ISO-8859-5"},
    {"iso-8859-6", "ISO-8859-6"},
    {"iso-8859-7", "ISO-8859-7"},
    {"iso-8859-8", "ISO-8859-8"},
    {"iso-8859-9", "windows-1254"},
    {"iso-8859-13", "ISO-8859-13"},
    {"iso-8859-15", "ISO-8859-15"},
    {"windows-1250", "windows-1250"},
    {"windows-1251", "windows-1251"},
    {"windows-1253", "windows-1253"},
    {"windows-1254", "windows-1254"},
    {"windows-1255", "windows-1255"},
    {"windows-1256", "windows-1256"},
    {"windows-1257", "windows-1257"},
    {"windows-1258", "windows-1258"},
    {"cp1250", "windows-1250"},
    {"cp1251", "windows-1251"},
    {"koi8-r", "KOI8-R"},
    {"koi8-u", "KOI8-U"},
    {"macintosh", "macintosh"},
    {"shift_jis", "ibm-943_P15A-2003"},
    {"sjis", "ibm-943_P15A-2003"},
    {"euc-jp", "EUC-JP"},
    {"gbk", "GBK"},
    {"gb2312", "GBK"},
    {"gb18030", "gb18030"},
    {"big5", "Big5"},
    {"euc-kr", "windows-949"},
}};

struct CloseConverter {
  void operator()(UConverter* converter) const { ucnv_close(converter); }
};
using Converter = std::unique_ptr<UConverter, CloseConverter>;

Converter open_converter(const char* name, bool lenient) {
  UErrorCode status = U_ZERO_ERROR;
  Converter converter(ucnv_open(name, &status));
  if (U_FAILURE(status)) throw ExtractionFailed(Failure::kUnavailable, "The character set tables are missing.");
  ucnv_setToUCallBack(converter.get(), lenient ? UCNV_TO_U_CALLBACK_SUBSTITUTE : UCNV_TO_U_CALLBACK_STOP, nullptr,
                      nullptr, nullptr, &status);
  return converter;
}

std::string convert(std::string_view bytes, const char* name, bool lenient) {
  const Converter from = open_converter(name, lenient);
  const Converter to = open_converter("UTF-8", true);
  std::string out;
  std::vector<UChar> pivot(8192);
  std::vector<char> chunk(32768);
  UChar* pivot_source = pivot.data();
  UChar* pivot_target = pivot.data();
  const char* source = bytes.data();
  const char* const end = source + bytes.size();
  for (bool first = true;; first = false) {
    char* target = chunk.data();
    UErrorCode status = U_ZERO_ERROR;
    ucnv_convertEx(to.get(), from.get(), &target, chunk.data() + chunk.size(), &source, end, pivot.data(),
                   &pivot_source, &pivot_target, pivot.data() + pivot.size(), static_cast<UBool>(first), 1, &status);
    out.append(chunk.data(), target);
    if (status == U_BUFFER_OVERFLOW_ERROR) continue;
    if (U_FAILURE(status))
      throw ExtractionFailed(Failure::kUndecodable, fmt::format("Byte {} does not belong to the character set {}.",
                                                                source - bytes.data(), name));
    return out;
  }
}

// Text is probably single-byte when its bytes above ASCII rarely form UTF-8 sequences.
bool looks_single_byte(std::string_view bytes) {
  std::size_t good = 0;
  std::size_t bad = 0;
  for (std::size_t at = 0; at < bytes.size();) {
    const CodePoint point = text::decode(bytes, at);
    if (!point.valid) ++bad;
    if (point.valid && point.size > 1) ++good;
    at += point.size;
  }
  return bad > good;
}

std::size_t first_invalid(std::string_view bytes) {
  std::size_t at = 0;
  while (at < bytes.size()) {
    const CodePoint point = text::decode(bytes, at);
    if (!point.valid) break;
    at += point.size;
  }
  return at;
}

Decoded from_utf8(std::string_view bytes, bool lenient) {
  if (is_valid_utf8(bytes)) return {std::string(bytes), "utf-8"};
  if (!lenient)
    throw ExtractionFailed(
        Failure::kUndecodable,
        fmt::format("Byte {} is not valid UTF-8; save the file as UTF-8 or name its character set in the "
                    "content type.",
                    first_invalid(bytes)));
  if (looks_single_byte(bytes)) return {convert(bytes, "windows-1252", true), "windows-1252"};
  return {replace_invalid(bytes), "utf-8"};
}

}  // namespace

Decoded decode_bytes(std::string_view bytes, std::string_view declared, bool lenient) {
  if (bytes.starts_with("\xEF\xBB\xBF"sv)) return from_utf8(bytes.substr(3), lenient);
  if (bytes.starts_with("\xFF\xFE"sv)) return {convert(bytes.substr(2), "UTF-16LE", lenient), "utf-16le"};
  if (bytes.starts_with("\xFE\xFF"sv)) return {convert(bytes.substr(2), "UTF-16BE", lenient), "utf-16be"};
  if (declared.empty() || declared == "utf-8" || declared == "utf8") return from_utf8(bytes, lenient);
  // Without a mark UTF-16 is big-endian by RFC 2781 and little-endian in practice; practice wins.
  if (declared == "utf-16" || declared == "utf-16le") return {convert(bytes, "UTF-16LE", lenient), "utf-16le"};
  if (declared == "utf-16be") return {convert(bytes, "UTF-16BE", lenient), "utf-16be"};
  const auto* const alias =
      std::find_if(kAliases.begin(), kAliases.end(), [&](const Alias& a) { return a.name == declared; });
  if (alias != kAliases.end()) return {convert(bytes, alias->icu, lenient), std::string(declared)};
  if (lenient) return from_utf8(bytes, true);
  throw ExtractionFailed(Failure::kUndecodable,
                         fmt::format("The character set '{}' is not supported; save the file as UTF-8.",
                                     replace_invalid(declared.substr(0, 40))));
}

std::string normalise_newlines(std::string_view utf8) {
  std::string out;
  out.reserve(utf8.size());
  for (std::size_t i = 0; i < utf8.size(); ++i) {
    const char c = utf8[i];
    if (c == '\r') {
      if (i + 1 >= utf8.size() || utf8[i + 1] != '\n') out += '\n';
    } else if (c == '\f') {
      out += '\n';
    } else if (utf8.substr(i, 3) == "\xEF\xBB\xBF"sv) {
      i += 2;
    } else if (static_cast<std::uint8_t>(c) >= 0x20 ? c != '\x7F' : (c == '\n' || c == '\t')) {
      out += c;
    }
  }
  return out;
}

bool is_blank(std::string_view utf8) {
  for (std::size_t i = 0; i < utf8.size(); ++i) {
    const char c = utf8[i];
    if (c == ' ' || c == '\n' || c == '\t' || c == '\r') continue;
    if (utf8.substr(i, 2) == "\xC2\xA0"sv) {
      ++i;
      continue;
    }
    return false;
  }
  return true;
}

}  // namespace nexus::text::extract

#include "modules/retrieval/postgres_text.h"

#include <fmt/format.h>

#include <stdexcept>

namespace nexus::retrieval::postgres {
namespace {

void append_number(std::string& out, std::uint32_t number) {
  for (; number >= 0x80; number >>= 7) out.push_back(static_cast<char>((number & 0x7F) | 0x80));
  out.push_back(static_cast<char>(number));
}

void append_quoted(std::string& out, std::string_view text) {
  out.push_back('\'');
  for (const char c : text) {
    if (c == '\'' || c == '\\') out.push_back(c);
    out.push_back(c);
  }
  out.push_back('\'');
}

}  // namespace

std::string array_text(std::span<const std::string> elements) {
  std::string out = "{";
  for (const std::string& element : elements) {
    if (out.size() > 1) out.push_back(',');
    out.push_back('"');
    for (const char c : element) {
      if (c == '"' || c == '\\') out.push_back('\\');
      out.push_back(c);
    }
    out.push_back('"');
  }
  out.push_back('}');
  return out;
}

std::string lexeme(std::int64_t corpus, std::string_view term) {
  return fmt::format("{}:{}", corpus, term);
}

std::string tsquery_text(std::string_view lexeme) {
  std::string out;
  append_quoted(out, lexeme);
  return out;
}

std::string tsvector_text(std::int64_t corpus, std::span<const TermCount> terms) {
  std::string out;
  for (const TermCount& term : terms) {
    if (!out.empty()) out.push_back(' ');
    append_quoted(out, lexeme(corpus, term.term));
  }
  return out;
}

std::string pack_terms(std::span<const TermCount> terms) {
  std::string out;
  for (const TermCount& term : terms) {
    append_number(out, static_cast<std::uint32_t>(term.term.size()));
    out += term.term;
    append_number(out, term.count);
  }
  return out;
}

bool PackedTerms::next() {
  if (rest_.empty()) return false;
  const std::uint32_t size = number();
  if (size > rest_.size()) throw std::runtime_error("the stored terms of a chunk are damaged");
  term_ = rest_.substr(0, size);
  rest_.remove_prefix(size);
  count_ = number();
  return true;
}

std::uint32_t PackedTerms::number() {
  std::uint32_t out = 0;
  for (int shift = 0; shift < 32 && !rest_.empty(); shift += 7) {
    const auto byte = static_cast<std::uint8_t>(rest_.front());
    rest_.remove_prefix(1);
    out |= static_cast<std::uint32_t>(byte & 0x7F) << shift;
    if (byte < 0x80) return out;
  }
  throw std::runtime_error("the stored terms of a chunk are damaged");
}

std::string bytea_array_text(std::span<const std::string> elements) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out = "{";
  for (const std::string& element : elements) {
    out += out.size() > 1 ? R"(,"\\x)" : R"("\\x)";
    for (const char c : element) {
      const auto byte = static_cast<std::uint8_t>(c);
      out.push_back(kDigits[byte >> 4]);
      out.push_back(kDigits[byte & 0xF]);
    }
    out.push_back('"');
  }
  out.push_back('}');
  return out;
}

}  // namespace nexus::retrieval::postgres

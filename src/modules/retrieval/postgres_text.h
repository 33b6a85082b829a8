#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// Text forms of the PostgreSQL types that statements of this room take as parameters.
namespace nexus::retrieval::postgres {

/// `{"a","b"}`.
[[nodiscard]] std::string array_text(std::span<const std::string> elements);

/// The lexeme of a term in the corpus of that number: all corpora share one GIN index, and the number keeps a search
/// away from the postings of the others.
[[nodiscard]] std::string lexeme(std::int64_t corpus, std::string_view term);

/// A tsquery of one lexeme, quoted.
[[nodiscard]] std::string tsquery_text(std::string_view lexeme);

struct TermCount {
  std::string term;
  std::uint32_t count = 0;
};
/// A tsvector of the terms, without positions.
[[nodiscard]] std::string tsvector_text(std::int64_t corpus, std::span<const TermCount> terms);

/// `search_chunks.frequencies`: for each term, in the order of bytes, its size, its bytes and its count, where numbers
/// take seven bits a byte, low ones first, and the highest bit says that another byte follows. `terms` is in that
/// order.
[[nodiscard]] std::string pack_terms(std::span<const TermCount> terms);

/// Reads what pack_terms made. The bytes must outlive it. Throws std::runtime_error where they are not of that form.
class PackedTerms {
 public:
  explicit PackedTerms(std::string_view bytes) noexcept : rest_(bytes) {}
  /// False at the end.
  bool next();
  [[nodiscard]] std::string_view term() const noexcept { return term_; }
  [[nodiscard]] std::uint32_t count() const noexcept { return count_; }

 private:
  [[nodiscard]] std::uint32_t number();

  std::string_view rest_;
  std::string_view term_;
  std::uint32_t count_ = 0;
};

/// `{"\\x6162"}`: an array of bytea.
[[nodiscard]] std::string bytea_array_text(std::span<const std::string> elements);

}  // namespace nexus::retrieval::postgres

#include "search/stemmer.h"

#include <libstemmer.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <vector>

namespace nexus::search {
namespace {

struct StemmerDeleter {
  void operator()(sb_stemmer* stemmer) const { sb_stemmer_delete(stemmer); }
};

// libstemmer's object is not shareable and takes about a microsecond a word, hence one per thread and a table of recent
// words in front of it.
class CachedStemmer {
 public:
  CachedStemmer() : stemmer_(sb_stemmer_new("english", nullptr)), entries_(kEntries) {
    if (!stemmer_) throw std::bad_alloc();
  }

  [[nodiscard]] std::string_view stem(std::string_view word) {
    if (word.size() > kMaxCached) return compute(word);
    Entry& entry = entries_[slot_of(word)];
    if (entry.word_size != word.size() || std::memcmp(entry.word.data(), word.data(), word.size()) != 0) {
      const std::string_view stem = compute(word);
      if (stem.size() > kMaxCached) return stem;
      std::copy(word.begin(), word.end(), entry.word.begin());
      std::copy(stem.begin(), stem.end(), entry.stem.begin());
      entry.word_size = static_cast<std::uint8_t>(word.size());
      entry.stem_size = static_cast<std::uint8_t>(stem.size());
    }
    return {entry.stem.data(), entry.stem_size};
  }

 private:
  static constexpr std::size_t kMaxCached = 23;
  static constexpr std::size_t kEntries = 8192;
  struct Entry {
    std::uint8_t word_size = 0;
    std::uint8_t stem_size = 0;
    std::array<char, kMaxCached> word{};
    std::array<char, kMaxCached> stem{};
  };

  [[nodiscard]] static std::size_t slot_of(std::string_view word) {
    std::uint64_t hash = word.size();
    for (const char c : word) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3ULL;
    return static_cast<std::size_t>(hash ^ hash >> 29U) % kEntries;
  }

  [[nodiscard]] std::string_view compute(std::string_view word) {
    const sb_symbol* stem =
        sb_stemmer_stem(stemmer_.get(), reinterpret_cast<const sb_symbol*>(word.data()), static_cast<int>(word.size()));
    if (stem == nullptr) throw std::bad_alloc();
    return {reinterpret_cast<const char*>(stem), static_cast<std::size_t>(sb_stemmer_length(stemmer_.get()))};
  }

  std::unique_ptr<sb_stemmer, StemmerDeleter> stemmer_;
  std::vector<Entry> entries_;
};

}  // namespace

std::string_view stem_english(std::string_view word) {
  thread_local CachedStemmer stemmer;
  return stemmer.stem(word);
}

}  // namespace nexus::search

#include "embed/fake_embedder.h"

#include "crypto/hash.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>

namespace nexus::embed {
namespace {

void add_word(std::string_view word, std::array<double, kFakeDimension>& vector) {
  const crypto::Digest hash = crypto::sha256(std::as_bytes(std::span(word)));
  const auto u8 = [&](std::size_t i) { return static_cast<std::uint32_t>(hash[i]); };
  const auto u32 = [&](std::size_t i) { return u8(i) << 24U | u8(i + 1) << 16U | u8(i + 2) << 8U | u8(i + 3); };
  const double magnitude = 0.2 + static_cast<double>(u32(6) % 1000) / 1000.0;
  vector[u32(0) % kFakeDimension] += (u8(5) % 2 == 0 ? magnitude : -magnitude);
}

[[nodiscard]] bool is_word_byte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

// Lower case of what can end up inside a word: ASCII, the Kelvin sign, and dotted capital I (whose dot ends the word).
[[nodiscard]] std::string lower_words(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (c >= 'A' && c <= 'Z') {
      out.push_back(static_cast<char>(c - 'A' + 'a'));
    } else if (text.substr(at, 3) == "\xE2\x84\xAA") {
      out.push_back('k');
      at += 2;
    } else if (text.substr(at, 2) == "\xC4\xB0") {
      out += "i ";
      at += 1;
    } else {
      out.push_back(c);
    }
  }
  return out;
}

}  // namespace

std::array<double, kFakeDimension> FakeEmbedder::embed_exact(std::string_view text) {
  std::array<double, kFakeDimension> vector{};
  const std::string lowered = lower_words(text);
  const std::string_view words = lowered;
  for (std::size_t at = 0; at < words.size();) {
    if (!is_word_byte(words[at])) {
      ++at;
      continue;
    }
    std::size_t end = at + 1;
    while (end < words.size() && is_word_byte(words[end])) ++end;
    add_word(words.substr(at, end - at), vector);
    at = end;
  }
  double sum = 0;
  for (const double x : vector) sum += x * x;
  const double norm = std::sqrt(sum);
  if (norm > 0) std::for_each(vector.begin(), vector.end(), [norm](double& x) { x /= norm; });
  return vector;
}

void FakeEmbedder::embed(std::string_view text, std::span<float> out) const {
  require_size(out.size(), 1);
  const auto exact = embed_exact(text);
  std::transform(exact.begin(), exact.end(), out.begin(), [](double x) { return static_cast<float>(x); });
}

}  // namespace nexus::embed

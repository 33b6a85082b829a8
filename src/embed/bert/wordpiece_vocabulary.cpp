#include "embed/bert/wordpiece_vocabulary.h"

#include <algorithm>
#include <bit>
#include <limits>
#include <stdexcept>

namespace nexus::embed::bert {
namespace {

static_assert(std::endian::native == std::endian::little, "TokenTable masks the last word from its low end");
constexpr std::size_t kMaxBytes = std::size_t{1} << 30U;

}  // namespace

TokenTable::TokenTable(std::span<const Token> tokens) {
  slots_.resize(std::bit_ceil(2 * tokens.size() + 1));
  mask_ = slots_.size() - 1;
  std::size_t total = 0;
  for (const Token& token : tokens) total += token.bytes.size();
  if (total > kMaxBytes) throw std::runtime_error("the vocabulary is too large");
  bytes_.reserve(total + kPadding);
  for (const Token& token : tokens) {
    if (token.bytes.empty()) continue;
    if (token.bytes.size() > std::numeric_limits<std::uint16_t>::max()) throw std::runtime_error("a token is too long");
    const Slot slot{token.id, static_cast<std::uint32_t>(bytes_.size()),
                    static_cast<std::uint32_t>(token.bytes.size())};
    bytes_.insert(bytes_.end(), token.bytes.begin(), token.bytes.end());
    bytes_.resize(bytes_.size() + kPadding);  // the hash may read them; the next token overwrites them
    std::size_t at = hash(bytes_.data() + slot.offset, slot.size);
    std::size_t probes = 0;
    for (; slots_[at & mask_].id != kNone; ++at)
      if (++probes > kMaxProbes) throw std::runtime_error("the vocabulary was made to be slow");
    slots_[at & mask_] = slot;
    bytes_.resize(bytes_.size() - kPadding);
    std::uint16_t& longest = longest_[static_cast<unsigned char>(token.bytes.front())];
    longest = std::max(longest, static_cast<std::uint16_t>(slot.size));
  }
  bytes_.resize(bytes_.size() + kPadding);
}

}  // namespace nexus::embed::bert

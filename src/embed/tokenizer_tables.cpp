#include "embed/tokenizer_tables.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <type_traits>

namespace nexus::embed {
namespace {

static_assert(std::endian::native == std::endian::little, "images are little-endian and read in place");

// Image: this header, then byte tokens, symbols, merge results, merge slots, each tightly packed.
struct ImageHeader {
  std::array<char, 4> magic;
  std::uint32_t version;
  crypto::Digest source;
  crypto::Digest payload;  // sum of everything after the header
  std::uint64_t vocabulary;
  std::uint64_t symbols;
  std::uint64_t merges;
  std::uint64_t slots;
};
constexpr std::array<char, 4> kMagic{'N', 'X', 'T', 'K'};
constexpr std::uint32_t kVersion = 1;
constexpr std::uint64_t kMaxCount = std::uint64_t{1} << 24U;

template <class T>
void put(std::vector<std::byte>& out, std::span<const T> values) {
  const auto bytes = std::as_bytes(values);
  out.insert(out.end(), bytes.begin(), bytes.end());
}

template <class T>
[[nodiscard]] std::vector<T> take(std::span<const std::byte>& in, std::size_t count) {
  static_assert(std::is_trivially_copyable_v<T>);
  std::vector<T> values(count);
  if (count > 0) std::memcpy(values.data(), in.data(), count * sizeof(T));
  in = in.subspan(count * sizeof(T));
  return values;
}

}  // namespace

std::size_t TokenizerTables::first_slot(std::uint32_t pair) const noexcept {
  return static_cast<std::size_t>((pair * 0x9E3779B97F4A7C15ULL) >> 32U) & (merge_slots_.size() - 1);
}

std::optional<TokenId> TokenizerTables::symbol(char32_t code_point) const noexcept {
  const auto at = std::lower_bound(symbols_.begin(), symbols_.end(), code_point,
                                   [](const Symbol& s, char32_t value) { return s.code_point < value; });
  if (at == symbols_.end() || at->code_point != code_point) return std::nullopt;
  return static_cast<TokenId>(at->id);
}

std::optional<Merge> TokenizerTables::merge(TokenId left, TokenId right) const noexcept {
  const std::uint32_t pair = std::uint32_t{left} << 16U | right;
  for (std::size_t i = first_slot(pair);; i = (i + 1) & (merge_slots_.size() - 1)) {
    const MergeSlot slot = merge_slots_[i];
    if (slot.rank == kEmpty) return std::nullopt;
    if (slot.pair == pair) return Merge{slot.rank, merge_results_[slot.rank]};
  }
}

void TokenizerTables::build_merge_slots(std::span<const std::uint32_t> pairs) {
  merge_slots_.assign(std::bit_ceil(std::max<std::size_t>(2, pairs.size() * 2)), {0, kEmpty});
  for (std::uint32_t rank = 0; rank < pairs.size(); ++rank) {
    std::size_t i = first_slot(pairs[rank]);
    while (merge_slots_[i].rank != kEmpty && merge_slots_[i].pair != pairs[rank])
      i = (i + 1) & (merge_slots_.size() - 1);
    if (merge_slots_[i].rank == kEmpty) merge_slots_[i] = {pairs[rank], rank};
  }
}

bool TokenizerTables::is_consistent() const noexcept {
  const auto known = [&](std::uint32_t id) { return id < vocabulary_size_; };
  std::size_t used = 0;
  for (const MergeSlot& slot : merge_slots_) {
    if (slot.rank == kEmpty) continue;
    ++used;
    if (slot.rank >= merge_results_.size() || !known(slot.pair >> 16U) || !known(slot.pair & 0xFFFFU)) return false;
  }
  return vocabulary_size_ <= 0xFFFF && std::has_single_bit(merge_slots_.size()) && used < merge_slots_.size() &&
         std::all_of(byte_tokens_.begin(), byte_tokens_.end(), known) &&
         std::all_of(merge_results_.begin(), merge_results_.end(), known) &&
         std::all_of(symbols_.begin(), symbols_.end(), [&](const Symbol& s) { return known(s.id); });
}

std::vector<std::byte> TokenizerTables::to_image(const crypto::Digest& source) const {
  std::vector<std::byte> payload;
  put(payload, std::span<const TokenId>(byte_tokens_));
  put(payload, std::span<const Symbol>(symbols_));
  put(payload, std::span<const TokenId>(merge_results_));
  put(payload, std::span<const MergeSlot>(merge_slots_));
  const ImageHeader header{kMagic,
                           kVersion,
                           source,
                           crypto::sha256(payload),
                           vocabulary_size_,
                           symbols_.size(),
                           merge_results_.size(),
                           merge_slots_.size()};
  std::vector<std::byte> image;
  image.reserve(sizeof(header) + payload.size());
  put(image, std::span<const ImageHeader>(&header, 1));
  image.insert(image.end(), payload.begin(), payload.end());
  return image;
}

std::optional<TokenizerTables> TokenizerTables::from_image(std::span<const std::byte> image,
                                                           const crypto::Digest& source) {
  ImageHeader header{};
  if (image.size() < sizeof(header)) return std::nullopt;
  std::memcpy(&header, image.data(), sizeof(header));
  std::span<const std::byte> payload = image.subspan(sizeof(header));
  if (header.magic != kMagic || header.version != kVersion || header.source != source) return std::nullopt;
  if (header.vocabulary > 0xFFFF || header.symbols > kMaxCount || header.merges > kMaxCount || header.slots > kMaxCount)
    return std::nullopt;
  const std::uint64_t expected = 256 * sizeof(TokenId) + header.symbols * sizeof(Symbol) +
                                 header.merges * sizeof(TokenId) + header.slots * sizeof(MergeSlot);
  if (payload.size() != expected || header.payload != crypto::sha256(payload)) return std::nullopt;
  TokenizerTables tables;
  tables.vocabulary_size_ = header.vocabulary;
  const auto byte_tokens = take<TokenId>(payload, 256);
  std::copy(byte_tokens.begin(), byte_tokens.end(), tables.byte_tokens_.begin());
  tables.symbols_ = take<Symbol>(payload, header.symbols);
  tables.merge_results_ = take<TokenId>(payload, header.merges);
  tables.merge_slots_ = take<MergeSlot>(payload, header.slots);
  if (!tables.is_consistent()) return std::nullopt;
  return tables;
}

}  // namespace nexus::embed

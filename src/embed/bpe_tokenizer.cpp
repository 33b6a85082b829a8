#include "embed/bpe_tokenizer.h"

#include "text/utf8.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

namespace nexus::embed {
namespace {

constexpr std::string_view kBlankSymbol = "\xE2\x96\x81";  // U+2581
constexpr std::array<std::string_view, 3> kLiterals{"<unk>", "<s>", "</s>"};

struct BpeSymbol {
  std::int32_t previous;
  std::int32_t next;
  TokenId id;
  bool alive;
};

struct BpeCandidate {
  std::uint32_t rank;
  std::int32_t at;
  TokenId left, right, result;
};

[[nodiscard]] bool merges_later(const BpeCandidate& a, const BpeCandidate& b) {
  return a.rank != b.rank ? a.rank > b.rank : a.at > b.at;
}

// Buffers of one merging thread; they grow to the longest piece it met.
struct BpeScratch {
  std::vector<BpeSymbol> symbols;
  std::vector<BpeCandidate> heap;
  std::string segment;
  std::string first_piece;
};

[[nodiscard]] BpeScratch& bpe_scratch() {
  thread_local BpeScratch scratch;
  return scratch;
}

}  // namespace

BpeTokenizer::BpeTokenizer(TokenizerTables tables, std::size_t cache_slots)
    : tables_(std::move(tables)), cache_(cache_slots) {}

void BpeTokenizer::encode(std::string_view text, std::vector<TokenId>& out) const {
  std::size_t begin = 0;
  for (std::size_t at = text.find('<'); at != std::string_view::npos; at = text.find('<', at)) {
    std::size_t matched = 0;
    for (std::size_t id = 0; id < kLiterals.size(); ++id) {
      if (text.substr(at, kLiterals[id].size()) != kLiterals[id]) continue;
      encode_segment(text.substr(begin, at - begin), out);
      out.push_back(static_cast<TokenId>(id));
      matched = kLiterals[id].size();
      begin = at + matched;
      break;
    }
    at += std::max<std::size_t>(1, matched);
  }
  encode_segment(text.substr(begin), out);
}

// Blanks stand for U+2581 from here on. No token has U+2581 behind another character, so a piece is a run of blanks and
// what follows it up to the next blank.
void BpeTokenizer::encode_segment(std::string_view segment, std::vector<TokenId>& out) const {
  if (segment.empty()) return;
  BpeScratch& scratch = bpe_scratch();
  if (segment.find(kBlankSymbol) != std::string_view::npos) {
    scratch.segment.clear();
    for (std::size_t begin = 0; begin < segment.size();) {
      const std::size_t symbol = std::min(segment.find(kBlankSymbol, begin), segment.size());
      scratch.segment.append(segment.substr(begin, symbol - begin));
      if (symbol < segment.size()) scratch.segment.push_back(' ');
      begin = symbol + kBlankSymbol.size();
    }
    segment = scratch.segment;
  }
  const auto piece_end = [&](std::size_t begin) {
    const std::size_t word = std::min(segment.find_first_not_of(' ', begin), segment.size());
    return std::min(segment.find(' ', word), segment.size());
  };
  std::size_t at = piece_end(0);
  scratch.first_piece.assign(1, ' ').append(segment.substr(0, at));
  encode_piece(scratch.first_piece, out);
  while (at < segment.size()) {
    const std::size_t end = piece_end(at);
    encode_piece(segment.substr(at, end - at), out);
    at = end;
  }
}

void BpeTokenizer::encode_piece(std::string_view piece, std::vector<TokenId>& out) const {
  if (const auto known = cache_.find(piece)) {
    out.insert(out.end(), known->begin(), known->end());
    return;
  }
  const std::size_t before = out.size();
  merge_piece(piece, out);
  cache_.insert(piece, std::span<const TokenId>(out).subspan(before));
}

void BpeTokenizer::merge_piece(std::string_view piece, std::vector<TokenId>& out) const {
  auto& symbols = bpe_scratch().symbols;
  auto& heap = bpe_scratch().heap;
  symbols.clear();
  heap.clear();
  const auto add = [&](TokenId id) {
    const auto at = static_cast<std::int32_t>(symbols.size());
    symbols.push_back({at - 1, at + 1, id, true});
  };
  for (std::size_t at = 0; at < piece.size();) {
    const text::CodePoint cp = text::decode(piece, at);
    const auto known = cp.valid ? tables_.symbol(cp.value == ' ' ? 0x2581 : cp.value) : std::nullopt;
    if (known) {
      add(*known);
    } else {
      for (std::size_t i = 0; i < cp.size; ++i) add(tables_.byte_token(static_cast<unsigned char>(piece[at + i])));
    }
    at += cp.size;
  }
  const auto count = static_cast<std::int32_t>(symbols.size());
  const auto symbol = [&](std::int32_t at) -> BpeSymbol& { return symbols[static_cast<std::size_t>(at)]; };
  const auto consider = [&](std::int32_t left) {
    if (left < 0 || symbol(left).next >= count) return;
    const TokenId a = symbol(left).id;
    const TokenId b = symbol(symbol(left).next).id;
    if (const auto merge = tables_.merge(a, b)) {
      heap.push_back({merge->rank, left, a, b, merge->result});
      std::push_heap(heap.begin(), heap.end(), merges_later);
    }
  };
  for (std::int32_t at = 0; at + 1 < count; ++at) consider(at);
  while (!heap.empty()) {
    std::pop_heap(heap.begin(), heap.end(), merges_later);
    const BpeCandidate best = heap.back();
    heap.pop_back();
    BpeSymbol& left = symbol(best.at);
    if (!left.alive || left.id != best.left || left.next >= count) continue;  // overtaken by an earlier merge
    BpeSymbol& right = symbol(left.next);
    if (right.id != best.right) continue;
    left.id = best.result;
    right.alive = false;
    left.next = right.next;
    if (left.next < count) symbol(left.next).previous = best.at;
    consider(left.previous);
    consider(best.at);
  }
  for (std::int32_t at = 0; at < count; at = symbol(at).next) out.push_back(symbol(at).id);
}

}  // namespace nexus::embed

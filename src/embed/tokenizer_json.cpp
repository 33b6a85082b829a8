#include "embed/tokenizer_tables.h"
#include "text/utf8.h"

#include <boost/json.hpp>

#include <algorithm>
#include <stdexcept>
#include <string>
#include <unordered_map>

namespace nexus::embed {
namespace {

using Vocabulary = std::unordered_map<std::string_view, TokenId>;

[[noreturn]] void bad_tokenizer(std::string_view why) {
  throw std::runtime_error("not a usable tokenizer file: " + std::string(why));
}

[[nodiscard]] const boost::json::object& model_of(const boost::json::value& root) {
  const boost::json::value* model = root.is_object() ? root.get_object().if_contains("model") : nullptr;
  if (model == nullptr || !model->is_object()) bad_tokenizer("no model");
  return model->get_object();
}

[[nodiscard]] Vocabulary read_vocabulary(const boost::json::object& model) {
  const boost::json::value* listed = model.if_contains("vocab");
  if (listed == nullptr || !listed->is_object()) bad_tokenizer("no vocabulary");
  const boost::json::object& entries = listed->get_object();
  if (entries.size() > 0xFFFF) bad_tokenizer("more than 65,535 tokens");
  Vocabulary vocabulary(entries.size() * 2);
  for (const auto& entry : entries) {
    boost::json::error_code failed;
    const auto id = entry.value().to_number<std::uint64_t>(failed);
    if (failed || id >= entries.size()) bad_tokenizer("token ids are not 0..n-1");
    vocabulary.emplace(std::string_view(entry.key()), static_cast<TokenId>(id));
  }
  return vocabulary;
}

[[nodiscard]] TokenId id_of(const Vocabulary& vocabulary, std::string_view token) {
  const auto found = vocabulary.find(token);
  if (found == vocabulary.end()) bad_tokenizer("a merge or byte is not in the vocabulary");
  return found->second;
}

// "left right", or, in newer files, ["left", "right"].
[[nodiscard]] std::pair<std::string_view, std::string_view> merge_parts(const boost::json::value& merge) {
  if (merge.is_string()) {
    const std::string_view both(merge.get_string());
    const std::size_t blank = both.find(' ');
    if (blank != std::string_view::npos) return {both.substr(0, blank), both.substr(blank + 1)};
  } else if (merge.is_array() && merge.get_array().size() == 2) {
    const boost::json::array& pair = merge.get_array();
    if (pair[0].is_string() && pair[1].is_string())
      return {std::string_view(pair[0].get_string()), std::string_view(pair[1].get_string())};
  }
  bad_tokenizer("a merge is not a pair");
}

[[nodiscard]] std::string byte_name(unsigned byte) {
  static constexpr std::string_view kDigits = "0123456789ABCDEF";
  return {'<', '0', 'x', kDigits[byte >> 4U], kDigits[byte & 15U], '>'};
}

}  // namespace

TokenizerTables TokenizerTables::from_json(std::string_view json) {
  boost::json::monotonic_resource arena(json.size() * 2);
  boost::json::parse_options options;
  options.max_depth = 16;
  boost::json::error_code failed;
  const boost::json::value root = boost::json::parse(json, failed, &arena, options);
  if (failed) bad_tokenizer("invalid JSON");
  const boost::json::object& model = model_of(root);
  const Vocabulary vocabulary = read_vocabulary(model);
  const boost::json::value* merges = model.if_contains("merges");
  if (merges == nullptr || !merges->is_array()) bad_tokenizer("no merges");
  if (merges->get_array().size() > (std::size_t{1} << 22U)) bad_tokenizer("too many merges");

  TokenizerTables tables;
  tables.vocabulary_size_ = vocabulary.size();
  for (unsigned byte = 0; byte < 256; ++byte) tables.byte_tokens_[byte] = id_of(vocabulary, byte_name(byte));
  for (const auto& [token, id] : vocabulary) {
    if (token.empty()) continue;
    const text::CodePoint first = text::decode(token, 0);
    if (first.valid && first.size == token.size()) tables.symbols_.push_back({first.value, id});
  }
  std::sort(tables.symbols_.begin(), tables.symbols_.end(),
            [](const Symbol& a, const Symbol& b) { return a.code_point < b.code_point; });
  std::vector<std::uint32_t> pairs;
  pairs.reserve(merges->get_array().size());
  std::string joined;
  for (const boost::json::value& merge : merges->get_array()) {
    const auto [left, right] = merge_parts(merge);
    joined.assign(left).append(right);
    pairs.push_back(std::uint32_t{id_of(vocabulary, left)} << 16U | id_of(vocabulary, right));
    tables.merge_results_.push_back(id_of(vocabulary, joined));
  }
  tables.build_merge_slots(pairs);
  return tables;
}

}  // namespace nexus::embed

#include "embed/bert/wordpiece_json.h"

#include "text/utf8.h"

#include <boost/json.hpp>

#include <algorithm>
#include <optional>
#include <stdexcept>
#include <string>

namespace nexus::embed::bert {
namespace {

namespace bj = boost::json;

constexpr std::size_t kLongestQuote = 64;

[[noreturn]] void refuse_tokenizer(const std::string& why) {
  throw std::runtime_error("not a usable BERT tokenizer: " + why);
}

[[nodiscard]] std::string quoted(std::string_view text) {
  return '"' + text::drop_invalid(text.substr(0, kLongestQuote)) + (text.size() > kLongestQuote ? "…\"" : "\"");
}

[[nodiscard]] const bj::object& object_at(const bj::object& from, std::string_view name) {
  const bj::value* const found = from.if_contains(name);
  if (found == nullptr || !found->is_object()) refuse_tokenizer("it has no object " + quoted(name));
  return found->get_object();
}

[[nodiscard]] const bj::array& array_at(const bj::object& from, std::string_view name) {
  const bj::value* const found = from.if_contains(name);
  if (found == nullptr || !found->is_array()) refuse_tokenizer("it has no list " + quoted(name));
  return found->get_array();
}

[[nodiscard]] std::string_view text_at(const bj::object& from, std::string_view name) {
  const bj::value* const found = from.if_contains(name);
  if (found == nullptr || !found->is_string()) refuse_tokenizer("it has no text " + quoted(name));
  return found->get_string();
}

[[nodiscard]] bool flag_at(const bj::object& from, std::string_view name) {
  const bj::value* const found = from.if_contains(name);
  if (found == nullptr || !found->is_bool()) refuse_tokenizer("it has no flag " + quoted(name));
  return found->get_bool();
}

// A whole number from `least` to `most`.
[[nodiscard]] std::size_t number_of(const bj::value& value, std::size_t least, std::size_t most,
                                    std::string_view what) {
  bj::error_code failed;
  const auto number = value.to_number<std::uint64_t>(failed);
  if (failed || number < least || number > most)
    refuse_tokenizer(std::string(what) + " is not a number from " + std::to_string(least) + " to " +
                     std::to_string(most));
  return static_cast<std::size_t>(number);
}

void expect_type(const bj::object& part, std::string_view part_name, std::string_view type) {
  const std::string_view its = text_at(part, "type");
  if (its != type) refuse_tokenizer(std::string(part_name) + " is " + quoted(its) + ", not " + quoted(type));
}

[[nodiscard]] std::vector<std::string> read_vocabulary(const bj::object& model) {
  const bj::object& listed = object_at(model, "vocab");
  if (listed.empty()) refuse_tokenizer("the vocabulary is empty");
  if (listed.size() > kMaxVocabulary)
    refuse_tokenizer("the vocabulary has more than " + std::to_string(kMaxVocabulary) + " tokens");
  std::vector<std::string> tokens(listed.size());
  std::vector<bool> taken(listed.size());
  for (const auto& entry : listed) {
    const std::size_t id = number_of(entry.value(), 0, listed.size() - 1, "the id of a token");
    if (taken[id]) refuse_tokenizer("two tokens have the id " + std::to_string(id));
    taken[id] = true;
    tokens[id] = std::string_view(entry.key());
  }
  return tokens;
}

[[nodiscard]] NormalizerFlags read_normalizer(const bj::object& root) {
  const bj::object& normalizer = object_at(root, "normalizer");
  expect_type(normalizer, "the normalizer", "BertNormalizer");
  NormalizerFlags flags;
  flags.clean_text = flag_at(normalizer, "clean_text");
  flags.handle_chinese_chars = flag_at(normalizer, "handle_chinese_chars");
  flags.lowercase = flag_at(normalizer, "lowercase");
  const bj::value* const accents = normalizer.if_contains("strip_accents");
  if (accents != nullptr && !accents->is_null()) flags.strip_accents = flag_at(normalizer, "strip_accents");
  return flags;
}

// Ids of tokens by what they say, checked against what the file claims elsewhere.
class Lookup {
 public:
  explicit Lookup(const bj::object& model) : vocabulary_(object_at(model, "vocab")) {}

  [[nodiscard]] std::optional<std::int32_t> find(std::string_view token) const {
    const bj::value* const found = vocabulary_.if_contains(token);
    if (found == nullptr) return std::nullopt;
    return static_cast<std::int32_t>(number_of(*found, 0, kMaxVocabulary, "the id of a token"));
  }
  [[nodiscard]] std::int32_t id(std::string_view token) const {
    const auto found = find(token);
    if (!found) refuse_tokenizer(quoted(token) + " is not in the vocabulary");
    return *found;
  }
  void expect(std::string_view token, const bj::value* claimed) const {
    const std::int32_t its = id(token);
    if (claimed == nullptr ||
        number_of(*claimed, 0, kMaxVocabulary, "the id of a special token") != static_cast<std::size_t>(its))
      refuse_tokenizer(quoted(token) + " has two ids");
  }

 private:
  const bj::object& vocabulary_;
};

void check_added_tokens(const bj::object& root, const Lookup& lookup) {
  for (const bj::value& added : array_at(root, "added_tokens")) {
    if (!added.is_object()) refuse_tokenizer("an added token is not an object");
    const bj::object& token = added.get_object();
    const std::string_view content = text_at(token, "content");
    if (!flag_at(token, "special")) refuse_tokenizer("the added token " + quoted(content) + " is not special");
    lookup.expect(content, token.if_contains("id"));
  }
}

struct Frame {
  std::int32_t cls, sep;
};

// {"type": "BertProcessing", "sep": ["[SEP]", 102], "cls": ["[CLS]", 101]}
[[nodiscard]] Frame read_bert_processing(const bj::object& processor, const Lookup& lookup) {
  const auto id_of = [&](std::string_view name) {
    const bj::array& pair = array_at(processor, name);
    if (pair.size() != 2 || !pair[0].is_string()) refuse_tokenizer(quoted(name) + " is not a token with its id");
    lookup.expect(pair[0].get_string(), &pair[1]);
    return lookup.id(pair[0].get_string());
  };
  return {id_of("cls"), id_of("sep")};
}

[[nodiscard]] const bj::object& template_part(const bj::value& piece, std::string_view kind) {
  if (!piece.is_object()) refuse_tokenizer("a part of the template is not an object");
  return object_at(piece.get_object(), kind);
}

// {"type": "TemplateProcessing", "single": [special, sequence, special], "special_tokens": {"[CLS]": {"ids": [101]}}}
[[nodiscard]] Frame read_template(const bj::object& processor, const Lookup& lookup) {
  const bj::array& single = array_at(processor, "single");
  if (single.size() != 3) refuse_tokenizer("the template is not a token, the text and a token");
  (void)template_part(single[1], "Sequence");
  const bj::object& listed = object_at(processor, "special_tokens");
  const auto id_of = [&](const bj::value& piece) {
    const std::string_view name = text_at(template_part(piece, "SpecialToken"), "id");
    const bj::array& ids = array_at(object_at(listed, name), "ids");
    if (ids.size() != 1) refuse_tokenizer(quoted(name) + " is more than one token");
    lookup.expect(name, ids.data());
    return lookup.id(name);
  };
  return {id_of(single[0]), id_of(single[2])};
}

[[nodiscard]] Frame read_post_processor(const bj::object& root, const Lookup& lookup) {
  const bj::object& processor = object_at(root, "post_processor");
  const std::string_view type = text_at(processor, "type");
  if (type == "BertProcessing") return read_bert_processing(processor, lookup);
  if (type == "TemplateProcessing") return read_template(processor, lookup);
  refuse_tokenizer("the post-processor is " + quoted(type));
}

[[nodiscard]] std::int32_t pad_id(const bj::object& root, const Lookup& lookup, std::int32_t otherwise) {
  const bj::value* const padding = root.if_contains("padding");
  if (padding != nullptr && padding->is_object()) {
    const std::string_view token = text_at(padding->get_object(), "pad_token");
    lookup.expect(token, padding->get_object().if_contains("pad_id"));
    return lookup.id(token);
  }
  return lookup.find("[PAD]").value_or(otherwise);
}

}  // namespace

WordPieceConfig read_wordpiece_json(std::string_view json) {
  if (json.size() > kMaxTokenizerFile) refuse_tokenizer("the file is larger than 16 MiB");
  bj::monotonic_resource arena(json.size() * 2 + 1024);
  bj::parse_options options;
  options.max_depth = 16;
  bj::error_code failed;
  const bj::value parsed = bj::parse(json, failed, &arena, options);
  if (failed || !parsed.is_object()) refuse_tokenizer("it is not a JSON object");
  const bj::object& root = parsed.get_object();
  const bj::object& model = object_at(root, "model");
  expect_type(model, "the model", "WordPiece");
  expect_type(object_at(root, "pre_tokenizer"), "the pre-tokenizer", "BertPreTokenizer");

  WordPieceConfig config;
  config.normalizer = read_normalizer(root);
  config.tokens = read_vocabulary(model);
  config.continuing_prefix = text_at(model, "continuing_subword_prefix");
  const bj::value* const chars = model.if_contains("max_input_chars_per_word");
  if (chars == nullptr) refuse_tokenizer("it has no number \"max_input_chars_per_word\"");
  config.max_word_chars = number_of(*chars, 1, kMaxWordChars, "max_input_chars_per_word");

  const Lookup lookup(model);
  check_added_tokens(root, lookup);
  const Frame frame = read_post_processor(root, lookup);
  config.special.cls = frame.cls;
  config.special.sep = frame.sep;
  config.special.unknown = lookup.id(text_at(model, "unk_token"));
  config.special.pad = pad_id(root, lookup, config.special.unknown);
  return config;
}

}  // namespace nexus::embed::bert

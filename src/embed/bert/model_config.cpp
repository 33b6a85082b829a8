#include "embed/bert/model_config.h"

#include <boost/json.hpp>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <fstream>
#include <optional>
#include <stdexcept>
#include <string_view>
#include <system_error>
#include <vector>

namespace nexus::embed::bert {
namespace {

constexpr std::uintmax_t kMaxConfigBytes = std::uintmax_t{1} << 20U;
constexpr std::size_t kMaxPrefix = 500;
constexpr std::size_t kMaxName = 100;

[[noreturn]] void refuse(const std::string& why) {
  throw std::runtime_error("not a usable encoder: " + why);
}

[[nodiscard]] std::optional<boost::json::value> read_json(const std::filesystem::path& path) {
  std::error_code failed;
  const std::uintmax_t size = std::filesystem::file_size(path, failed);
  if (failed) return std::nullopt;
  if (size > kMaxConfigBytes) refuse(path.filename().string() + " is larger than 1 MiB");
  std::ifstream file(path, std::ios::binary);
  std::string text(static_cast<std::size_t>(size), '\0');
  if (!file.read(text.data(), static_cast<std::streamsize>(text.size())))
    refuse(path.filename().string() + " cannot be read");
  boost::json::error_code bad;
  boost::json::parse_options options;
  options.max_depth = 16;
  boost::json::value value = boost::json::parse(text, bad, {}, options);
  if (bad) refuse(path.filename().string() + " is not JSON");
  return value;
}

// The members of one JSON object; an absent file has none.
class Members {
 public:
  explicit Members(const std::filesystem::path& path) : file_(path.filename().string()), json_(read_json(path)) {
    if (json_ && !json_->is_object()) refuse(file_ + " is not a JSON object");
  }

  [[nodiscard]] bool present() const { return json_.has_value(); }

  [[nodiscard]] std::optional<std::string> text(std::string_view key) const {
    const boost::json::value* found = find(key);
    if (found == nullptr) return std::nullopt;
    if (!found->is_string()) wrong(key, "a string");
    return std::string(found->get_string());
  }

  [[nodiscard]] std::optional<bool> flag(std::string_view key) const {
    const boost::json::value* found = find(key);
    if (found == nullptr) return std::nullopt;
    if (!found->is_bool()) wrong(key, "true or false");
    return found->get_bool();
  }

  [[nodiscard]] std::optional<double> number(std::string_view key) const {
    const boost::json::value* found = find(key);
    if (found == nullptr) return std::nullopt;
    if (!found->is_number()) wrong(key, "a number");
    return found->to_number<double>();
  }

  [[nodiscard]] std::optional<std::uint32_t> count(std::string_view key) const {
    const std::optional<double> value = number(key);
    if (!value) return std::nullopt;
    if (!(*value >= 0 && *value <= 1e9) || *value != std::floor(*value)) wrong(key, "a natural number");
    return static_cast<std::uint32_t>(*value);
  }

  [[nodiscard]] std::uint32_t needed_count(std::string_view key) const {
    const std::optional<std::uint32_t> value = count(key);
    if (!value) refuse(file_ + " has no " + std::string(key));
    return *value;
  }

  [[nodiscard]] const boost::json::object* object(std::string_view key) const {
    const boost::json::value* found = find(key);
    if (found == nullptr) return nullptr;
    if (!found->is_object()) wrong(key, "an object");
    return &found->get_object();
  }

 private:
  [[nodiscard]] const boost::json::value* find(std::string_view key) const {
    if (!json_) return nullptr;
    const boost::json::value* found = json_->get_object().if_contains(key);
    return found == nullptr || found->is_null() ? nullptr : found;
  }

  [[noreturn]] void wrong(std::string_view key, std::string_view kind) const {
    refuse(std::string(key) + " in " + file_ + " is not " + std::string(kind));
  }

  std::string file_;
  std::optional<boost::json::value> json_;
};

[[nodiscard]] ModelShape read_shape(const std::filesystem::path& folder, std::string& upstream_name) {
  const Members config(folder / "config.json");
  if (!config.present()) refuse("config.json is missing");
  const std::string type = config.text("model_type").value_or("");
  if (type != "bert") refuse("its model_type is \"" + type + "\", only \"bert\" is supported");
  const std::string act = config.text("hidden_act").value_or("gelu");
  if (act != "gelu") refuse("its hidden_act is \"" + act + "\", only \"gelu\" is supported");
  const std::string positions = config.text("position_embedding_type").value_or("absolute");
  if (positions != "absolute") refuse("its position_embedding_type is \"" + positions + "\", not \"absolute\"");
  if (config.flag("is_decoder").value_or(false)) refuse("it is a decoder");
  upstream_name = config.text("_name_or_path").value_or("");
  ModelShape shape;
  shape.vocabulary = config.needed_count("vocab_size");
  shape.hidden = config.needed_count("hidden_size");
  shape.layers = config.needed_count("num_hidden_layers");
  shape.heads = config.needed_count("num_attention_heads");
  shape.intermediate = config.needed_count("intermediate_size");
  shape.positions = config.needed_count("max_position_embeddings");
  shape.epsilon = static_cast<float>(config.number("layer_norm_eps").value_or(1e-12));
  check_shape(shape);
  return shape;
}

// multilingual-e5-small calls itself "bert" and yet cuts text with SentencePiece.
void check_tokenizer(const std::filesystem::path& folder) {
  for (const char* file : {"tokenizer_config.json", "config.json"}) {
    const std::optional<std::string> name = Members(folder / file).text("tokenizer_class");
    if (name && *name != "BertTokenizer" && *name != "BertTokenizerFast")
      refuse("its tokenizer is a " + *name + ", only BertTokenizer (WordPiece) is supported");
  }
}

struct Modules {
  std::filesystem::path pooling;  // folder of its config.json
  bool normalise = false;
};

[[nodiscard]] Modules read_modules(const std::filesystem::path& folder) {
  const std::optional<boost::json::value> json = read_json(folder / "modules.json");
  if (!json) refuse("modules.json is missing: this is no sentence-transformers folder");
  if (!json->is_array() || json->get_array().size() > 8) refuse("modules.json is not a list of at most 8 modules");
  Modules modules;
  std::vector<std::string> kinds;
  for (const boost::json::value& entry : json->get_array()) {
    const boost::json::object* module = entry.if_object();
    const boost::json::value* type = module != nullptr ? module->if_contains("type") : nullptr;
    const boost::json::value* path = module != nullptr ? module->if_contains("path") : nullptr;
    if (type == nullptr || !type->is_string()) refuse("a module in modules.json has no type");
    const std::string name(type->get_string());
    kinds.push_back(name.substr(name.rfind('.') + 1));
    const std::string where = path != nullptr && path->is_string() ? std::string(path->get_string()) : std::string();
    if (where.find('/') != std::string::npos || where == "..") refuse("a module in modules.json is outside the folder");
    if (kinds.back() == "Transformer" && !where.empty()) refuse("its Transformer is not in the folder itself");
    if (kinds.back() == "Pooling") modules.pooling = folder / where;
    if (kinds.back() == "Normalize") modules.normalise = true;
  }
  const std::vector<std::string> wanted{"Transformer", "Pooling", "Normalize"};
  for (const std::string& kind : kinds)
    if (std::find(wanted.begin(), wanted.end(), kind) == wanted.end())
      refuse("it has a module of type " + kind + ", only Transformer, Pooling and Normalize are supported");
  if (kinds.size() < 2 || kinds.size() > 3 || !std::equal(kinds.begin(), kinds.end(), wanted.begin()))
    refuse("its modules are not Transformer, Pooling and perhaps Normalize, in this order");
  return modules;
}

[[nodiscard]] Pooling read_pooling(const std::filesystem::path& folder, std::uint32_t hidden) {
  const Members config(folder / "config.json");
  if (!config.present()) refuse("the configuration of its pooling is missing");
  if (config.count("word_embedding_dimension").value_or(hidden) != hidden)
    refuse("its pooling is of another width than its encoder");
  const bool mean = config.flag("pooling_mode_mean_tokens").value_or(false);
  const bool cls = config.flag("pooling_mode_cls_token").value_or(false);
  for (const char* other : {"pooling_mode_max_tokens", "pooling_mode_mean_sqrt_len_tokens",
                            "pooling_mode_weightedmean_tokens", "pooling_mode_lasttoken"})
    if (config.flag(other).value_or(false)) refuse("its pooling uses " + std::string(other));
  if (mean == cls) refuse("its pooling is neither the mean of the tokens nor the [CLS] token alone");
  return mean ? Pooling::kMean : Pooling::kCls;
}

[[nodiscard]] std::string prompt(const boost::json::object& prompts, std::initializer_list<std::string_view> names) {
  for (const std::string_view name : names) {
    const boost::json::value* found = prompts.if_contains(name);
    if (found != nullptr && found->is_string()) return std::string(found->get_string());
  }
  return {};
}

// The prefixes that the authors of these models give in their model cards.
void set_known_prefixes(std::string_view name, ModelConfig& config) {
  std::string lower(name);
  std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) { return std::tolower(c); });
  if (lower.starts_with("e5-")) {
    config.query_prefix = "query: ";
    config.document_prefix = "passage: ";
  } else if (lower.starts_with("bge-") && lower.find("-en") != std::string::npos) {
    config.query_prefix = "Represent this sentence for searching relevant passages: ";
  }
}

void read_prefixes(const std::filesystem::path& folder, std::string_view upstream_name, ModelConfig& config) {
  const Members file(folder / "config_sentence_transformers.json");
  if (const boost::json::object* prompts = file.object("prompts"); prompts != nullptr) {
    config.query_prefix = prompt(*prompts, {"query"});
    config.document_prefix = prompt(*prompts, {"document", "passage"});
    if (!config.query_prefix.empty() || !config.document_prefix.empty()) return;
  }
  set_known_prefixes(config.name, config);
  if (config.query_prefix.empty()) set_known_prefixes(upstream_name.substr(upstream_name.rfind('/') + 1), config);
}

void bound(std::string_view what, std::uint32_t value, std::uint32_t least, std::uint32_t most) {
  if (value < least || value > most)
    refuse(std::string(what) + " is " + std::to_string(value) + ", it must lie between " + std::to_string(least) +
           " and " + std::to_string(most));
}

}  // namespace

void check_shape(const ModelShape& shape) {
  bound("its vocabulary", shape.vocabulary, 4, 262'144);
  bound("its width", shape.hidden, 64, 1024);
  bound("its number of layers", shape.layers, 1, 24);
  bound("its number of heads", shape.heads, 1, 64);
  bound("its inner width", shape.intermediate, 64, 4096);
  bound("its number of positions", shape.positions, 2, 2048);
  if (shape.hidden % 64 != 0 || shape.intermediate % 64 != 0) refuse("its widths are not multiples of 64");
  if (shape.hidden % shape.heads != 0 || shape.head_width() % 16 != 0 || shape.head_width() > 128)
    refuse("its heads are not 16 to 128 wide in steps of 16");
  if (!(shape.epsilon > 0 && shape.epsilon < 1e-2F)) refuse("its layer_norm_eps is not between 0 and 0.01");
}

void check_config(const ModelConfig& config) {
  check_shape(config.shape);
  bound("its longest text", config.max_tokens, 2, config.shape.positions);
  if (config.pooling != Pooling::kMean && config.pooling != Pooling::kCls) refuse("its pooling is unknown");
  if (config.name.empty() || config.name.size() > kMaxName) refuse("its name is not 1 to 100 bytes long");
  if (config.query_prefix.size() > kMaxPrefix || config.document_prefix.size() > kMaxPrefix)
    refuse("a prefix is longer than 500 bytes");
}

ModelConfig read_model_config(const std::filesystem::path& folder) {
  ModelConfig config;
  const std::filesystem::path whole = std::filesystem::absolute(folder).lexically_normal();
  config.name = (whole.has_filename() ? whole : whole.parent_path()).filename().string();
  std::string upstream_name;
  config.shape = read_shape(folder, upstream_name);
  check_tokenizer(folder);
  const Modules modules = read_modules(folder);
  config.normalise = modules.normalise;
  config.pooling = read_pooling(modules.pooling, config.shape.hidden);
  const std::uint32_t longest = Members(folder / "sentence_bert_config.json").count("max_seq_length").value_or(512);
  config.max_tokens = std::min(longest, config.shape.positions);
  read_prefixes(folder, upstream_name, config);
  check_config(config);
  return config;
}

}  // namespace nexus::embed::bert

// What a sentence-transformers folder says about its encoder, and whether it is one that this room can run.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace nexus::embed::bert {

struct ModelShape {
  std::uint32_t vocabulary = 0;
  std::uint32_t hidden = 0;  // width of a token's row; a multiple of 64
  std::uint32_t layers = 0;
  std::uint32_t heads = 0;         // hidden / heads is a multiple of 16
  std::uint32_t intermediate = 0;  // width inside the feed-forward block; a multiple of 64
  std::uint32_t positions = 0;     // longest text the position table knows
  float epsilon = 1e-12F;          // of every layer normalisation

  [[nodiscard]] std::uint32_t head_width() const noexcept { return hidden / heads; }
  friend bool operator==(const ModelShape&, const ModelShape&) = default;
};

enum class Pooling : std::uint32_t { kMean = 1, kCls = 2 };

struct ModelConfig {
  std::string name;  // 1 to 100 bytes: the folder's name
  ModelShape shape;
  std::uint32_t max_tokens = 0;  // of one text, [CLS] and [SEP] included; ≤ shape.positions
  Pooling pooling = Pooling::kMean;
  bool normalise = true;  // the model itself ends in a normalisation; our vectors are unit vectors either way
  std::string query_prefix;
  std::string document_prefix;
};

// Throws std::runtime_error naming the size that is out of bounds. What passes cannot make a buffer of the forward
// pass larger than a few hundred megabytes, nor a sum of its products overflow 32 bits.
void check_shape(const ModelShape& shape);
// check_shape() and the lengths of name and prefixes (500 bytes each) and max_tokens.
void check_config(const ModelConfig& config);

// Reads config.json, modules.json and what they point to: N_Pooling/config.json, sentence_bert_config.json,
// config_sentence_transformers.json, tokenizer_config.json (the last three may be absent). Prefixes come from the
// folder's own prompts; older bge and e5 folders state none, so theirs are known here by the model's name.
// Throws std::runtime_error with the reason when the folder is not a BERT encoder with mean or [CLS] pooling.
[[nodiscard]] ModelConfig read_model_config(const std::filesystem::path& folder);

}  // namespace nexus::embed::bert

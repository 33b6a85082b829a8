#include "embed/bert/converter.h"

#include "embed/bert/converted_model.h"
#include "embed/bert/forward.h"
#include "embed/bert/source_tensors.h"
#include "embed/mapped_file.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <stdexcept>
#include <string>

namespace nexus::embed::bert {
namespace {

constexpr std::size_t kRandomTexts = 64;
constexpr std::size_t kRandomTextTokens = 64;

// Largest magnitude of each input channel, by layer; empty before the first pass over the calibration texts.
struct ChannelRanges {
  std::vector<std::vector<float>> qkv;
  std::vector<std::vector<float>> up;
};

class RangeCollector final : public InputObserver {
 public:
  explicit RangeCollector(const ModelShape& shape) {
    ranges_.qkv.assign(shape.layers, std::vector<float>(shape.hidden, 0));
    ranges_.up = ranges_.qkv;
  }

  void see(std::size_t layer, Site site, const float* rows, std::size_t count, std::size_t width) override {
    if (site != Site::kQkv && site != Site::kUp) return;
    std::vector<float>& ranges = site == Site::kQkv ? ranges_.qkv[layer] : ranges_.up[layer];
    for (std::size_t r = 0; r < count; ++r)
      for (std::size_t i = 0; i < width; ++i) ranges[i] = std::max(ranges[i], std::fabs(rows[r * width + i]));
  }

  [[nodiscard]] const ChannelRanges& ranges() const { return ranges_; }

 private:
  ChannelRanges ranges_;
};

struct Matrix {
  std::vector<float> weights;  // [outputs][inputs]
  std::vector<float> bias;     // [outputs]
};

// Weights views with which the converter fills the image that they point into.
template <typename T>
[[nodiscard]] T* writable(const T* section) {
  return const_cast<T*>(section);  // the image itself is not const, only the views that readers use
}

void put(const float* section, const std::vector<float>& numbers) {
  std::copy(numbers.begin(), numbers.end(), writable(section));
}

// One row to eight bits; gives its scale.
float round_row(const float* row, std::size_t width, std::int8_t* rounded) {
  float largest = 0;
  for (std::size_t i = 0; i < width; ++i) largest = std::max(largest, std::fabs(row[i]));
  const float scale = std::max(largest / 127.0F, 1e-12F);
  for (std::size_t i = 0; i < width; ++i)
    rounded[i] = static_cast<std::int8_t>(std::clamp(std::nearbyint(row[i] / scale), -127.0F, 127.0F));
  return scale;
}

// The place of weight (output, input) in the order that Linear describes.
[[nodiscard]] std::size_t packed_place(std::size_t output, std::size_t input, std::size_t inputs) {
  return output / 16 * 16 * inputs + input / 4 * 64 + output % 16 * 4 + input % 4;
}

void put_linear(const Linear& to, const Matrix& from) {
  std::vector<std::int8_t> rounded(to.inputs);
  for (std::size_t o = 0; o < to.outputs; ++o) {
    const float scale = round_row(from.weights.data() + o * to.inputs, to.inputs, rounded.data());
    std::int32_t sum = 0;
    for (std::size_t i = 0; i < to.inputs; ++i) {
      sum += rounded[i];
      writable(to.weights)[packed_place(o, i, to.inputs)] = rounded[i];
    }
    writable(to.scale)[o] = scale;
    writable(to.sum)[o] = scale * static_cast<float>(sum);
  }
  put(to.bias, from.bias);
}

// Moves size from the inputs' channels into the weights' columns; gives the factors for the inputs.
[[nodiscard]] std::vector<float> balance(Matrix& matrix, const std::vector<float>& input_ranges) {
  const std::size_t inputs = input_ranges.size();
  std::vector<float> weight_ranges(inputs, 0);
  for (std::size_t at = 0; at < matrix.weights.size(); ++at)
    weight_ranges[at % inputs] = std::max(weight_ranges[at % inputs], std::fabs(matrix.weights[at]));
  std::vector<float> factors(inputs);
  for (std::size_t i = 0; i < inputs; ++i)
    factors[i] = std::sqrt(std::max(weight_ranges[i], 1e-3F)) / std::sqrt(std::max(input_ranges[i], 1e-3F));
  for (std::size_t at = 0; at < matrix.weights.size(); ++at) matrix.weights[at] /= factors[at % inputs];
  return factors;
}

class ImageWriter {
 public:
  ImageWriter(const ModelShape& shape, const SourceTensors& tensors, const Weights& image, const ChannelRanges& ranges)
      : shape_(shape), tensors_(tensors), image_(image), ranges_(ranges) {}

  void write() const {
    write_embeddings();
    for (std::uint32_t i = 0; i < shape_.layers; ++i) write_layer(i);
  }

 private:
  void write_embeddings() const {
    const std::size_t hidden = shape_.hidden;
    const std::vector<float> words = tensors_.matrix("embeddings.word_embeddings.weight", shape_.vocabulary, hidden);
    for (std::size_t id = 0; id < shape_.vocabulary; ++id)
      writable(image_.word_scale)[id] =
          round_row(words.data() + id * hidden, hidden, writable(image_.words) + id * hidden);
    std::vector<float> positions = tensors_.matrix("embeddings.position_embeddings.weight", shape_.positions, hidden);
    const std::vector<float> types = tensors_.matrix("embeddings.token_type_embeddings.weight", 2, hidden);
    for (std::size_t at = 0; at < positions.size(); ++at) positions[at] += types[at % hidden];
    put(image_.positions, positions);
    put(image_.embedding_norm, norm("embeddings.LayerNorm"));
  }

  void write_layer(std::uint32_t index) const {
    const std::string name = "encoder.layer." + std::to_string(index) + ".";
    const LayerWeights& layer = image_.layers[index];
    const std::size_t hidden = shape_.hidden;
    Matrix qkv = queries_keys_values(name + "attention.self.");
    put(layer.qkv_factors, ranges_.qkv.empty() ? ones() : balance(qkv, ranges_.qkv[index]));
    put_linear(layer.qkv, with_query_scale(std::move(qkv)));
    put_linear(layer.output, dense(name + "attention.output.dense", hidden, hidden));
    put(layer.attention_norm, norm(name + "attention.output.LayerNorm"));
    Matrix up = dense(name + "intermediate.dense", shape_.intermediate, hidden);
    put(layer.up_factors, ranges_.up.empty() ? ones() : balance(up, ranges_.up[index]));
    put_linear(layer.up, up);
    put_linear(layer.down, dense(name + "output.dense", hidden, shape_.intermediate));
    put(layer.output_norm, norm(name + "output.LayerNorm"));
  }

  [[nodiscard]] Matrix dense(const std::string& name, std::size_t outputs, std::size_t inputs) const {
    return {tensors_.matrix(name + ".weight", outputs, inputs), tensors_.vector(name + ".bias", outputs)};
  }

  [[nodiscard]] Matrix queries_keys_values(const std::string& name) const {
    Matrix all;
    for (const char* part : {"query", "key", "value"}) {
      const Matrix one = dense(name + part, shape_.hidden, shape_.hidden);
      all.weights.insert(all.weights.end(), one.weights.begin(), one.weights.end());
      all.bias.insert(all.bias.end(), one.bias.begin(), one.bias.end());
    }
    return all;
  }

  // The attention's 1/√head_width costs nothing inside the query rows. After balance(), which compares raw weights.
  [[nodiscard]] Matrix with_query_scale(Matrix qkv) const {
    const float scale = 1.0F / std::sqrt(static_cast<float>(shape_.head_width()));
    const std::size_t queries = std::size_t{shape_.hidden} * shape_.hidden;
    std::for_each_n(qkv.weights.begin(), queries, [scale](float& w) { w *= scale; });
    std::for_each_n(qkv.bias.begin(), shape_.hidden, [scale](float& b) { b *= scale; });
    return qkv;
  }

  [[nodiscard]] std::vector<float> norm(const std::string& name) const {
    std::vector<float> both = tensors_.vector(name + ".weight", shape_.hidden);
    const std::vector<float> beta = tensors_.vector(name + ".bias", shape_.hidden);
    both.insert(both.end(), beta.begin(), beta.end());
    return both;
  }

  [[nodiscard]] std::vector<float> ones() const { return std::vector<float>(shape_.hidden, 1.0F); }

  const ModelShape& shape_;
  const SourceTensors& tensors_;
  const Weights& image_;
  const ChannelRanges& ranges_;
};

// The same on every machine and with every standard library: a generator of our own (Knuth's MMIX constants).
[[nodiscard]] std::vector<std::vector<std::int32_t>> random_texts(const ModelShape& shape) {
  std::uint64_t state = 1;
  const auto next_id = [&state, &shape] {
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    return static_cast<std::int32_t>((state >> 33U) % shape.vocabulary);
  };
  std::vector<std::vector<std::int32_t>> texts(kRandomTexts);
  for (std::vector<std::int32_t>& text : texts) {
    text.resize(std::min<std::size_t>(kRandomTextTokens, shape.positions));
    std::generate(text.begin(), text.end(), next_id);
  }
  return texts;
}

[[nodiscard]] ChannelRanges collect(const ModelConfig& config, const Weights& weights,
                                    std::span<const std::vector<std::int32_t>> texts,
                                    const std::function<void(double)>& progress) {
  RangeCollector collector(config.shape);
  Scratch scratch(config.shape, config.shape.positions);
  std::vector<float> vector(config.shape.hidden);
  double done = 0;
  for (const std::vector<std::int32_t>& ids : texts) {
    const auto length = static_cast<std::uint32_t>(ids.size());
    forward(config, weights, *supported_kernels().front(), {ids, {&length, 1}}, vector, scratch, &collector);
    done += 1;
    progress(0.3 + 0.4 * done / static_cast<double>(texts.size()));
  }
  return collector.ranges();
}

}  // namespace

AlignedBuffer convert_model(const ModelConfig& config, std::span<const Tensor> tensors,
                            std::span<const std::byte> vocabulary, const crypto::Digest& source_sum,
                            const ConversionOptions& options) {
  check_config(config);
  if (vocabulary.size() > kMaxVocabularyBytes) throw std::runtime_error("the tokenizer's vocabulary is too large");
  const std::size_t image = image_bytes(config.shape);
  AlignedBuffer file(kHeaderBytes + image + vocabulary.size());
  const Weights weights = bind_weights(config.shape, file.data() + kHeaderBytes);
  const SourceTensors source(tensors);
  const ChannelRanges unknown;
  ImageWriter(config.shape, source, weights, unknown).write();
  options.progress(0.3);
  if (options.scale_channels) {
    const std::vector<std::vector<std::int32_t>> noise = random_texts(config.shape);
    const ChannelRanges ranges =
        collect(config, weights, options.calibration.empty() ? noise : options.calibration, options.progress);
    ImageWriter(config.shape, source, weights, ranges).write();
  }
  if (!vocabulary.empty()) std::memcpy(file.data() + kHeaderBytes + image, vocabulary.data(), vocabulary.size());
  seal_model(config, source_sum, vocabulary.size(), {file.data(), file.size()});
  options.progress(1.0);
  return file;
}

void convert_folder(const std::filesystem::path& folder, std::span<const std::byte> vocabulary,
                    const std::filesystem::path& to, const ConversionOptions& options) {
  const ModelConfig config = read_model_config(folder);
  const MappedFile weights(folder / "model.safetensors");
  crypto::Sha256 sum;
  sum.update(MappedFile(folder / "config.json").bytes());
  sum.update(weights.bytes());
  sum.update(vocabulary);
  const AlignedBuffer file =
      convert_model(config, parse_safetensors(weights.bytes()), vocabulary, sum.finish(), options);
  write_model_file(to, file.bytes());
}

}  // namespace nexus::embed::bert

// A small random encoder for tests: its tensors, its folder, and a naive double precision pass over it.
#pragma once

#include "crypto/hash.h"
#include "embed/bert/converter.h"
#include "embed/bert/model_config.h"
#include "embed/safetensors.h"

#include <cmath>
#include <cstdint>
#include <cstring>
#include <deque>
#include <map>
#include <random>
#include <string>
#include <vector>

namespace nexus::embed::bert {

class RandomModel {
 public:
  explicit RandomModel(ModelShape shape = {40, 64, 2, 2, 128, 48, 1e-12F}, Pooling pooling = Pooling::kMean,
                       unsigned seed = 7)
      : random_(seed) {
    config_.name = "random";
    config_.shape = shape;
    config_.max_tokens = shape.positions;
    config_.pooling = pooling;
    add("embeddings.word_embeddings.weight", {shape.vocabulary, shape.hidden}, 0, 1);
    add("embeddings.position_embeddings.weight", {shape.positions, shape.hidden}, 0, 0.3);
    add("embeddings.token_type_embeddings.weight", {2, shape.hidden}, 0, 0.1);
    add_norm("embeddings.LayerNorm");
    for (std::uint32_t i = 0; i < shape.layers; ++i) add_layer("encoder.layer." + std::to_string(i) + ".");
  }

  [[nodiscard]] const ModelConfig& config() const { return config_; }
  [[nodiscard]] std::vector<float>& tensor(const std::string& name) { return numbers_.at(name); }

  // Views into this object.
  [[nodiscard]] std::vector<Tensor> tensors() const {
    std::vector<Tensor> all;
    for (const auto& [name, numbers] : numbers_)
      all.push_back({"bert." + name, "F32", shapes_.at(name), std::as_bytes(std::span(numbers))});
    return all;
  }

  // Without scaled channels unless asked: a random model has no outliers, and tests stay quick.
  [[nodiscard]] AlignedBuffer convert() const {
    ConversionOptions options;
    options.scale_channels = false;
    return convert(options);
  }
  [[nodiscard]] AlignedBuffer convert(const ConversionOptions& options) const {
    return convert_model(config_, tensors(), {}, crypto::sha256("source"), options);
  }

  [[nodiscard]] std::string safetensors() const {
    std::string header = "{";
    std::string data;
    for (const auto& [name, numbers] : numbers_) {
      std::string shape;
      for (const std::uint64_t extent : shapes_.at(name)) shape += (shape.empty() ? "" : ",") + std::to_string(extent);
      const std::size_t begin = data.size();
      data.append(reinterpret_cast<const char*>(numbers.data()), numbers.size() * sizeof(float));
      header += (begin == 0 ? "\"" : ",\"") + name + R"(":{"dtype":"F32","shape":[)" + shape + R"(],"data_offsets":[)" +
                std::to_string(begin) + "," + std::to_string(data.size()) + "]}";
    }
    header += "}";
    std::string bytes(8, '\0');
    for (std::size_t i = 0; i < 8; ++i) bytes[i] = static_cast<char>(header.size() >> (8 * i) & 0xFFU);
    return bytes + header + data;
  }

  [[nodiscard]] std::vector<std::int32_t> text(std::size_t tokens) {
    std::uniform_int_distribution<std::int32_t> id(0, static_cast<std::int32_t>(config_.shape.vocabulary) - 1);
    std::vector<std::int32_t> ids(tokens);
    for (std::int32_t& each : ids) each = id(random_);
    return ids;
  }

  // What the encoder approximates.
  [[nodiscard]] std::vector<double> exact(const std::vector<std::int32_t>& ids) const {
    Rows x = embedded(ids);
    for (std::uint32_t i = 0; i < config_.shape.layers; ++i) {
      const std::string name = "encoder.layer." + std::to_string(i) + ".";
      add_rows(x, dense(attended(x, name), name + "attention.output.dense"));
      normalise(x, name + "attention.output.LayerNorm");
      Rows inner = dense(x, name + "intermediate.dense");
      for (auto& row : inner)
        for (double& v : row) v = 0.5 * v * (1 + std::erf(v / std::sqrt(2.0)));
      add_rows(x, dense(inner, name + "output.dense"));
      normalise(x, name + "output.LayerNorm");
    }
    return pooled(x);
  }

 private:
  using Rows = std::vector<std::vector<double>>;

  void add(const std::string& name, std::vector<std::uint64_t> shape, double mean, double deviation) {
    std::normal_distribution<double> value(mean, deviation);
    std::size_t count = 1;
    for (const std::uint64_t extent : shape) count *= extent;
    std::vector<float>& numbers = numbers_[name];
    numbers.resize(count);
    for (float& each : numbers) each = static_cast<float>(value(random_));
    shapes_[name] = std::move(shape);
  }
  void add_norm(const std::string& name) {
    add(name + ".weight", {config_.shape.hidden}, 1, 0.2);
    add(name + ".bias", {config_.shape.hidden}, 0, 0.2);
  }
  void add_dense(const std::string& name, std::uint64_t outputs, std::uint64_t inputs) {
    add(name + ".weight", {outputs, inputs}, 0, 1 / std::sqrt(static_cast<double>(inputs)));
    add(name + ".bias", {outputs}, 0, 0.1);
  }
  void add_layer(const std::string& name) {
    const std::uint64_t hidden = config_.shape.hidden;
    for (const char* part : {"query", "key", "value"}) add_dense(name + "attention.self." + part, hidden, hidden);
    add_dense(name + "attention.output.dense", hidden, hidden);
    add_norm(name + "attention.output.LayerNorm");
    add_dense(name + "intermediate.dense", config_.shape.intermediate, hidden);
    add_dense(name + "output.dense", hidden, config_.shape.intermediate);
    add_norm(name + "output.LayerNorm");
  }

  [[nodiscard]] std::vector<double> values(const std::string& name) const {
    const std::vector<float>& numbers = numbers_.at(name);
    return {numbers.begin(), numbers.end()};
  }

  [[nodiscard]] Rows embedded(const std::vector<std::int32_t>& ids) const {
    const std::size_t hidden = config_.shape.hidden;
    const std::vector<double> words = values("embeddings.word_embeddings.weight");
    const std::vector<double> positions = values("embeddings.position_embeddings.weight");
    const std::vector<double> types = values("embeddings.token_type_embeddings.weight");
    Rows x(ids.size(), std::vector<double>(hidden));
    for (std::size_t t = 0; t < ids.size(); ++t)
      for (std::size_t i = 0; i < hidden; ++i)
        x[t][i] = words[static_cast<std::size_t>(ids[t]) * hidden + i] + positions[t * hidden + i] + types[i];
    normalise(x, "embeddings.LayerNorm");
    return x;
  }

  void normalise(Rows& x, const std::string& name) const {
    const std::vector<double> gamma = values(name + ".weight");
    const std::vector<double> beta = values(name + ".bias");
    for (auto& row : x) {
      const auto width = static_cast<double>(row.size());
      double mean = 0;
      for (const double v : row) mean += v / width;
      double variance = 0;
      for (const double v : row) variance += (v - mean) * (v - mean) / width;
      const double scale = 1 / std::sqrt(variance + static_cast<double>(config_.shape.epsilon));
      for (std::size_t i = 0; i < row.size(); ++i) row[i] = (row[i] - mean) * scale * gamma[i] + beta[i];
    }
  }

  [[nodiscard]] Rows dense(const Rows& x, const std::string& name) const {
    const std::vector<double> weights = values(name + ".weight");
    const std::vector<double> bias = values(name + ".bias");
    Rows y(x.size(), bias);
    for (std::size_t t = 0; t < x.size(); ++t)
      for (std::size_t o = 0; o < bias.size(); ++o) {
        const double* row = weights.data() + o * x[t].size();
        for (std::size_t i = 0; i < x[t].size(); ++i) y[t][o] += x[t][i] * row[i];
      }
    return y;
  }

  [[nodiscard]] Rows attended(const Rows& x, const std::string& name) const {
    const Rows q = dense(x, name + "attention.self.query");
    const Rows k = dense(x, name + "attention.self.key");
    const Rows v = dense(x, name + "attention.self.value");
    const std::size_t width = config_.shape.head_width();
    Rows mixed(x.size(), std::vector<double>(config_.shape.hidden, 0));
    for (std::size_t head = 0; head < config_.shape.heads; ++head)
      for (std::size_t t = 0; t < x.size(); ++t) {
        std::vector<double> share(x.size(), 0);
        double total = 0;
        for (std::size_t u = 0; u < x.size(); ++u) {
          for (std::size_t d = head * width; d < (head + 1) * width; ++d) share[u] += q[t][d] * k[u][d];
          share[u] = std::exp(share[u] / std::sqrt(static_cast<double>(width)));
          total += share[u];
        }
        for (std::size_t u = 0; u < x.size(); ++u)
          for (std::size_t d = head * width; d < (head + 1) * width; ++d) mixed[t][d] += share[u] / total * v[u][d];
      }
    return mixed;
  }

  static void add_rows(Rows& x, const Rows& y) {
    for (std::size_t t = 0; t < x.size(); ++t)
      for (std::size_t i = 0; i < x[t].size(); ++i) x[t][i] += y[t][i];
  }

  [[nodiscard]] std::vector<double> pooled(const Rows& x) const {
    std::vector<double> sum = x[0];
    for (std::size_t t = 1; t < x.size() && config_.pooling == Pooling::kMean; ++t)
      for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += x[t][i];
    return sum;
  }

  std::mt19937 random_;
  ModelConfig config_;
  std::map<std::string, std::vector<float>> numbers_;
  std::map<std::string, std::vector<std::uint64_t>> shapes_;
};

template <typename A, typename B>
[[nodiscard]] double cosine(const A& a, const B& b) {
  double ab = 0;
  double aa = 0;
  double bb = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    ab += static_cast<double>(a[i]) * static_cast<double>(b[i]);
    aa += static_cast<double>(a[i]) * static_cast<double>(a[i]);
    bb += static_cast<double>(b[i]) * static_cast<double>(b[i]);
  }
  return ab / std::sqrt(aa * bb);
}

}  // namespace nexus::embed::bert

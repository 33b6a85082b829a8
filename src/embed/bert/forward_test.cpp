#include "embed/bert/forward.h"

#include "embed/bert/converted_model.h"
#include "embed/bert/random_model_fixture.h"

#include <gtest/gtest.h>

#include <cmath>
#include <stdexcept>
#include <string>

namespace nexus::embed::bert {
namespace {

using Ids = std::vector<std::int32_t>;

class Converted {
 public:
  explicit Converted(const RandomModel& model) : Converted(model, model.convert()) {}
  Converted(const RandomModel& model, AlignedBuffer file)
      : config_(model.config()),
        file_(std::move(file)),
        weights_(bind_weights(config_.shape, file_.data() + kHeaderBytes)),
        scratch_(config_.shape, 200) {}

  std::vector<float> run(const std::vector<Ids>& texts, const Kernels& kernels) {
    Ids ids;
    std::vector<std::uint32_t> lengths;
    for (const Ids& text : texts) {
      ids.insert(ids.end(), text.begin(), text.end());
      lengths.push_back(static_cast<std::uint32_t>(text.size()));
    }
    std::vector<float> out(texts.size() * config_.shape.hidden);
    forward(config_, weights_, kernels, {ids, lengths}, out, scratch_);
    return out;
  }
  std::vector<float> run(const Ids& text, const Kernels& kernels) { return run(std::vector<Ids>{text}, kernels); }

 private:
  ModelConfig config_;
  AlignedBuffer file_;
  Weights weights_;
  Scratch scratch_;
};

const ModelShape kWideHeads{40, 128, 2, 2, 192, 48, 1e-12F};
const ModelShape kNarrowHeads{40, 192, 3, 4, 256, 48, 1e-5F};  // heads of 48: not a multiple of two registers

TEST(BertForward, FollowsTheExactPassOnEveryKernelSetAndShape) {
  for (const ModelShape& shape : {RandomModel().config().shape, kWideHeads, kNarrowHeads})
    for (const Pooling pooling : {Pooling::kMean, Pooling::kCls}) {
      RandomModel model(shape, pooling);
      Converted converted(model);
      for (const std::size_t tokens : {1U, 3U, 17U, 33U}) {
        const Ids ids = model.text(tokens);
        const std::vector<double> exact = model.exact(ids);
        for (const Kernels* kernels : supported_kernels())
          EXPECT_GT(cosine(converted.run(ids, *kernels), exact), 0.998)
              << kernels->name << " " << tokens << " tokens, width " << shape.hidden;
      }
    }
}

TEST(BertForward, GivesTheSameBytesOnEveryKernelSet) {
  RandomModel model(kWideHeads);
  Converted converted(model);
  for (const std::size_t tokens : {1U, 2U, 3U, 4U, 5U, 6U, 7U, 15U, 16U, 17U, 31U, 34U, 48U}) {
    const Ids ids = model.text(tokens);
    const std::vector<float> scalar = converted.run(ids, kScalarKernels);
    for (const Kernels* kernels : supported_kernels())
      EXPECT_EQ(converted.run(ids, *kernels), scalar) << kernels->name << " " << tokens << " tokens";
  }
}

TEST(BertForward, GivesTheSameBytesTwiceAndInEveryBatch) {
  RandomModel model;
  Converted converted(model);
  // 138 tokens: more than one group of the feed-forward block.
  const std::vector<Ids> texts{model.text(48), model.text(1), model.text(37), model.text(48), model.text(4)};
  for (const Kernels* kernels : supported_kernels()) {
    const std::vector<float> together = converted.run(texts, *kernels);
    EXPECT_EQ(converted.run(texts, *kernels), together);
    std::vector<float> apart;
    for (const Ids& text : texts) {
      const std::vector<float> one = converted.run(text, *kernels);
      apart.insert(apart.end(), one.begin(), one.end());
    }
    EXPECT_EQ(apart, together) << kernels->name;
  }
}

TEST(BertForward, GivesUnitVectors) {
  RandomModel model;
  Converted converted(model);
  double squares = 0;
  for (const float x : converted.run(model.text(9), kScalarKernels)) squares += double{x} * double{x};
  EXPECT_NEAR(squares, 1.0, 1e-6);
}

TEST(BertForward, ScalingChannelsKeepsAModelWithOutliersClose) {
  RandomModel model;
  // As trained models have them: after every normalisation a few channels are far larger than the rest.
  for (const char* norm :
       {"embeddings.LayerNorm.weight", "encoder.layer.0.attention.output.LayerNorm.weight",
        "encoder.layer.0.output.LayerNorm.weight", "encoder.layer.1.attention.output.LayerNorm.weight"})
    for (const std::size_t channel : {3U, 40U}) model.tensor(norm)[channel] = 25;
  for (const auto& [name, rows] : std::map<std::string, std::size_t>{{"attention.self.query", 64},
                                                                     {"attention.self.key", 64},
                                                                     {"attention.self.value", 64},
                                                                     {"intermediate.dense", 128}})
    for (const char* layer : {"encoder.layer.0.", "encoder.layer.1."})
      for (std::size_t o = 0; o < rows; ++o)
        for (const std::size_t channel : {3U, 40U}) model.tensor(layer + name + ".weight")[o * 64 + channel] /= 25;
  std::vector<Ids> calibration;
  for (int i = 0; i < 12; ++i) calibration.push_back(model.text(40));
  ConversionOptions options;
  options.calibration = calibration;
  Converted scaled(model, model.convert(options));
  Converted plain(model);
  double plain_error = 0;
  double scaled_error = 0;
  for (int i = 0; i < 10; ++i) {
    const Ids ids = model.text(20);
    const std::vector<double> exact = model.exact(ids);
    plain_error += 1 - cosine(plain.run(ids, kScalarKernels), exact);
    scaled_error += 1 - cosine(scaled.run(ids, kScalarKernels), exact);
  }
  EXPECT_LT(scaled_error, plain_error * 0.7);
  EXPECT_LT(scaled_error / 10, 0.002);
}

TEST(BertForward, RefusesABatchThatDoesNotFit) {
  RandomModel model;
  Converted converted(model);
  EXPECT_THROW(converted.run(Ids{}, kScalarKernels), std::invalid_argument);
  EXPECT_THROW(converted.run(Ids{40}, kScalarKernels), std::invalid_argument);
  EXPECT_THROW(converted.run(Ids{-1}, kScalarKernels), std::invalid_argument);
  EXPECT_THROW(converted.run(model.text(49), kScalarKernels), std::invalid_argument);
  EXPECT_THROW(converted.run(std::vector<Ids>(5, model.text(48)), kScalarKernels), std::invalid_argument);
  EXPECT_THROW(Scratch(model.config().shape, 0), std::invalid_argument);
}

TEST(BertKernels, MultiplyExactlyAtTheEdgesOfEightBits) {
  constexpr std::size_t kInputs = 4096;  // the widest there is
  AlignedBuffer weights(64 * kInputs);
  for (std::size_t i = 0; i < weights.size(); ++i)
    weights.data()[i] = static_cast<std::byte>(i / 64 % 2 == 0 ? 127 : -127);
  std::memset(weights.data(), 127, 16 * kInputs);  // the first 16 outputs: the largest sum there is
  const std::vector<float> ones(64, 1.0F);
  const std::vector<float> zeros(64, 0.0F);
  const Linear linear{
      reinterpret_cast<const std::int8_t*>(weights.data()), ones.data(), zeros.data(), zeros.data(), 64, kInputs};
  for (const std::size_t rows : {1U, 2U, 3U, 4U, 5U, 7U, 11U}) {
    std::vector<std::uint8_t> values(rows * kInputs, 255);
    std::vector<float> step(rows, 1.0F);
    std::vector<float> low(rows, 0.0F);
    for (const Kernels* kernels : supported_kernels()) {
      std::vector<float> out(rows * 64, -1.0F);
      kernels->multiply({values.data(), step.data(), low.data()}, rows, linear, out.data());
      for (std::size_t r = 0; r < rows; ++r) {
        EXPECT_EQ(out[r * 64], 255.0F * 127.0F * kInputs) << kernels->name;
        EXPECT_EQ(out[r * 64 + 63], 0.0F) << kernels->name;
      }
    }
  }
}

TEST(BertKernels, RoundRowsWithinHalfAStepAndSurviveOddOnes) {
  std::mt19937 random(3);
  std::uniform_real_distribution<float> value(-3, 5);
  for (const Kernels* kernels : supported_kernels()) {
    std::vector<float> row(64);
    for (float& x : row) x = value(random);
    std::vector<std::uint8_t> rounded(64);
    float step = 0;
    float low = 0;
    kernels->quantise(row.data(), nullptr, 64, rounded.data(), step, low);
    for (std::size_t i = 0; i < 64; ++i)
      EXPECT_NEAR(low + step * static_cast<float>(rounded[i]), row[i], step * 0.5001F) << kernels->name;
    row.assign(64, 2.5F);
    kernels->quantise(row.data(), nullptr, 64, rounded.data(), step, low);
    EXPECT_EQ(low, 2.5F);
    EXPECT_EQ(rounded, std::vector<std::uint8_t>(64, 0)) << kernels->name;
    row.assign(64, 1e6F);
    row[5] = 1e6F + 0.0625F;
    kernels->quantise(row.data(), nullptr, 64, rounded.data(), step, low);
    EXPECT_EQ(rounded[5], 255) << kernels->name;
    EXPECT_EQ(rounded[6], 0) << kernels->name;
  }
}

TEST(BertKernels, AreChosenByName) {
  EXPECT_EQ(kernels_named("").name, supported_kernels().front()->name);
  EXPECT_EQ(kernels_named("auto").name, supported_kernels().front()->name);
  EXPECT_EQ(kernels_named("scalar").name, "scalar");
  EXPECT_THROW((void)kernels_named("abacus"), std::invalid_argument);
}

}  // namespace
}  // namespace nexus::embed::bert

#include "embed/bert/converted_model.h"

#include "embed/bert/encoder.h"
#include "embed/bert/random_model_fixture.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <limits>
#include <stdexcept>
#include <string>
#include <thread>
#include <unistd.h>

namespace nexus::embed::bert {
namespace {

class ConvertedModelFile : public ::testing::Test {
 protected:
  ConvertedModelFile() {
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
  }
  ~ConvertedModelFile() override {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }

  [[nodiscard]] const std::string& good() const { return good_; }
  [[nodiscard]] std::string converted() const {
    const AlignedBuffer file = model_.convert();
    return {reinterpret_cast<const char*>(file.data()), file.size()};
  }

  std::filesystem::path write(const std::string& bytes, const std::string& name = "model.nxb") const {
    std::ofstream(folder_ / name, std::ios::binary | std::ios::trunc) << bytes;
    return folder_ / name;
  }

  // The reason for which a file is refused, or "accepted".
  [[nodiscard]] std::string refusal(const std::string& bytes) const {
    try {
      (void)ConvertedModel::open(write(bytes));
      return "accepted";
    } catch (const std::runtime_error& e) {
      return e.what();
    }
  }

  // Puts a right sum on wrong content, as someone who means harm would.
  [[nodiscard]] std::string resealed(std::string bytes) const {
    seal_model(model_.config(), crypto::sha256("source"), 0,
               std::as_writable_bytes(std::span(bytes.data(), bytes.size())));
    return bytes;
  }

  RandomModel model_;
  std::string good_ = converted();
  std::filesystem::path folder_ =
      std::filesystem::path(::testing::TempDir()) / ("nexus_bert_" + std::to_string(::getpid()));
};

TEST_F(ConvertedModelFile, GivesBackWhatWasConverted) {
  const std::string vocabulary = "any bytes of a tokenizer";
  const AlignedBuffer file =
      convert_model(model_.config(), model_.tensors(), std::as_bytes(std::span(vocabulary)), crypto::sha256("source"));
  write_model_file(folder_ / "m.nxb", file.bytes());
  const ConvertedModel opened = ConvertedModel::open(folder_ / "m.nxb");
  EXPECT_EQ(opened.config().shape, model_.config().shape);
  EXPECT_EQ(opened.config().name, "random");
  EXPECT_EQ(opened.config().pooling, Pooling::kMean);
  EXPECT_EQ(opened.source_sum(), crypto::sha256("source"));
  const auto* text = reinterpret_cast<const char*>(opened.vocabulary().data());
  EXPECT_EQ(std::string(text, opened.vocabulary().size()), vocabulary);
  EXPECT_TRUE(opened.id().starts_with("random@"));
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_), {}), 1) << "nothing is left beside it";
}

TEST_F(ConvertedModelFile, IsTheSameBytesForTheSameInput) {
  EXPECT_EQ(converted(), converted());
  EXPECT_TRUE(std::ranges::equal(model_.convert({}).bytes(), model_.convert({}).bytes()));
}

TEST_F(ConvertedModelFile, IsRefusedWhenCutShort) {
  const std::string bytes = good();
  for (const std::size_t size :
       {std::size_t{1}, std::size_t{7}, kHeaderBytes - 1, kHeaderBytes, bytes.size() / 2, bytes.size() - 1})
    EXPECT_NE(refusal(bytes.substr(0, size)), "accepted") << size;
  EXPECT_NE(refusal(bytes + "x"), "accepted");
  EXPECT_NE(refusal(""), "accepted");
}

TEST_F(ConvertedModelFile, IsRefusedWhenAnyByteChanged) {
  const std::string bytes = good();
  for (std::size_t at = 0; at < bytes.size(); at += at < kHeaderBytes ? 13 : 4999) {
    std::string damaged = bytes;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
    EXPECT_NE(refusal(damaged), "accepted") << "byte " << at;
  }
}

TEST_F(ConvertedModelFile, IsRefusedWithSizesThatDoNotHold) {
  // Offsets of the shape in the header: vocabulary 32, hidden 36, layers 40, heads 44, intermediate 48, positions 52.
  for (const std::size_t at : {32U, 36U, 40U, 44U, 48U, 52U})
    for (const std::uint32_t value : {0U, 1U, 63U, 0x7FFFFFFFU, 0xFFFFFFFFU}) {
      std::string bytes = good();
      std::memcpy(bytes.data() + at, &value, sizeof value);
      EXPECT_NE(refusal(bytes), "accepted") << at << " " << value;
    }
}

TEST_F(ConvertedModelFile, SaysWhenItIsOfAnotherFormat) {
  std::string bytes = good();
  bytes[8] = 9;
  EXPECT_NE(refusal(bytes).find("format 9"), std::string::npos) << refusal(bytes);
  EXPECT_NE(refusal(std::string(5000, 'x')).find("not a converted encoder"), std::string::npos);
}

TEST_F(ConvertedModelFile, IsRefusedWithNumbersThatAreNotFinite) {
  const std::size_t scales = kHeaderBytes + 40 * 64;  // right after the word table
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(), -1.0F}) {
    std::string bytes = good();
    std::memcpy(bytes.data() + scales, &bad, sizeof bad);
    EXPECT_NE(refusal(resealed(bytes)), "accepted") << bad;
  }
  EXPECT_EQ(refusal(resealed(good())), "accepted");
}

TEST_F(ConvertedModelFile, IsNotMadeFromTensorsThatDoNotFit) {
  const auto refused = [](const RandomModel& model, const std::vector<Tensor>& tensors) {
    EXPECT_THROW((void)convert_model(model.config(), tensors, {}, {}, {}), std::runtime_error);
  };
  std::vector<Tensor> tensors = model_.tensors();
  tensors.pop_back();
  refused(model_, tensors);
  tensors = model_.tensors();
  std::reverse(tensors[0].shape.begin(), tensors[0].shape.end());
  tensors[0].shape.push_back(1);
  refused(model_, tensors);
  tensors = model_.tensors();
  tensors[1].dtype = "I32";
  refused(model_, tensors);
  tensors = model_.tensors();
  tensors.push_back(tensors[0]);
  refused(model_, tensors);
  model_.tensor("encoder.layer.1.output.dense.weight")[77] = std::numeric_limits<float>::quiet_NaN();
  refused(model_, model_.tensors());
}

TEST_F(ConvertedModelFile, FeedsAnEncoderThatManyThreadsMayUse) {
  const auto encoder = Encoder::open(write(good()), {"auto", 64});
  std::vector<std::int32_t> ids;
  std::vector<std::uint32_t> lengths;
  for (std::uint32_t length = 1; length <= 48; length += 5) {
    const std::vector<std::int32_t> text = model_.text(length);
    ids.insert(ids.end(), text.begin(), text.end());
    lengths.push_back(length);
  }
  std::vector<float> expected(lengths.size() * encoder->dimension());
  encoder->encode_batch({ids, lengths}, expected);
  std::vector<std::vector<float>> found(3, std::vector<float>(expected.size()));
  std::vector<std::jthread> threads;
  for (std::vector<float>& out : found)
    threads.emplace_back([&encoder, &ids, &lengths, &out] {
      std::size_t at = 0;
      for (std::size_t i = 0; i < lengths.size(); at += lengths[i++])
        encoder->encode(std::span(ids).subspan(at, lengths[i]),
                        std::span(out).subspan(i * encoder->dimension(), encoder->dimension()));
    });
  threads.clear();
  for (const std::vector<float>& out : found) EXPECT_EQ(out, expected);
}

TEST_F(ConvertedModelFile, EncoderRefusesWhatDoesNotAddUp) {
  const auto encoder = Encoder::open(write(good()), {"scalar", 64});
  const std::vector<std::int32_t> ids{1, 2, 3};
  std::vector<float> out(64);
  for (const std::uint32_t length : {0U, 2U, 4U, 0xFFFFFFFFU}) {
    const std::vector<std::uint32_t> lengths{length};
    EXPECT_THROW(encoder->encode_batch({ids, lengths}, out), std::invalid_argument) << length;
  }
  std::vector<float> small(63);
  EXPECT_THROW(encoder->encode(ids, small), std::invalid_argument);
  EXPECT_THROW((void)Encoder::open(folder_ / "model.nxb", {"abacus", 64}), std::invalid_argument);
}

}  // namespace
}  // namespace nexus::embed::bert

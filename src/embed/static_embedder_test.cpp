#include "embed/static_embedder.h"

#include <boost/json.hpp>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <string>
#include <unistd.h>

namespace nexus::embed {
namespace {

namespace fs = std::filesystem;

fs::path from_environment(const char* name, const fs::path& fallback) {
  const char* value = std::getenv(name);
  return value != nullptr && *value != '\0' ? fs::path(value) : fallback;
}

fs::path repository() {
  return fs::path(__FILE__).parent_path().parent_path().parent_path();
}

class StaticModel : public ::testing::Test {
 protected:
  void SetUp() override {
    models_ = from_environment("MODELS_DIR", repository() / "var" / "models");
    if (!is_installed(models_, kStaticModel)) GTEST_SKIP() << "no static model in " << models_;
  }
  fs::path models_;
};

TEST_F(StaticModel, HasTheFilesOfTheSpecification) {
  for (const FileReport& report : verify(models_, kStaticModel)) EXPECT_EQ(report.state, FileState::kGood);
}

TEST_F(StaticModel, MatchesTheReferenceVectors) {
  const fs::path shared = from_environment("NEXUSRAG_SHARED", repository().parent_path() / "shared");
  std::ifstream file(shared / "embedding-reference" / "wordllama-l2_supercat_256.jsonl");
  if (!file) GTEST_SKIP() << "no reference vectors in " << shared;
  const auto embedder = StaticEmbedder::open(models_);
  std::vector<float> vector(embedder->dimension());
  std::size_t texts = 0;
  for (std::string line; std::getline(file, line); ++texts) {
    const boost::json::value expected = boost::json::parse(line);
    const std::string text(expected.at("text").as_string());
    std::vector<TokenId> ids;
    embedder->tokenizer().encode(text, ids);
    EXPECT_EQ(std::vector<TokenId>(ids), boost::json::value_to<std::vector<TokenId>>(expected.at("ids"))) << text;
    embedder->embed(text, vector);
    const boost::json::array& reference = expected.at("embedding").as_array();
    ASSERT_EQ(reference.size(), vector.size());
    for (std::size_t i = 0; i < vector.size(); ++i)
      ASSERT_NEAR(vector[i], reference[i].to_number<double>(), 1e-5) << text;
  }
  EXPECT_EQ(texts, 42U);
}

TEST_F(StaticModel, KeepsATokenizerImageBesideTheModelAndReplacesADamagedOne) {
  const fs::path dir = fs::path(::testing::TempDir()) / ("nexus-static-" + std::to_string(::getpid()));
  fs::create_directories(dir);
  for (const ModelFile& model_file : kStaticModel.files)
    fs::create_symlink(fs::absolute(models_ / model_file.name), dir / model_file.name);
  const fs::path image = dir / (std::string(kStaticModel.files[1].name) + ".nxtk");
  EXPECT_FALSE(StaticEmbedder::open(dir)->loaded_from_image());
  EXPECT_TRUE(StaticEmbedder::open(dir)->loaded_from_image());
  fs::resize_file(image, 1000);
  EXPECT_FALSE(StaticEmbedder::open(dir)->loaded_from_image());
  EXPECT_TRUE(StaticEmbedder::open(dir)->loaded_from_image());
  fs::remove_all(dir);
}

TEST(StaticEmbedder, SaysWhatIsWrongWithItsFiles) {
  EXPECT_FALSE(is_installed("/nonexistent", kStaticModel));
  EXPECT_THROW((void)StaticEmbedder::open("/nonexistent"), std::runtime_error);
  EXPECT_EQ(verify("/nonexistent", kStaticModel).front().state, FileState::kMissing);
}

}  // namespace
}  // namespace nexus::embed

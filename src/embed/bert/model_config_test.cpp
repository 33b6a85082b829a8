#include "embed/bert/model_config.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <unistd.h>

namespace nexus::embed::bert {
namespace {

const std::string kModules = R"([{"idx":0,"path":"","type":"sentence_transformers.models.Transformer"},
  {"idx":1,"path":"1_Pooling","type":"sentence_transformers.models.Pooling"},
  {"idx":2,"path":"2_Normalize","type":"sentence_transformers.models.Normalize"}])";

std::string bert(const std::string& more = "") {
  return R"({"model_type":"bert","hidden_act":"gelu","hidden_size":384,"intermediate_size":1536,"layer_norm_eps":1e-12,
    "max_position_embeddings":512,"num_attention_heads":12,"num_hidden_layers":6,"vocab_size":30522)" +
         more + "}";
}

class ModelFolder : public ::testing::Test {
 protected:
  ModelFolder() {
    std::filesystem::remove_all(root_);
    name("all-MiniLM-L6-v2");
  }
  ~ModelFolder() override {
    std::error_code ignored;
    std::filesystem::remove_all(root_, ignored);
  }

  void name(const std::string& name) {
    folder_ = root_ / name;
    std::filesystem::create_directories(folder_ / "1_Pooling");
    put("config.json", bert());
    put("modules.json", kModules);
    put("1_Pooling/config.json", R"({"word_embedding_dimension":384,"pooling_mode_mean_tokens":true})");
    put("sentence_bert_config.json", R"({"max_seq_length":256})");
  }

  void put(const std::string& file, const std::string& text) const { std::ofstream(folder_ / file) << text; }

  [[nodiscard]] std::string refusal() const {
    try {
      (void)read_model_config(folder_);
      return "accepted";
    } catch (const std::runtime_error& e) {
      return e.what();
    }
  }

  std::filesystem::path root_ =
      std::filesystem::path(::testing::TempDir()) / ("nexus_bert_config_" + std::to_string(::getpid()));
  std::filesystem::path folder_;
};

TEST_F(ModelFolder, GivesSizesPoolingAndLength) {
  const ModelConfig config = read_model_config(folder_ / "");
  EXPECT_EQ(config.name, "all-MiniLM-L6-v2");
  EXPECT_EQ(config.shape, (ModelShape{30522, 384, 6, 12, 1536, 512, 1e-12F}));
  EXPECT_EQ(config.pooling, Pooling::kMean);
  EXPECT_EQ(config.max_tokens, 256U);
  EXPECT_TRUE(config.normalise);
  EXPECT_EQ(config.query_prefix + config.document_prefix, "");
}

TEST_F(ModelFolder, KnowsThePrefixesOfE5AndBgeAndPrefersStatedOnes) {
  name("e5-small-v2");
  EXPECT_EQ(read_model_config(folder_).query_prefix, "query: ");
  EXPECT_EQ(read_model_config(folder_).document_prefix, "passage: ");
  name("bge-small-en-v1.5");
  put("1_Pooling/config.json", R"({"pooling_mode_cls_token":true,"pooling_mode_mean_tokens":false})");
  EXPECT_EQ(read_model_config(folder_).query_prefix, "Represent this sentence for searching relevant passages: ");
  EXPECT_EQ(read_model_config(folder_).pooling, Pooling::kCls);
  put("config_sentence_transformers.json", R"({"prompts":{"query":"find: ","document":"doc: "}})");
  EXPECT_EQ(read_model_config(folder_).query_prefix, "find: ");
  EXPECT_EQ(read_model_config(folder_).document_prefix, "doc: ");
}

TEST_F(ModelFolder, RefusesOtherFamiliesWithTheReason) {
  put("config.json", R"({"model_type":"xlm-roberta"})");
  EXPECT_NE(refusal().find("xlm-roberta"), std::string::npos);
  put("config.json", bert(R"(,"position_embedding_type":"relative_key")"));
  EXPECT_NE(refusal().find("relative_key"), std::string::npos);
  put("config.json", bert());
  put("tokenizer_config.json", R"({"tokenizer_class":"XLMRobertaTokenizer"})");
  EXPECT_NE(refusal().find("XLMRobertaTokenizer"), std::string::npos);
}

TEST_F(ModelFolder, RefusesOtherModulesAndPooling) {
  put("1_Pooling/config.json", R"({"pooling_mode_max_tokens":true,"pooling_mode_mean_tokens":false})");
  EXPECT_NE(refusal().find("pooling_mode_max_tokens"), std::string::npos);
  put("1_Pooling/config.json", R"({"pooling_mode_mean_tokens":true,"word_embedding_dimension":768})");
  EXPECT_NE(refusal().find("another width"), std::string::npos);
  for (const char* modules : {"[]", "{}", "[3]", R"([{"type":"x.Transformer","path":""}])",
                              R"([{"type":"x.Transformer","path":""},{"type":"x.Pooling","path":"../../etc"}])",
                              R"([{"type":"x.Pooling","path":"1_Pooling"},{"type":"x.Transformer","path":""}])"}) {
    put("modules.json", modules);
    EXPECT_NE(refusal(), "accepted") << modules;
  }
  put("modules.json", R"([{"type":"x.Transformer","path":""},{"type":"x.Dense","path":"2_Dense"}])");
  EXPECT_NE(refusal().find("Dense"), std::string::npos);
}

TEST_F(ModelFolder, RefusesBrokenFilesAndSizesOutOfBounds) {
  for (const char* text : {"", "{", "[]", "3", R"({"model_type":7})", R"({"model_type":"bert"})"}) {
    put("config.json", text);
    EXPECT_NE(refusal(), "accepted") << text;
  }
  // A later member of the same name wins.
  for (const char* more : {R"(,"hidden_size":100)", R"(,"hidden_size":1e30)", R"(,"num_hidden_layers":0)",
                           R"(,"num_hidden_layers":1000)", R"(,"num_attention_heads":7)", R"(,"vocab_size":-1)",
                           R"(,"max_position_embeddings":2.5)", R"(,"layer_norm_eps":0)"}) {
    put("config.json", bert(more));
    EXPECT_NE(refusal(), "accepted") << more;
  }
  std::filesystem::remove(folder_ / "config.json");
  EXPECT_NE(refusal().find("config.json is missing"), std::string::npos);
}

}  // namespace
}  // namespace nexus::embed::bert

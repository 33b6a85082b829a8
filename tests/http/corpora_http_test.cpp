// Corpora: made, read, changed, deleted.
#include "http/contract_kit.h"

#include <gmock/gmock.h>

namespace nexus::testing {
namespace {

using ::testing::HasSubstr;
using CorporaHttp = CorpusTest;

TEST_F(CorporaHttp, CreatesReadsChangesAndDeletesCorpora) {
  const Response made = client_.post("/v1/corpora", R"({"id":"new","name":"New"})");
  ASSERT_EQ(made.status, 201) << made.body;
  EXPECT_EQ(data_of(made).at("tenant_id"), "t1");
  EXPECT_EQ(data_of(made).at("provider_config_json").at("retrieval").at("provider"), "local_pgvector");
  EXPECT_EQ(client_.post("/v1/corpora", R"({"id":"new","name":"Again"})").status, 409);
  const Response generated = client_.post("/v1/corpora", R"({"name":"Named"})");
  EXPECT_EQ(generated.status, 201);
  EXPECT_EQ(text_of(data_of(generated).at("id")).size(), 36U);
  EXPECT_EQ(client_.post("/v1/corpora", R"({"id":"e","name":""})").status, 422);

  const Response patched = client_.patch(
      "/v1/corpora/new",
      R"({"name":"Newer","provider_config_json":{"retrieval":{"provider":"local_pgvector","mode":"dense","note":1}}})");
  ASSERT_EQ(patched.status, 200) << patched.body;
  EXPECT_EQ(data_of(client_.get("/v1/corpora/new")).at("name"), "Newer");
  EXPECT_EQ(data_of(patched).at("provider_config_json").at("retrieval").at("note").as_int64(), 1);
  EXPECT_EQ(client_.patch("/v1/corpora/nope", R"({"name":"x"})").status, 404);
  const Response bad = client_.patch(
      "/v1/corpora/new", R"({"provider_config_json":{"retrieval":{"provider":"local_pgvector","mode":"magic"}}})");
  EXPECT_EQ(bad.status, 422);
  EXPECT_EQ(code_of(bad), "VALIDATION_ERROR");

  EXPECT_EQ(client_.del("/v1/corpora/new").status, 204) << "an empty corpus needs no confirmation";
  EXPECT_EQ(client_.get("/v1/corpora/new").status, 404);
  EXPECT_EQ(client_.del("/v1/corpora/new").status, 404);
}

TEST_F(CorporaHttp, AsksForTheIdBeforeDeletingAFullCorpus) {
  ingest("Loganberries.", {{"document_id", "d1"}});
  const Response refused = client_.del("/v1/corpora/c1");
  EXPECT_EQ(refused.status, 409);
  EXPECT_THAT(message_of(refused), HasSubstr("confirm"));
  EXPECT_EQ(client_.del("/v1/corpora/c1?confirm=other").status, 409);
  EXPECT_EQ(client_.del("/v1/corpora/c1?confirm=c1").status, 204);
  EXPECT_EQ(client_.get("/v1/documents/d1").status, 404);
  app_.make_corpus("c1");
  EXPECT_TRUE(hits_of(client_, "c1", "loganberries").empty()) << "the new corpus starts empty";
}

TEST_F(CorporaHttp, ListsCorporaByAge) {
  app_.make_corpus("a-later");
  const boost::json::array corpora = data_of(client_.get("/v1/corpora")).as_array();
  ASSERT_EQ(corpora.size(), 2U);
  EXPECT_EQ(corpora[0].at("id"), "c1");
  EXPECT_EQ(corpora[1].at("id"), "a-later");
}
}  // namespace
}  // namespace nexus::testing

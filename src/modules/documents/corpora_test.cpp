#include "modules/ingestion/ingest_fixture.h"

#include <gtest/gtest.h>

#include <string>

namespace nexus::documents {
namespace {

using ingestion::Library;
using ingestion::Refusal;
using ingestion::refusal_of;

TEST(Corpora, ANewCorpusGetsTheDefaultConfiguration) {
  Library lib;
  const Corpus made = lib.service.create_corpus(lib.t.call, {.id = "c1", .name = "Handbook"});
  EXPECT_EQ(json::write(made.provider_config_json), R"({"retrieval":{"provider":"local_pgvector","top_k_default":5}})");
  EXPECT_EQ(made.tenant_id, "t1");
  EXPECT_EQ(made.created_at, lib.t.clock.now());
  EXPECT_EQ(lib.service.get_corpus(lib.t.call, "c1").name, "Handbook");
  EXPECT_EQ(lib.t.audit.last().event_type, "corpora.created");
}

TEST(Corpora, AnIdIsMadeWhenNoneIsGivenAndRefusedWhenItIsTaken) {
  Library lib;
  EXPECT_EQ(lib.service.create_corpus(lib.t.call, {.name = "x"}).id.size(), 36U);
  lib.make_corpus("c1");
  EXPECT_EQ(refusal_of([&] { lib.make_corpus("c1"); }).status, 409);
  EXPECT_EQ(refusal_of([&] { lib.make_corpus("a/b"); }).status, 422);
}

TEST(Corpora, APatchChangesWhatItNamesAndAuditsTheNames) {
  Library lib;
  lib.make_corpus();
  const boost::json::object config{{"retrieval", {{"provider", "local_pgvector"}, {"mode", "dense"}}}, {"mine", 1}};
  const Corpus changed =
      lib.service.patch_corpus(lib.t.call, {.corpus_id = "c1", .name = "New", .provider_config_json = config});
  EXPECT_EQ(changed.name, "New");
  EXPECT_EQ(changed.provider_config_json.at("mine"), 1);
  EXPECT_EQ(changed.provider_config_json.at("retrieval").at("top_k_default"), 5);
  EXPECT_EQ(lib.t.audit.last().metadata, (boost::json::object{{"updated_fields", {"name", "provider_config_json"}}}));
  const Corpus same = lib.service.patch_corpus(lib.t.call, {.corpus_id = "c1"});
  EXPECT_EQ(same.name, "New");
  EXPECT_EQ(same.provider_config_json, changed.provider_config_json);
  EXPECT_EQ(lib.t.audit.last().metadata, (boost::json::object{{"updated_fields", boost::json::array{}}}));
}

TEST(Corpora, ABadConfigurationIsRefusedInTheContractsWords) {
  Library lib;
  lib.make_corpus();
  const Refusal refusal = refusal_of([&] {
    (void)lib.service.patch_corpus(
        lib.t.call, {.corpus_id = "c1", .provider_config_json = boost::json::object{{"retrieval", nullptr}}});
  });
  EXPECT_EQ(refusal.status, 422);
  EXPECT_EQ(refusal.code, "VALIDATION_ERROR");
  EXPECT_EQ(refusal.message, "retrieval config missing");
}

TEST(Corpora, AConfigurationNeedsTheFeaturesOfThePlan) {
  Library lib;
  lib.make_corpus();
  const boost::json::object vertex{
      {"retrieval", {{"provider", "gcp_vertex"}, {"project", "p"}, {"location", "l"}, {"resource_id", "r"}}}};
  const auto patch = [&](const boost::json::object& config) {
    return refusal_of(
        [&] { (void)lib.service.patch_corpus(lib.t.call, {.corpus_id = "c1", .provider_config_json = config}); });
  };
  lib.entitlements.off = {"feature.corpora_patch_provider_config"};
  EXPECT_EQ(patch(vertex).code, "FEATURE_NOT_ENABLED");
  EXPECT_EQ(patch({{"retrieval", nullptr}}).status, 422);  // checked first
  EXPECT_NO_THROW((void)lib.service.patch_corpus(lib.t.call, {.corpus_id = "c1", .name = "New"}));
  lib.entitlements.off = {"feature.retrieval.gcp_vertex"};
  EXPECT_EQ(patch(vertex).status, 403);
  EXPECT_EQ(patch({}).status, 0);
  EXPECT_EQ(refusal_of([&] {
              (void)lib.service.create_corpus(lib.t.call, {.name = "x", .provider_config_json = vertex});
            }).code,
            "FEATURE_NOT_ENABLED");
  lib.entitlements.off = {"feature.retrieval.local_pgvector", "feature.corpora_patch_provider_config"};
  EXPECT_NO_THROW((void)lib.service.create_corpus(lib.t.call, {.name = "y"}));  // asks for no provider
  lib.entitlements.off.clear();
  EXPECT_EQ(patch(vertex).status, 0);
}

TEST(Corpora, AreListedOldestFirstAndByTenant) {
  Library lib;
  lib.make_corpus("b");
  lib.make_corpus("a");
  lib.t.call.now = lib.t.call.now + 1;
  lib.make_corpus("0");
  std::string order;
  for (const Corpus& corpus : lib.service.list_corpora(lib.t.call)) order += corpus.id;
  EXPECT_EQ(order, "ab0");
  EXPECT_TRUE(lib.service.list_corpora(lib.t.call_as(Role::kAdmin, "t2")).empty());
}

TEST(Corpora, DeletingAFullCorpusAsksForItsIdAgain) {
  Library lib;
  lib.make_corpus();
  lib.make_corpus("c2");
  lib.add_and_work("d1", "purple giraffe");
  lib.add("d2", "elsewhere giraffe", false, "c2");
  lib.work();
  for (const std::optional<std::string>& confirm : {std::optional<std::string>{}, std::optional<std::string>("c2")})
    EXPECT_EQ(
        refusal_of([&] { lib.service.delete_corpus(lib.t.call, {.corpus_id = "c1", .confirm = confirm}); }).status,
        409);
  lib.service.delete_corpus(lib.t.call, {.corpus_id = "c1", .confirm = "c1"});
  EXPECT_EQ(refusal_of([&] { (void)lib.document("d1"); }).status, 404);
  EXPECT_EQ(lib.folder.count_files(), 1U);  // of c2
  EXPECT_EQ(lib.ask("giraffe", std::nullopt, 5, "c2").passages.size(), 1U);
  EXPECT_EQ(lib.t.audit.last().metadata, (boost::json::object{{"corpus_id", "c1"}, {"document_count", 1}}));
}

TEST(Corpora, ANewCorpusOfADeletedOnesIdStartsEmpty) {
  Library lib;
  lib.make_corpus();
  lib.add_and_work("d1", "purple giraffe");
  EXPECT_EQ(lib.find("giraffe").size(), 1U);
  lib.service.delete_corpus(lib.t.call, {.corpus_id = "c1", .confirm = "c1"});
  lib.make_corpus();
  EXPECT_TRUE(lib.find("giraffe").empty());
  lib.add_and_work("d1", "green giraffe");
  EXPECT_EQ(lib.find("giraffe"), std::vector<std::string>{"green giraffe"});
}

TEST(Corpora, AnEmptyCorpusGoesWithoutAWord) {
  Library lib;
  lib.make_corpus();
  lib.service.delete_corpus(lib.t.call, {.corpus_id = "c1"});
  EXPECT_EQ(refusal_of([&] { (void)lib.service.get_corpus(lib.t.call, "c1"); }).message, "Corpus not found");
}

}  // namespace
}  // namespace nexus::documents

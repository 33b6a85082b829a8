#include "modules/retrieval/retriever.h"

#include "embed/fake_embedder.h"
#include "modules/ingestion/ingest_fixture.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <map>
#include <mutex>
#include <numeric>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace nexus::retrieval {
namespace {

using ingestion::Library;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::pair<std::string, std::string> failure_of_question(const Library& lib, std::string_view corpus = "c1") {
  try {
    (void)lib.ask("giraffe", std::nullopt, 5, corpus);
  } catch (const RetrievalError& e) {
    return {std::string(e.kind().code), e.what()};
  }
  return {};
}

void store_config(const Library& lib, const std::string& config) {
  lib.t.database->write([&](db::Tx& tx) {
    const documents::DocumentsRepository corpora;
    documents::StoredCorpus corpus = *corpora.find_corpus(tx, lib.t.tenant(), "c1");
    corpus.provider_config_json = config;
    corpora.update_corpus(tx, lib.t.tenant(), corpus);
  });
}

TEST(CorpusScope, TellsAllPairsOfIdsApart) {
  const auto scope = [](const char* tenant, const char* corpus) {
    return documents::corpus_scope(testing::TenantScopeFactory::make(tenant), corpus);
  };
  EXPECT_NE(scope("a", "b/c"), scope("a/b", "c"));
  EXPECT_NE(scope("a", "bc"), scope("ab", "c"));
  EXPECT_NE(scope("a", "1:b"), scope("a1:", "b"));
  EXPECT_EQ(scope("a", "b"), scope("a", "b"));
}

TEST(Retriever, ClampsTopKAndFallsBackToTheCorpus) {
  Library lib;
  lib.make_corpus("c1", R"({"retrieval":{"provider":"local_pgvector","top_k_default":3}})");
  std::string text;
  for (int i = 0; i < 30; ++i) text += "giraffe " + std::to_string(i) + "\n\n";
  lib.add_and_work("d1", text);
  for (const auto& [asked, used] : std::vector<std::pair<std::optional<std::int64_t>, std::int64_t>>{
           {std::nullopt, 3}, {0, 1}, {-5, 1}, {1, 1}, {7, 7}, {20, 20}, {21, 20}, {1'000'000, 20}}) {
    const Answer answer = lib.ask("giraffe", std::nullopt, asked);
    EXPECT_EQ(answer.top_k, used);
    EXPECT_EQ(answer.passages.size(), static_cast<std::size_t>(used));
  }
  store_config(lib, R"({"retrieval":{"provider":"local_pgvector","top_k_default":18446744073709551615}})");
  EXPECT_EQ(lib.ask("giraffe", std::nullopt, std::nullopt).top_k, 20);
  store_config(lib, R"({"retrieval":{"provider":"local_pgvector","top_k_default":-9}})");
  EXPECT_EQ(lib.ask("giraffe", std::nullopt, std::nullopt).top_k, 1);
}

TEST(Retriever, ASearchMayAskForMoreThanARun) {
  Library lib;
  lib.make_corpus();
  std::string text;
  for (int i = 0; i < 60; ++i) text += "giraffe " + std::to_string(i) + "\n\n";
  lib.add_and_work("d1", text);
  const Answer answer = lib.retriever.retrieve({.tenant = lib.t.tenant(),
                                                .principal = lib.t.call.principal(),
                                                .corpus_id = "c1",
                                                .query = "giraffe",
                                                .top_k = 50,
                                                .most = kMostForSearch,
                                                .mode = std::nullopt});
  EXPECT_EQ(answer.passages.size(), 50U);
}

TEST(Retriever, NamesWhatIsWrongWithTheCorpus) {
  Library lib;
  EXPECT_EQ(failure_of_question(lib),
            (std::pair<std::string, std::string>("RETRIEVAL_CONFIG_INVALID", "corpus not found")));
  EXPECT_THROW((void)lib.ask("x"), CorpusNotFound);
  lib.make_corpus();
  store_config(lib, R"({"retrieval":null})");
  EXPECT_EQ(failure_of_question(lib),
            (std::pair<std::string, std::string>("RETRIEVAL_CONFIG_INVALID", "retrieval config missing")));
  store_config(lib, R"({"retrieval":{"provider":"aws_bedrock_kb","knowledge_base_id":"k","region":"r"}})");
  EXPECT_EQ(failure_of_question(lib),
            (std::pair<std::string, std::string>("RETRIEVAL_CONFIG_INVALID", "retrieval provider not registered")));
}

TEST(Retriever, AQuestionWithoutWordsFindsNothing) {
  Library lib;
  lib.make_corpus();
  lib.add_and_work("d1", "purple giraffe\n\n!!!");
  for (const char* query : {"", "   ", "???", "!!!", "的吗"})
    for (const search::Mode mode : {search::Mode::kHybrid, search::Mode::kDense, search::Mode::kLexical})
      EXPECT_THAT(lib.find(query, mode), IsEmpty()) << query;
}

TEST(Retriever, DenseSearchWithTheFakeModelRanksAsTheContractSays) {
  Library lib;
  lib.make_corpus();
  const std::vector<std::string> texts{
      "Release gates: Agent 2.0 ships when the regression suite is green and two reviewers agree.",
      "Testing strategy: unit tests, contract tests and a replay of last week's traffic.",
      "The office plants are watered on Mondays and Thursdays.",
      "Agent 2.0 keeps a log of every tool call for ninety days.",
      "Release notes are written by the person who merges the change.",
      "The cafeteria serves soup, salad and, on Fridays, the testing team's favourite pie."};
  std::string all;
  for (const std::string& text : texts) all += text + "\n\n";
  lib.add_and_work("d1", all);
  for (const char* question :
       {"What are the release gates for Agent 2.0?", "How is the agent tested?", "the the gates"}) {
    const auto query = embed::FakeEmbedder::embed_exact(question);
    std::vector<std::pair<double, std::string>> expected;
    for (const std::string& text : texts) {
      const auto row = embed::FakeEmbedder::embed_exact(text);
      const double cosine = std::inner_product(row.begin(), row.end(), query.begin(), 0.0);
      if (cosine > 0) expected.emplace_back(cosine, text);
    }
    std::sort(expected.begin(), expected.end(), std::greater<>());
    const Answer answer = lib.ask(question, search::Mode::kDense);
    ASSERT_EQ(answer.passages.size(), expected.size()) << question;
    for (std::size_t i = 0; i < expected.size(); ++i) {
      EXPECT_EQ(answer.passages[i].text, expected[i].second) << question;
      EXPECT_NEAR(answer.passages[i].score, expected[i].first, 1e-6) << question;
    }
  }
}

TEST(Retriever, TheModeOfTheQuestionWinsOverTheCorpusAndIsReported) {
  Library lib;
  lib.make_corpus("c1", R"({"retrieval":{"provider":"local_pgvector","mode":"dense"}})");
  lib.add_and_work("d1", "purple giraffe");
  EXPECT_EQ(lib.ask("giraffe").mode, search::Mode::kDense);
  EXPECT_EQ(lib.ask("giraffe").passages.at(0).lexical, 0.0);
  const Answer lexical = lib.ask("giraffe", search::Mode::kLexical);
  EXPECT_EQ(lexical.mode, search::Mode::kLexical);
  EXPECT_GT(lexical.passages.at(0).lexical, 0.0);
  EXPECT_EQ(lexical.passages.at(0).dense, 0.0);
}

TEST(Retriever, WithoutAModelEveryModeGoesByWordsAndSaysSo) {
  Library lib("none");
  lib.make_corpus();
  lib.add_and_work("d1", "purple giraffe");
  for (const search::Mode mode : {search::Mode::kHybrid, search::Mode::kDense, search::Mode::kLexical}) {
    const Answer answer = lib.ask("giraffe", mode);
    EXPECT_EQ(answer.mode, search::Mode::kLexical);
    EXPECT_EQ(answer.passages.size(), 1U);
  }
}

TEST(Retriever, ScoresFallAndStayBetweenZeroAndOne) {
  Library lib;
  lib.make_corpus();
  lib.add_and_work("d1",
                   "giraffe\n\ngiraffe giraffe parrot\n\nparrot and other birds\n\na giraffe far away\n\nnothing");
  for (const search::Mode mode : {search::Mode::kHybrid, search::Mode::kDense, search::Mode::kLexical}) {
    double last = 1;
    for (const Passage& passage : lib.ask("giraffe parrot", mode).passages) {
      EXPECT_GT(passage.score, 0);
      EXPECT_LE(passage.score, last);
      last = passage.score;
    }
  }
}

TEST(Retriever, APassageTellsWhereItsTextStands) {
  Library lib;
  lib.make_corpus();
  lib.add_and_work("d1", "Überschrift\r\n\r\nTwo giraffes.\r\n\r\nOne parrot.");
  const Passage passage = lib.ask("parrot").passages.at(0);
  EXPECT_EQ(passage.source, "document://d1");
  EXPECT_EQ(passage.document_id, "d1");
  EXPECT_EQ(passage.document_version, 1);
  const std::string text = lib.service.text(lib.t.call, "d1");
  const auto begin = static_cast<std::size_t>(passage.start_byte.value());
  EXPECT_EQ(text.substr(begin, static_cast<std::size_t>(passage.end_byte.value()) - begin), passage.text);
}

TEST(Retriever, ATenantNeverFindsWhatAnotherStored) {
  Library lib;
  lib.make_corpus();
  lib.add_and_work("d1", "our giraffe");
  const http::Call other = lib.t.call_as(Role::kAdmin, "t2");
  const auto ask_as_other = [&] {
    return lib.retriever
        .retrieve({.tenant = other.tenant(),
                   .principal = other.principal(),
                   .corpus_id = "c1",
                   .query = "giraffe",
                   .top_k = 20,
                   .mode = std::nullopt})
        .passages.size();
  };
  EXPECT_THROW((void)ask_as_other(), CorpusNotFound);
  (void)lib.service.create_corpus(other, {.id = "c1", .name = "c1"});
  EXPECT_EQ(ask_as_other(), 0U);
  EXPECT_EQ(lib.find("giraffe").size(), 1U);
}

TEST(Retriever, SearchesDuringIngestionAndMergesMissNothingAliveAndFindNothingDead) {
  Library lib;
  lib.make_corpus();
  constexpr int kDocuments = 6;
  const auto name = [](int i) { return "d" + std::to_string(i); };
  for (int i = 0; i < kDocuments; ++i) lib.add_and_work(name(i), "giraffe of " + name(i));
  lib.add_and_work("doomed", "giraffe of doomed");

  std::atomic<bool> finished{false};
  std::atomic<bool> doomed_is_gone{false};
  std::atomic<int> searches{0};
  std::mutex mutex;
  std::set<std::string> complaints;
  const auto complain = [&](const std::string& what) {
    const std::lock_guard lock(mutex);
    complaints.insert(what);
  };
  const auto look = [&] {
    const bool gone = doomed_is_gone.load();
    std::map<std::string, int> seen;
    for (const Passage& passage : lib.ask("giraffe").passages) ++seen[passage.document_id.value_or("")];
    for (int i = 0; i < kDocuments; ++i)
      if (seen[name(i)] != 1) complain(name(i) + " was found " + std::to_string(seen[name(i)]) + " times");
    if (gone && seen.contains("doomed")) complain("a deleted document was found");
    searches.fetch_add(1);
  };
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 6; ++i)
      threads.emplace_back([&] {
        try {
          while (!finished) look();
        } catch (const std::exception& e) {
          complain(e.what());
        }
      });
    threads.emplace_back([&] {
      while (!finished) {
        if (!lib.index.tidy_once(*lib.t.database, lib.t.tenant(), "c1")) std::this_thread::yield();
      }
    });
    threads.emplace_back([&] {
      for (int round = 0; round < 15; ++round) {
        for (int i = 0; i < kDocuments; ++i)
          lib.add_and_work(name(i), "giraffe of " + name(i) + " again " + std::to_string(round), true);
        if (round == 5) {
          lib.service.remove(lib.t.call, "doomed");
          doomed_is_gone = true;
        }
      }
      finished = true;
    });
  }
  EXPECT_THAT(complaints, IsEmpty());
  EXPECT_GT(searches.load(), 0);
}

}  // namespace
}  // namespace nexus::retrieval

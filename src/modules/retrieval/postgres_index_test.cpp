#include "modules/retrieval/postgres_index.h"

#include "embed/fake_embedder.h"
#include "modules/retrieval/postgres_fixture.h"
#include "modules/retrieval/postgres_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <set>
#include <string>
#include <vector>

namespace nexus::retrieval {
namespace {

using search::Mode;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr Mode kModes[] = {Mode::kLexical, Mode::kDense, Mode::kHybrid};

std::vector<std::string> ids(const std::vector<search::Hit>& hits) {
  std::vector<std::string> out;
  for (const search::Hit& hit : hits) out.push_back(hit.chunk.to_string());
  return out;
}

/// The same corpus on PostgreSQL, and in SQLite as segments.
class PostgresIndexTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (test_postgres() == nullptr) GTEST_SKIP() << "NEXUSRAG_TEST_POSTGRES names no server";
    postgres_ = std::make_unique<ScratchPostgres>(t_.clock, t_.metrics);
    here_.make();
    there().make();
  }

  [[nodiscard]] IndexedCorpus there(std::string corpus = "c1") const {
    return {*postgres_->database, index_, t_.tenant(), std::move(corpus), &fake_};
  }
  [[nodiscard]] IndexedCorpus with(const PostgresIndex& index) const {
    return {*postgres_->database, index, t_.tenant(), "c1", &fake_};
  }

  [[nodiscard]] std::vector<float> vector(std::string_view text) const {
    std::vector<float> out(fake_.dimension());
    fake_.embed(text, out);
    return out;
  }
  [[nodiscard]] ShelfChunk chunk(const std::string& text) const { return {uuid4(), text, vector(text)}; }
  void put(const std::string& document, const std::vector<ShelfChunk>& chunks) const {
    here_.put(document, chunks);
    there().put(document, chunks);
  }

  /// Words as frequent as in language: word r appears about 1/r as often as the first.
  [[nodiscard]] std::string words(std::size_t count, double vocabulary = 3000) {
    std::uniform_real_distribution<double> uniform(0, std::log(vocabulary));
    std::string out;
    for (std::size_t i = 0; i < count; ++i)
      out += fmt::format("{}w{}", i == 0 ? "" : " ", static_cast<int>(std::exp(uniform(random_))));
    return out;
  }
  void put_random(int documents, int chunks_each) {
    for (int d = 0; d < documents; ++d) {
      std::vector<ShelfChunk> chunks;
      for (int c = 0; c < chunks_each; ++c) chunks.push_back(chunk(words(20 + random_() % 60)));
      put(d % 10 == 9 ? std::string() : fmt::format("d{}", d), chunks);
    }
  }
  [[nodiscard]] search::ReadableDocuments random_readable(int documents) {
    search::ReadableDocuments::Ids ids;
    for (int d = 0; d < documents; ++d)
      if (random_() % 3 == 0) ids.push_back(fmt::format("d{}", d));
    const bool rest = random_() % 2 == 0;
    return random_() % 2 == 0 ? authz::ReadableDocumentsFactory::only(ids, rest)
                              : authz::ReadableDocumentsFactory::except(ids, rest);
  }

  [[nodiscard]] std::string value(const std::string& sql) const { return testing::PgLink(postgres_->url()).value(sql); }

  testing::TestCall t_;
  embed::FakeEmbedder fake_;
  std::mt19937 random_{7};  // NOLINT(cert-msc51-cpp): the same corpus every time
  SegmentEngine segments_{std::size_t{256} << 20, t_.clock, t_.metrics};
  PostgresIndex index_{{.exact_max = 100'000}};
  std::unique_ptr<ScratchPostgres> postgres_;
  IndexedCorpus here_{*t_.database, segments_, t_.tenant(), "c1", &fake_};
};

TEST_F(PostgresIndexTest, PreparesEveryStatement) {
  EXPECT_THAT(postgres_->database->check_statements(postgres::postgres_index_statements()), IsEmpty());
}

TEST_F(PostgresIndexTest, GivesTheTopTenOfTheSegments) {
  put_random(60, 8);
  int same = 0;
  int asked = 0;
  for (int i = 0; i < 60; ++i) {
    const std::string question = words(1 + random_() % 8);
    const std::vector<float> direction = vector(question);
    for (const Mode mode : kModes) {
      const std::vector<search::Hit> expected = here_.find(question, direction, mode);
      const std::vector<search::Hit> found = there().find(question, direction, mode);
      ++asked;
      if (ids(found) == ids(expected)) ++same;
      ASSERT_EQ(found.size(), expected.size()) << question;
      for (std::size_t k = 0; k < found.size(); ++k) {
        EXPECT_NEAR(found[k].score, expected[k].score, 2e-5) << question;
        EXPECT_NEAR(found[k].lexical, expected[k].lexical, 2e-5) << question;
      }
    }
  }
  EXPECT_GE(same * 100, asked * 99) << same << " of " << asked;
}

/// A first statement that reads next to nothing leaves the rest to the bounds.
TEST_F(PostgresIndexTest, WordsThatAreReadLaterDoNotChangeTheRanking) {
  put_random(40, 8);
  const PostgresIndex in_steps({.exact_max = 100'000, .first_rows = 5});
  for (int i = 0; i < 60; ++i) {
    const std::string question = words(2 + random_() % 12, 60);
    const std::vector<float> direction = vector(question);
    for (const Mode mode : {Mode::kLexical, Mode::kHybrid})
      for (const std::size_t k : {std::size_t{1}, std::size_t{10}}) {
        const std::vector<search::Hit> expected = here_.find(question, direction, mode, k);
        EXPECT_EQ(ids(with(in_steps).find(question, direction, mode, k)), ids(expected)) << question;
      }
  }
}

TEST_F(PostgresIndexTest, NoMoreChunksAreScoredThanAllowed) {
  put_random(40, 8);
  const PostgresIndex few({.exact_max = 100'000, .lexical_rows = 20, .first_rows = 5});
  for (int i = 0; i < 20; ++i) EXPECT_LE(with(few).find(words(6, 60), {}, Mode::kLexical, 100).size(), 20U);
}

TEST_F(PostgresIndexTest, DenseIsTheOrderOfCosineDistanceWithTiesById) {
  put("d1", {chunk("giraffe"), chunk("giraffe"), chunk("giraffe"), chunk("parrot and giraffe"), chunk("stone")});
  const std::vector<float> direction = vector("giraffe");
  const std::vector<search::Hit> hits = there().find("", direction, Mode::kDense);
  ASSERT_GE(hits.size(), 3U);
  std::vector<std::string> first = ids({hits[0], hits[1], hits[2]});
  EXPECT_TRUE(std::is_sorted(first.begin(), first.end()));
  EXPECT_EQ(ids(hits), ids(here_.find("", direction, Mode::kDense)));
}

TEST_F(PostgresIndexTest, NothingUnreadableIsEverFoundAndTheRestIsTheExactRanking) {
  constexpr int kDocuments = 40;
  put_random(kDocuments, 4);
  const PostgresIndex by_graph({.exact_max = 10});
  for (int i = 0; i < 40; ++i) {
    const search::ReadableDocuments readable = random_readable(kDocuments);
    const std::string question = words(4);
    const std::vector<float> direction = vector(question);
    for (const Mode mode : kModes) {
      const std::vector<search::Hit> found = there().find(question, direction, mode, 20, readable);
      EXPECT_EQ(ids(found), ids(here_.find(question, direction, mode, 20, readable)));
      for (const search::Hit& hit : found) EXPECT_TRUE(readable.contains(hit.document_id)) << hit.document_id;
      for (const search::Hit& hit : with(by_graph).find(question, direction, mode, 20, readable))
        EXPECT_TRUE(readable.contains(hit.document_id)) << hit.document_id;
    }
  }
  const auto nothing = authz::ReadableDocumentsFactory::only({}, false);
  for (const Mode mode : kModes) EXPECT_THAT(there().find("w1", vector("w1"), mode, 20, nothing), IsEmpty());
}

TEST_F(PostgresIndexTest, AChangeIsSeenByTheNextSearch) {
  put("a", {chunk("purple giraffe"), chunk("green parrot")});
  put("b", {chunk("yellow giraffe")});
  EXPECT_EQ(there().find("giraffe", {}, Mode::kHybrid).size(), 2U);
  put("a", {chunk("blue elephant")});
  EXPECT_EQ(there().find("giraffe", {}, Mode::kHybrid).size(), 1U);
  EXPECT_EQ(there().find("elephant", {}, Mode::kHybrid).size(), 1U);
  there().drop("a");
  EXPECT_THAT(there().find("elephant", {}, Mode::kHybrid), IsEmpty());
  const std::vector<float> direction = vector("elephant");
  for (const search::Hit& hit : there().find("", direction, Mode::kDense)) EXPECT_EQ(hit.document_id, "b");
}

TEST_F(PostgresIndexTest, ARolledBackChangeIsNeverSeen) {
  put("a", {chunk("purple giraffe")});
  EXPECT_THROW(postgres_->database->write([&](db::Tx& tx) {
    index_.remove_document(tx, t_.tenant(), "c1", "a");
    throw std::runtime_error("no");
  }),
               std::runtime_error);
  EXPECT_EQ(there().find("giraffe", {}, Mode::kLexical).size(), 1U);
}

TEST_F(PostgresIndexTest, CorporaAndTenantsAreApart) {
  there("c2").make();
  put("a", {chunk("purple giraffe")});
  there("c2").put("b", {chunk("purple giraffe"), chunk("giraffe")});
  for (const Mode mode : kModes) {
    for (const search::Hit& hit : there().find("giraffe", vector("giraffe"), mode)) EXPECT_EQ(hit.document_id, "a");
    for (const search::Hit& hit : there("c2").find("giraffe", vector("giraffe"), mode)) EXPECT_EQ(hit.document_id, "b");
  }
}

TEST_F(PostgresIndexTest, QuotesAndBackslashesInWordsAndIdsAreOnlyText) {
  put("d1", {chunk(R"(it's a back\slash 'quoted' "double" ' \ '' naïve straße)")});
  for (const char* word : {"it's", "back\\slash", "'quoted'", "straße", "naïve", "';"})
    EXPECT_EQ(ids(there().find(word, {}, Mode::kLexical)), ids(here_.find(word, {}, Mode::kLexical))) << word;
  const auto odd = authz::ReadableDocumentsFactory::only({R"(a"b\c'd)", "d1"}, true);
  EXPECT_EQ(there().find("quoted", {}, Mode::kLexical, 10, odd).size(), 1U);
}

TEST_F(PostgresIndexTest, TheStatisticsAreACountOfTheRowsWhateverTheHistory) {
  std::set<std::string> live;
  for (int step = 0; step < 60; ++step) {
    const std::string document = fmt::format("d{}", random_() % 6);
    if (random_() % 3 != 0) {
      there().put(document, {chunk(words(10, 40)), chunk(words(10, 40))});
    } else {
      there().drop(document);
    }
    if (random_() % 5 == 0) (void)index_.tidy_once(*postgres_->database, t_.tenant(), "c1");
  }
  const postgres::PostgresIndexRepository rows;
  const auto check = [&] {
    postgres_->database->read([&](db::Snapshot& s) {
      std::vector<std::string> terms;
      for (int w = 1; w < 40; ++w) terms.push_back(fmt::format("w{}", w));
      const auto corpus = rows.statistics(s, t_.tenant(), "c1", terms).value();
      EXPECT_EQ(std::to_string(corpus.statistics.chunks), value("SELECT count(*) FROM search_chunks"));
      EXPECT_EQ(std::to_string(corpus.statistics.length), value("SELECT coalesce(sum(length), 0) FROM search_chunks"));
      ASSERT_EQ(corpus.holders.size(), terms.size());
      for (std::size_t i = 0; i < terms.size(); ++i)
        EXPECT_EQ(std::to_string(corpus.holders[i]),
                  value(fmt::format("SELECT count(*) FROM search_chunks WHERE terms @@ '''{}'''",
                                    postgres::lexeme(corpus.number, terms[i]))));
    });
  };
  check();
  while (index_.tidy_all_once(*postgres_->database)) {
  }
  EXPECT_EQ(value("SELECT count(*) FROM search_deltas"), "0");
  check();
}

TEST_F(PostgresIndexTest, AClearedCorpusLeavesNothingBehind) {
  put("a", {chunk("purple giraffe")});
  (void)index_.tidy_once(*postgres_->database, t_.tenant(), "c1");
  put("b", {chunk("purple giraffe")});
  postgres_->database->write([&](db::Tx& tx) { index_.clear(tx, t_.tenant(), "c1"); });
  for (const char* table : {"search_chunks", "search_deltas", "search_terms", "search_corpora"})
    EXPECT_EQ(value(fmt::format("SELECT count(*) FROM {}", table)), "0") << table;
  EXPECT_THAT(there().find("giraffe", {}, Mode::kLexical), IsEmpty());
}

TEST_F(PostgresIndexTest, ARebuildThatMissedAChunkDoesNotSwap) {
  put("a", {chunk("purple giraffe")});
  const auto rebuild = index_.rebuild(*postgres_->database, t_.tenant(), "c1", fake_);
  EXPECT_NO_THROW(postgres_->database->write([&](db::Tx& tx) { rebuild->swap(tx); }));
  IndexedCorpus bare = there();
  bare.model = nullptr;
  bare.put("b", {{uuid4(), "green giraffe", {}}});
  EXPECT_THROW(postgres_->database->write([&](db::Tx& tx) { rebuild->swap(tx); }), std::runtime_error);
}

TEST_F(PostgresIndexTest, TheGraphFindsWhatAScanFinds) {
  // Documents about some fifty topics: vectors of a topic lie together, as embeddings do.
  std::normal_distribution<float> normal;
  std::vector<std::vector<float>> topics(50, std::vector<float>(db::kVectorColumnSize));
  for (auto& topic : topics)
    for (float& x : topic) x = normal(random_);
  const auto near_topic = [&] {
    std::vector<float> out = topics[random_() % topics.size()];
    for (float& x : out) x += normal(random_);
    return out;
  };
  for (int d = 0; d < 30; ++d) {
    std::vector<ShelfChunk> chunks;
    for (int c = 0; c < 100; ++c) chunks.push_back({uuid4(), "x", near_topic()});
    there().put(fmt::format("d{}", d), chunks);
  }
  testing::PgLink(postgres_->url()).run("ANALYZE chunks");
  const PostgresIndex by_graph({.exact_max = 1});
  search::ReadableDocuments::Ids half;
  for (int d = 0; d < 30; d += 2) half.push_back(fmt::format("d{}", d));
  for (const auto& readable :
       {authz::ReadableDocumentsFactory::everything(), authz::ReadableDocumentsFactory::except(half, true)}) {
    int common = 0;
    for (int i = 0; i < 50; ++i) {
      const std::vector<float> direction = near_topic();
      const std::vector<std::string> exact = ids(there().find("", direction, Mode::kDense, 10, readable));
      const std::vector<std::string> found = ids(with(by_graph).find("", direction, Mode::kDense, 10, readable));
      for (const std::string& id : found) common += std::count(exact.begin(), exact.end(), id) > 0 ? 1 : 0;
    }
    EXPECT_GE(common, 490) << "recall@10 of 50 questions, times 500";
  }
}

/// Rows as the original writes them: no tenant, no model, no terms.
TEST_F(PostgresIndexTest, RowsOfTheOriginalAreFoundByVectorAtOnceAndByWordAfterTheBackfill) {
  const std::string text = "purple giraffe";
  std::string literal = "[";
  for (const float x : vector(text)) literal += fmt::format("{}{}", literal.size() > 1 ? "," : "", x);
  testing::PgLink original(postgres_->url());
  original.run(
      fmt::format("INSERT INTO chunks (id, corpus_id, document_uri, chunk_index, text, embedding, metadata_json) "
                  "VALUES (gen_random_uuid(), 'c1', 'demo://1', 0, '{}', '{}]', '{{}}')",
                  text, literal));
  EXPECT_EQ(there().find("", vector(text), Mode::kDense).size(), 1U);
  EXPECT_THAT(there().find("giraffe", {}, Mode::kLexical), IsEmpty());
  std::size_t indexed = 0;
  for (std::size_t n = 0; (n = index_.backfill_once(*postgres_->database)) > 0;) indexed += n;
  EXPECT_GE(indexed, 1U);
  EXPECT_EQ(there().find("giraffe", {}, Mode::kLexical).size(), 1U);
  EXPECT_EQ(there().find("giraffe", vector("giraffe"), Mode::kHybrid).size(), 1U);
  EXPECT_EQ(index_.backfill_once(*postgres_->database), 0U);
  original.run("DELETE FROM chunks");
  EXPECT_THAT(there().find("giraffe", vector("giraffe"), Mode::kHybrid), IsEmpty());
  EXPECT_EQ(value("SELECT sum(chunks) FROM search_deltas"), "0");
}

TEST_F(PostgresIndexTest, RefusesVectorsThatTheColumnCannotHold) {
  const std::vector<float> long_one(769, 1.0F);
  const std::string id = uuid4();
  EXPECT_THROW((void)index_.prepare(&fake_, std::vector<IndexChunk>{{id, "d", "x", long_one}}), std::invalid_argument);
  EXPECT_THROW((void)index_.prepare(nullptr, std::vector<IndexChunk>{{"no uuid", "d", "x", {}}}),
               std::invalid_argument);
}

TEST_F(PostgresIndexTest, BuildsTheVectorIndexThatTheMigrationLeftOut) {
  testing::PgLink(postgres_->url()).run("DROP INDEX ix_chunks_embedding");
  put("a", {chunk("purple giraffe")});
  EXPECT_TRUE(index_.build_vector_index(*postgres_->database));
  EXPECT_FALSE(index_.build_vector_index(*postgres_->database));
  EXPECT_EQ(with(PostgresIndex({.exact_max = 0})).find("", vector("giraffe"), Mode::kDense).size(), 1U);
}

TEST_F(PostgresIndexTest, ASearchPastItsDeadlineSaysSo) {
  put("a", {chunk("purple giraffe")});
  const auto readable = authz::ReadableDocumentsFactory::everything();
  EXPECT_THROW(postgres_->database->read([&](db::Snapshot& s) {
    (void)index_.search(s, t_.tenant(), "c1", 0,
                        {.text = "giraffe", .readable = readable, .deadline = std::chrono::steady_clock::now()});
  }),
               search::SearchTimeout);
}

}  // namespace
}  // namespace nexus::retrieval

#include "modules/retrieval/index_store.h"

#include "modules/retrieval/index_fixture.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace nexus::retrieval {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(IndexRepository, PreparesEveryStatement) {
  const Shelf shelf;
  EXPECT_EQ(shelf.t.database->check_statements(index_statements()), std::vector<std::string>{});
}

TEST(IndexRepository, EveryChangeIsANewVersion) {
  Shelf shelf;
  const auto version = [&] {
    return shelf.t.database->read([&](db::Snapshot& s) { return shelf.rows.version(s, shelf.t.tenant(), "c1"); });
  };
  EXPECT_EQ(version(), 0);
  std::int64_t before = 0;
  for (int i = 0; i < 3; ++i) {
    shelf.put("d", {"x"});
    EXPECT_GT(version(), before);
    before = version();
  }
  shelf.t.database->write([&](db::Tx& tx) { shelf.rows.clear(tx, shelf.t.tenant(), "c1"); });
  EXPECT_GT(version(), before);
  EXPECT_EQ(shelf.segments(), 0U);
  EXPECT_EQ(shelf.tombstones(), 0U);
}

TEST(IndexRepository, ReplacesSegmentsOnlyWhenAllOfThemAreThere) {
  Shelf shelf;
  shelf.put("a", {"x"});
  const auto infos =
      shelf.t.database->read([&](db::Snapshot& s) { return shelf.rows.list(s, shelf.t.tenant(), "c1"); });
  const std::vector<std::int64_t> sources{infos.at(0).seq, 999};
  const std::vector<std::byte> merged = build_segment(nullptr, {});
  EXPECT_FALSE(shelf.t.database->write(
      [&](db::Tx& tx) { return shelf.rows.replace_segments(tx, shelf.t.tenant(), "c1", sources, merged, 1); }));
}

TEST(IndexStore, ACorpusWithoutAnIndexIsEmpty) {
  Shelf shelf;
  IndexStore store = shelf.store();
  EXPECT_THAT(shelf.find(store, "anything"), IsEmpty());
  EXPECT_EQ(store.memory_bytes(), 0U);
}

TEST(IndexStore, ACommitIsSeenByTheNextOpen) {
  Shelf shelf;
  IndexStore store = shelf.store();
  shelf.put("a", {"giraffe"});
  EXPECT_THAT(shelf.find(store, "giraffe"), ElementsAre("a"));
  shelf.put("b", {"giraffe", "giraffe again"});
  EXPECT_THAT(shelf.find(store, "giraffe"), ElementsAre("a", "b", "b"));
  shelf.drop("a");
  EXPECT_THAT(shelf.find(store, "giraffe"), ElementsAre("b", "b"));
}

TEST(IndexStore, ACommitOfAnotherProcessIsSeenByTheNextOpen) {
  Shelf shelf;
  IndexStore here = shelf.store();
  IndexStore there = shelf.store();
  shelf.put("a", {"giraffe"});
  EXPECT_THAT(shelf.find(here, "giraffe"), ElementsAre("a"));
  EXPECT_THAT(shelf.find(there, "giraffe"), ElementsAre("a"));
  shelf.put("a", {"parrot"});
  EXPECT_THAT(shelf.find(there, "parrot"), ElementsAre("a"));
  EXPECT_THAT(shelf.find(here, "giraffe"), IsEmpty());
  EXPECT_THAT(shelf.find(here, "parrot"), ElementsAre("a"));
}

TEST(IndexStore, ADocumentReplacedTwiceBetweenLoadsIsThereOnce) {
  Shelf shelf;
  IndexStore loaded = shelf.store();
  shelf.put("a", {"giraffe one"});
  shelf.put("b", {"giraffe b"});
  EXPECT_THAT(shelf.find(loaded, "giraffe"), ElementsAre("a", "b"));
  shelf.put("a", {"giraffe two"});
  shelf.put("a", {"giraffe three"});
  EXPECT_THAT(shelf.find(loaded, "giraffe"), ElementsAre("a", "b"));
  EXPECT_THAT(shelf.find(loaded, "two"), IsEmpty());
  EXPECT_THAT(shelf.find(loaded, "three"), ElementsAre("a"));
  IndexStore fresh = shelf.store();
  EXPECT_THAT(shelf.find(fresh, "giraffe"), ElementsAre("a", "b"));
  EXPECT_THAT(shelf.find(fresh, "one"), IsEmpty());
}

TEST(IndexStore, ADocumentDroppedAndPutBackBetweenLoadsIsThere) {
  Shelf shelf;
  IndexStore loaded = shelf.store();
  shelf.put("a", {"giraffe"});
  EXPECT_THAT(shelf.find(loaded, "giraffe"), ElementsAre("a"));
  shelf.drop("a");
  shelf.put("a", {"giraffe"});
  shelf.drop("b");  // was never there
  EXPECT_THAT(shelf.find(loaded, "giraffe"), ElementsAre("a"));
}

TEST(IndexStore, ARolledBackChangeIsNeverSeen) {
  Shelf shelf;
  IndexStore store = shelf.store();
  shelf.put("a", {"giraffe"});
  EXPECT_THROW(shelf.t.database->write([&](db::Tx& tx) {
    shelf.rows.bury_document(tx, shelf.t.tenant(), "c1", "a");
    throw std::runtime_error("no");
  }),
               std::runtime_error);
  EXPECT_THAT(shelf.find(store, "giraffe"), ElementsAre("a"));
}

TEST(IndexStore, ARebuiltIndexReplacesTheLoadedOne) {
  Shelf shelf;
  IndexStore store = shelf.store();
  shelf.put("a", {"giraffe"});
  EXPECT_THAT(shelf.find(store, "giraffe"), ElementsAre("a"));
  const std::string id = uuid4();
  const std::vector<std::byte> segment = build_segment(nullptr, std::vector<IndexChunk>{{id, "a", "parrot", {}}});
  shelf.t.database->write([&](db::Tx& tx) {
    shelf.rows.clear(tx, shelf.t.tenant(), "c1");
    shelf.rows.add_segment(tx, shelf.t.tenant(), "c1", segment, 1);
  });
  EXPECT_THAT(shelf.find(store, "giraffe"), IsEmpty());
  EXPECT_THAT(shelf.find(store, "parrot"), ElementsAre("a"));
}

TEST(IndexStore, CorporaAndTenantsAreApartHoweverTheirNamesJoin) {
  Shelf shelf;
  IndexStore store = shelf.store();
  shelf.put("a", {"giraffe"}, "1c");
  shelf.put("b", {"giraffe"}, "c");
  EXPECT_THAT(shelf.find(store, "giraffe", "1c"), ElementsAre("a"));
  EXPECT_THAT(shelf.find(store, "giraffe", "c"), ElementsAre("b"));
  shelf.t.database->read([&](db::Snapshot& s) {
    const TenantScope other = testing::TenantScopeFactory::make("t11");  // "t1" + "1c" == "t11" + "c"
    EXPECT_EQ(store.open(s, other, "c")->snapshot()->live_chunks(), 0U);
  });
}

/// A corpus with replaced and deleted documents in 24 segments.
void fill_with_history(Shelf& shelf) {
  for (int i = 0; i < 20; ++i)
    shelf.put("d" + std::to_string(i), {"giraffe " + std::to_string(i), i % 2 == 0 ? "even parrot" : "odd parrot"});
  for (int i = 0; i < 4; ++i) shelf.put("d" + std::to_string(i), {"giraffe new"});
  for (int i = 4; i < 7; ++i) shelf.drop("d" + std::to_string(i));
}

TEST(IndexStore, MergingChangesNoResult) {
  Shelf shelf;
  fill_with_history(shelf);
  IndexStore here = shelf.store();
  IndexStore there = shelf.store();
  const std::vector<const char*> words{"giraffe", "even", "odd", "parrot", "new", "7"};
  std::vector<std::vector<std::string>> before;
  for (const char* word : words) before.push_back(shelf.find(here, word));
  EXPECT_EQ(before[0].size(), 17U);
  (void)shelf.find(there, "giraffe");
  const std::size_t segments = shelf.segments();
  int merges = 0;
  while (here.merge_once(*shelf.t.database, shelf.t.tenant(), "c1")) ++merges;
  EXPECT_GT(merges, 0);
  EXPECT_LT(shelf.segments(), segments);
  IndexStore fresh = shelf.store();
  for (std::size_t i = 0; i < words.size(); ++i) {
    EXPECT_EQ(shelf.find(here, words[i]), before[i]) << words[i];
    EXPECT_EQ(shelf.find(there, words[i]), before[i]) << words[i];
    EXPECT_EQ(shelf.find(fresh, words[i]), before[i]) << words[i];
  }
}

TEST(IndexStore, ADocumentDroppedAfterAMergeIsGone) {
  Shelf shelf;
  fill_with_history(shelf);
  IndexStore store = shelf.store();
  while (store.merge_once(*shelf.t.database, shelf.t.tenant(), "c1")) {
  }
  shelf.drop("d10");
  IndexStore fresh = shelf.store();
  EXPECT_THAT(shelf.find(store, "10"), IsEmpty());
  EXPECT_THAT(shelf.find(fresh, "10"), IsEmpty());
}

TEST(IndexStore, MergesNothingWhenThereIsNothingWorthIt) {
  Shelf shelf;
  IndexStore store = shelf.store();
  EXPECT_FALSE(store.merge_once(*shelf.t.database, shelf.t.tenant(), "c1"));
  shelf.put("a", {"giraffe"});
  EXPECT_FALSE(store.merge_once(*shelf.t.database, shelf.t.tenant(), "c1"));
}

TEST(IndexStore, ACorpusWhoseLastDocumentWentNeedsNoRows) {
  Shelf shelf;
  IndexStore store = shelf.store();
  shelf.put("a", {"giraffe"});
  (void)shelf.find(store, "giraffe");
  shelf.drop("a");
  while (store.merge_once(*shelf.t.database, shelf.t.tenant(), "c1")) {
  }
  EXPECT_THAT(shelf.find(store, "giraffe"), IsEmpty());
  shelf.put("a", {"giraffe"});
  EXPECT_THAT(shelf.find(store, "giraffe"), ElementsAre("a"));
}

TEST(IndexStore, ATinyBudgetEvictsAndReloadsCorrectly) {
  Shelf shelf;
  IndexStore store = shelf.store(1);
  const std::vector<std::string> corpora{"c1", "c2", "c3"};
  for (const std::string& corpus : corpora) shelf.put("of-" + corpus, {"giraffe"}, corpus);
  for (int round = 0; round < 3; ++round) {
    for (const std::string& corpus : corpora) {
      shelf.t.clock.advance_us(1);
      EXPECT_THAT(shelf.find(store, "giraffe", corpus), ElementsAre("of-" + corpus));
    }
  }
  EXPECT_GE(shelf.t.metrics.counter("nexusrag_search_index_evictions_total").value(), 8U);
  IndexStore roomy = shelf.store();
  (void)shelf.find(roomy, "giraffe", "c3");
  EXPECT_EQ(store.memory_bytes(), roomy.memory_bytes());  // one index, the one in use
}

TEST(IndexStore, TheLeastRecentlyUsedGoesFirst) {
  Shelf shelf;
  IndexStore probe = shelf.store();
  for (const char* corpus : {"c1", "c2", "c3"}) shelf.put("a", {"giraffe"}, corpus);
  (void)shelf.find(probe, "giraffe", "c1");
  IndexStore store = shelf.store(probe.memory_bytes() * 5 / 2);  // two and a half of them
  for (const char* corpus : {"c1", "c2", "c1", "c3"}) {
    shelf.t.clock.advance_us(1);
    (void)shelf.find(store, "giraffe", corpus);
  }
  EXPECT_EQ(shelf.t.metrics.counter("nexusrag_search_index_evictions_total").value(), 1U);  // c2
  (void)shelf.find(store, "giraffe", "c1");
  EXPECT_EQ(shelf.t.metrics.counter("nexusrag_search_index_evictions_total").value(), 1U);
}

}  // namespace
}  // namespace nexus::retrieval

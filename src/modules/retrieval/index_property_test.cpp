// Random histories of a corpus, seen through stores that look often, seldom and for the first time.
#include "modules/retrieval/index_fixture.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <map>
#include <string>
#include <tuple>
#include <vector>

namespace nexus::retrieval {
namespace {

TEST(IndexProperty, WhateverTheHistoryEveryStoreFindsExactlyTheLiveDocuments) {
  Shelf shelf;  // each case has a corpus of its own
  int cases = 0;
  EXPECT_TRUE(rc::check([&] {
    const std::string corpus = fmt::format("c{}", ++cases);
    std::map<std::string, int> live;  // document → version
    IndexStore often = shelf.store();
    IndexStore seldom = shelf.store();
    int version = 0;
    const auto expect = [&](IndexStore& store) {
      std::vector<std::string> all;
      for (const auto& [document, its_version] : live) {
        all.push_back(document);
        RC_ASSERT(shelf.find(store, fmt::format("v{}", its_version), corpus) == std::vector<std::string>{document});
      }
      RC_ASSERT(shelf.find(store, "giraffe", corpus) == all);
    };
    const auto steps = *rc::gen::container<std::vector<std::tuple<int, int>>>(
        rc::gen::tuple(rc::gen::inRange(0, 8), rc::gen::inRange(0, 6)));
    for (const auto& [what, which] : steps) {
      const std::string document = fmt::format("d{}", which);
      if (what <= 3) {
        shelf.put(document, {fmt::format("giraffe v{}", ++version)}, corpus);
        live[document] = version;
      } else if (what <= 5) {
        shelf.drop(document, corpus);
        live.erase(document);
      } else if (what == 6) {
        (void)(which % 2 == 0 ? often : seldom).merge_once(*shelf.t.database, shelf.t.tenant(), corpus);
      } else {
        expect(seldom);
      }
      (void)shelf.find(often, "giraffe", corpus);
    }
    IndexStore fresh = shelf.store();
    expect(often);
    expect(seldom);
    expect(fresh);
  }));
}

}  // namespace
}  // namespace nexus::retrieval

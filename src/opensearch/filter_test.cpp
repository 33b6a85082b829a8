#include "opensearch/filter.h"

#include "opensearch/error.h"
#include "search/test_support.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace nexus::opensearch {
namespace {

using Peer = search::ReadableDocumentsTestPeer;

constexpr Scope kScope{"t1", "c1"};
constexpr const char* kOfCorpus = R"({"term":{"tenant":"t1"}},{"term":{"corpus":"c1"}})";

std::string clauses(const search::ReadableDocuments& readable, SearchOptions options = {},
                    const std::vector<std::string>& attributes = {}) {
  return readable_clauses(kScope, readable, attributes, options).value_or("nothing");
}
std::string with(const std::string& more) {
  return "[" + std::string(kOfCorpus) + more + "]";
}

TEST(PermissionFilter, IsTheCorpusAloneWhenEverythingMayBeRead) {
  EXPECT_EQ(clauses(Peer::everything()), with(""));
  EXPECT_EQ(clauses(Peer::except({})), with(""));
}

TEST(PermissionFilter, ListsWhatMayBeRead) {
  EXPECT_EQ(clauses(Peer::only({"b", "a"}, false)),
            with(R"(,{"bool":{"should":[{"terms":{"document":["a","b"]}}],"minimum_should_match":1}})"));
  EXPECT_EQ(clauses(Peer::only({"a"}, true)),
            with(R"(,{"bool":{"should":[{"terms":{"document":["a"]}},{"term":{"document":""}}],)"
                 R"("minimum_should_match":1}})"));
}

TEST(PermissionFilter, ListsWhatMayNotBeRead) {
  EXPECT_EQ(clauses(Peer::except({"a"}, true)), with(R"(,{"bool":{"must_not":[{"terms":{"document":["a"]}}]}})"));
  EXPECT_EQ(clauses(Peer::except({}, false)), with(R"(,{"bool":{"must_not":[{"term":{"document":""}}]}})"));
}

TEST(PermissionFilter, AsksNothingWhenNothingMayBeRead) {
  EXPECT_EQ(clauses(Peer::only({}, false)), "nothing");
  EXPECT_NE(clauses(Peer::only({}, true)), "nothing");
}

TEST(PermissionFilter, CutsLongListsIntoClausesThatTheServerTakes) {
  SearchOptions options;
  options.ids_per_clause = 2;
  EXPECT_EQ(clauses(Peer::only({"a", "b", "c"}, false), options),
            with(R"(,{"bool":{"should":[{"terms":{"document":["a","b"]}},{"terms":{"document":["c"]}}],)"
                 R"("minimum_should_match":1}})"));
}

TEST(PermissionFilter, GoesByAttributesWhenTheListIsTooLongAndNeverWithoutAFilter) {
  SearchOptions options;
  options.max_filter_ids = 2;
  const search::ReadableDocuments wide = Peer::only({"a", "b", "c"}, false);
  EXPECT_EQ(clauses(wide, options, {"group:x"}), with(R"(,{"terms":{"acl":["group:x"]}})"));
  EXPECT_THROW(static_cast<void>(clauses(wide, options)), Error);
}

TEST(PermissionFilter, EscapesIds) {
  EXPECT_EQ(clauses(Peer::only({"a\"]}"}, false)),
            with(R"(,{"bool":{"should":[{"terms":{"document":["a\"]}"]}}],"minimum_should_match":1}})"));
}

}  // namespace
}  // namespace nexus::opensearch

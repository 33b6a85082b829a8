#include "modules/retrieval/segment_engine.h"

#include "modules/authz/tenant_access.h"
#include "modules/retrieval/index_fixture.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace nexus::retrieval {
namespace {

using authz::ReadableDocumentsFactory;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

/// Documents found through the port.
std::vector<std::string> found(Shelf& shelf, const SegmentEngine& index, const search::ReadableDocuments& readable) {
  return shelf.t.database->read([&](db::Snapshot& s) {
    std::vector<std::string> out;
    for (const search::Hit& hit : index.search(s, shelf.t.tenant(), "c1", IndexStore::kUnknown,
                                               {.text = "giraffe", .k = 1000, .readable = readable}))
      out.push_back(hit.document_id);
    std::sort(out.begin(), out.end());
    return out;
  });
}

class SegmentEngineTest : public ::testing::Test {
 protected:
  void SetUp() override {
    for (const char* document : {"a", "b", "c"}) shelf_.put(document, {"giraffe"});
    shelf_.put("", {"giraffe"});
  }
  Shelf shelf_;
  SegmentEngine index_{std::size_t{64} << 20, shelf_.t.clock, shelf_.t.metrics};
};

TEST_F(SegmentEngineTest, FindsOnlyWhatIsListedOrNotDenied) {
  EXPECT_THAT(found(shelf_, index_, ReadableDocumentsFactory::everything()), ElementsAre("", "a", "b", "c"));
  EXPECT_THAT(found(shelf_, index_, ReadableDocumentsFactory::only({"b", "unknown"}, false)), ElementsAre("b"));
  EXPECT_THAT(found(shelf_, index_, ReadableDocumentsFactory::only({"b"}, true)), ElementsAre("", "b"));
  EXPECT_THAT(found(shelf_, index_, ReadableDocumentsFactory::except({"b"}, false)), ElementsAre("a", "c"));
  EXPECT_THAT(found(shelf_, index_, ReadableDocumentsFactory::except({}, true)), ElementsAre("", "a", "b", "c"));
  EXPECT_THAT(found(shelf_, index_, ReadableDocumentsFactory::only({}, false)), IsEmpty());
}

TEST_F(SegmentEngineTest, ALongListThatIsUsedAgainKnowsDocumentsThatCameSince) {
  search::ReadableDocuments::Ids ids;
  for (int i = 0; i < 200; ++i) ids.push_back("later" + std::to_string(i));
  ids.emplace_back("a");
  const search::ReadableDocuments listed = ReadableDocumentsFactory::only(ids, false);
  const search::ReadableDocuments denied = ReadableDocumentsFactory::except(ids, false);
  EXPECT_THAT(found(shelf_, index_, listed), ElementsAre("a"));
  EXPECT_THAT(found(shelf_, index_, denied), ElementsAre("b", "c"));
  shelf_.put("later7", {"giraffe"});
  shelf_.put("d", {"giraffe"});
  EXPECT_THAT(found(shelf_, index_, listed), ElementsAre("a", "later7"));
  EXPECT_THAT(found(shelf_, index_, denied), ElementsAre("b", "c", "d"));
  EXPECT_THAT(found(shelf_, index_, ReadableDocumentsFactory::only(ids, true)), ElementsAre("", "a", "later7"));
}

}  // namespace
}  // namespace nexus::retrieval

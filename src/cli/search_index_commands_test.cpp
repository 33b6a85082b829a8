#include "cli/search_index_commands.h"

#include <gtest/gtest.h>

namespace nexus::cli {
namespace {

opensearch::VerifyReport report() {
  opensearch::VerifyReport out{.corpora = 1, .documents = 2, .rows = {3, 30}, .index = {2, 20}, .waiting = 1};
  out.differences = 1;
  out.listed.push_back(
      {opensearch::Difference::Kind::kMissing, {"t1", "c1"}, "line\nbreak", {.chunks = 1, .checksum = 10}, {}});
  return out;
}

TEST(SearchIndexReport, NamesWhatDiffers) {
  EXPECT_EQ(verify_json(report()),
            R"({"equal":false,"corpora":1,"documents":2,"rows":{"chunks":3,"checksum":30},)"
            R"("index":{"chunks":2,"checksum":20},"waiting":1,"dead":0,"differences":1,"listed":[)"
            R"({"kind":"missing","tenant_id":"t1","corpus_id":"c1","document_id":"line\nbreak",)"
            R"("rows":{"chunks":1,"checksum":10},"index":{"chunks":0,"checksum":0}}]})"
            "\n");
  const std::string text = verify_text(report());
  EXPECT_NE(text.find("DIFFERENT"), std::string::npos);
  EXPECT_NE(text.find("line break"), std::string::npos) << "ids do not steer the terminal";
  EXPECT_NE(text.find("search-index rebuild"), std::string::npos);
}

TEST(SearchIndexReport, SaysWhetherTheRebuildIsComplete) {
  EXPECT_EQ(rebuild_json({.corpora = 2, .documents = 5}),
            "{\"complete\":true,\"corpora\":2,\"documents\":5,\"waiting\":0,\"dead\":0}\n");
  EXPECT_NE(rebuild_text({.corpora = 2, .documents = 5, .waiting = 3}).find("3 documents wait"), std::string::npos);
}

}  // namespace
}  // namespace nexus::cli

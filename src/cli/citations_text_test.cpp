#include "cli/citations_text.h"

#include "json/json.h"

#include <gtest/gtest.h>

namespace nexus::cli {
namespace {

boost::json::array citations() {
  return json::parse(R"([
    {"source":"demo://doc/1","score":0.8349,"metadata":{"title":"Testing","section":"Gates"},"quote":"A\n\u001b[31m text"},
    {"source":"document://d","score":0.5,"metadata":{"filename":"a.pdf"},"quote":"Second"}])")
      .as_array();
}

TEST(RenderCitations, ListsTheCitedOnesUnderTheirNumbers) {
  EXPECT_EQ(render_citations("So it is [2].", citations(), {}), "  [2] a.pdf  score 0.50\n      \"Second\"\n");
}

TEST(RenderCitations, ListsAllWhenTheAnswerNumbersNone) {
  EXPECT_EQ(render_citations("So it is.", citations(), {}),
            "  [1] demo://doc/1: Testing, Gates  score 0.83\n      \"A [31m text\"\n"
            "  [2] a.pdf  score 0.50\n      \"Second\"\n");
}

}  // namespace
}  // namespace nexus::cli

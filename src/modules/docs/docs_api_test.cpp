#include "modules/docs/docs_api.h"

#include "json/json.h"
#include "support/call_fixture.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace nexus::docs {
namespace {

TEST(Docs, TheOldPathsLeadToTheNewOnes) {
  testing::TestCall t;
  const DocsApi docs;
  EXPECT_EQ(docs.redirect_to_page(t.call).status, 307);
  EXPECT_EQ(docs.redirect_to_page(t.call).headers, (http::Pairs{{"Location", "/v1/docs"}}));
  EXPECT_EQ(docs.redirect_to_openapi(t.call).headers, (http::Pairs{{"Location", "/v1/openapi.json"}}));
}

TEST(Docs, DescribeTheRowsThatAreShown) {
  testing::TestCall t;
  DocsApi docs;
  std::vector<http::Endpoint> rows = docs.endpoints();
  http::Endpoint shown;
  shown.spec = {.verb = http::Verb::kGet, .path = "/things", .operation = "list_things", .tag = "x", .summary = "List"};
  rows.push_back(shown);
  docs.describe(rows);
  const http::Reply reply = docs.openapi(t.call);
  EXPECT_EQ(reply.content_type, "application/json");
  EXPECT_FALSE(reply.is_payload);
  const boost::json::value document = json::parse(reply.body);
  const boost::json::object& paths = document.at("paths").as_object();
  EXPECT_EQ(paths.size(), 1U);
  EXPECT_TRUE(paths.contains("/v1/things"));
}

TEST(Docs, ThePageIsHtml) {
  testing::TestCall t;
  EXPECT_TRUE(DocsApi().page(t.call).content_type.starts_with("text/html"));
}

}  // namespace
}  // namespace nexus::docs

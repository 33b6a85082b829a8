#include "http/router.h"

#include <gtest/gtest.h>

#include <stdexcept>

namespace nexus::http {
namespace {

Endpoint row(Verb verb, std::string_view path, bool versioned = true, bool legacy = true) {
  Endpoint endpoint;
  endpoint.spec.verb = verb;
  endpoint.spec.path = path;
  endpoint.spec.versioned = versioned;
  endpoint.spec.legacy_alias = legacy;
  endpoint.run = PlainHandler([](Call&, const AfterDecode&) { return Reply(); });
  return endpoint;
}

Router documents() {
  return Router({row(Verb::kGet, "/documents"), row(Verb::kPost, "/documents"), row(Verb::kPost, "/documents/text"),
                 row(Verb::kGet, "/documents/{document_id}"), row(Verb::kDelete, "/documents/{document_id}"),
                 row(Verb::kPost, "/documents/{document_id}/reindex"), row(Verb::kGet, "/audio/{audio_id}.mp3"),
                 row(Verb::kGet, "/audio/{name}"), row(Verb::kGet, "/api/stats", false, false),
                 row(Verb::kGet, "/admin/{tenant}/keys/{key}"), row(Verb::kGet, "/modern", true, false)});
}

TEST(RouterMatch, FindsAFixedPathUnderTheVersionAndWithoutIt) {
  const Router router = documents();
  const Match versioned = router.match(Verb::kGet, "/v1/documents");
  ASSERT_EQ(versioned.kind, Match::Kind::kFound);
  EXPECT_TRUE(versioned.versioned);
  const Match legacy = router.match(Verb::kGet, "/documents");
  ASSERT_EQ(legacy.kind, Match::Kind::kFound);
  EXPECT_FALSE(legacy.versioned);
  EXPECT_EQ(legacy.endpoint, versioned.endpoint);
}

TEST(RouterMatch, ServesARowWithoutVersionOnlyBare) {
  const Router router = documents();
  EXPECT_EQ(router.match(Verb::kGet, "/api/stats").kind, Match::Kind::kFound);
  EXPECT_EQ(router.match(Verb::kGet, "/v1/api/stats").kind, Match::Kind::kNotFound);
}

TEST(RouterMatch, ServesARowWithoutAliasOnlyVersioned) {
  const Router router = documents();
  EXPECT_EQ(router.match(Verb::kGet, "/v1/modern").kind, Match::Kind::kFound);
  EXPECT_EQ(router.match(Verb::kGet, "/modern").kind, Match::Kind::kNotFound);
}

TEST(RouterMatch, DecodesParameters) {
  const Match match = documents().match(Verb::kGet, "/v1/documents/a%20b%2Fc");
  ASSERT_EQ(match.kind, Match::Kind::kFound);
  EXPECT_EQ(match.path_params, (Pairs{{"document_id", "a b/c"}}));
}

TEST(RouterMatch, KeepsParametersInOrder) {
  const Match match = documents().match(Verb::kGet, "/v1/admin/t1/keys/k1");
  EXPECT_EQ(match.path_params, (Pairs{{"tenant", "t1"}, {"key", "k1"}}));
}

TEST(RouterMatch, PrefersAFixedSegmentToAParameter) {
  const Router router = documents();
  const Match match = router.match(Verb::kPost, "/v1/documents/text");
  ASSERT_EQ(match.kind, Match::Kind::kFound);
  EXPECT_EQ(match.endpoint->spec.path, "/documents/text");
}

TEST(RouterMatch, FallsBackToTheParameterWhenTheFixedRowHasAnotherVerb) {
  const Match match = documents().match(Verb::kGet, "/v1/documents/text");
  ASSERT_EQ(match.kind, Match::Kind::kFound);
  EXPECT_EQ(match.path_params, (Pairs{{"document_id", "text"}}));
}

TEST(RouterMatch, TakesTheSuffixOfASegmentOffItsParameter) {
  const Router router = documents();
  EXPECT_EQ(router.match(Verb::kGet, "/v1/audio/7d.mp3").path_params, (Pairs{{"audio_id", "7d"}}));
  EXPECT_EQ(router.match(Verb::kGet, "/v1/audio/7d.wav").path_params, (Pairs{{"name", "7d.wav"}}));
  EXPECT_EQ(router.match(Verb::kGet, "/v1/audio/.mp3").path_params, (Pairs{{"name", ".mp3"}}));
}

TEST(RouterMatch, AnswersMethodNotAllowedWithEveryMethodOfThePath) {
  const Match match = documents().match(Verb::kPut, "/v1/documents/text");
  ASSERT_EQ(match.kind, Match::Kind::kMethodNotAllowed);
  EXPECT_EQ(match.allow, "GET, POST, DELETE");
  EXPECT_TRUE(match.versioned);
}

TEST(RouterMatch, DoesNotImplementHeadByItself) {
  EXPECT_EQ(documents().match(Verb::kHead, "/v1/documents").kind, Match::Kind::kMethodNotAllowed);
}

TEST(RouterMatch, RedirectsATrailingSlashOfAKnownPath) {
  const Router router = documents();
  const Match match = router.match(Verb::kGet, "/v1/documents/d1//");
  ASSERT_EQ(match.kind, Match::Kind::kRedirect);
  EXPECT_EQ(match.location, "/v1/documents/d1");
  EXPECT_EQ(router.match(Verb::kPut, "/documents/").kind, Match::Kind::kRedirect);
  EXPECT_EQ(router.match(Verb::kGet, "/v1/nothing/").kind, Match::Kind::kNotFound);
}

TEST(RouterMatch, KnowsNeitherRootNorForeignNorTornPaths) {
  const Router router = documents();
  for (const auto* path : {"/", "", "*", "v1/documents", "/v1", "/v1/", "//", "/v1//documents", "/v2/documents"})
    EXPECT_EQ(router.match(Verb::kGet, path).kind, Match::Kind::kNotFound) << path;
}

TEST(RouterMatch, MatchesNothingBeyondItsDepth) {
  std::string path;
  for (int i = 0; i < 5000; ++i) path += "/a";
  EXPECT_EQ(documents().match(Verb::kGet, path).kind, Match::Kind::kNotFound);
}

TEST(RouterTable, RefusesTwoRowsOfOneVerbAndPath) {
  EXPECT_THROW(Router({row(Verb::kGet, "/a"), row(Verb::kGet, "/a")}), std::logic_error);
  EXPECT_THROW(Router({row(Verb::kGet, "/a/{x}"), row(Verb::kGet, "/a/{y}")}), std::logic_error);
}

TEST(RouterTable, RefusesMalformedRows) {
  for (const auto* path : {"", "a", "/a/", "/a//b", "/a/{", "/a/{}", "/a/{x}{y}", "/a/x}", "/{x}/{x}", "/v1/a"})
    EXPECT_THROW(Router({row(Verb::kGet, path)}), std::logic_error) << path;
  Endpoint empty;
  empty.spec.path = "/a";
  EXPECT_THROW(Router({empty}), std::logic_error);
}

}  // namespace
}  // namespace nexus::http

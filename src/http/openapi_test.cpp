#include "http/openapi.h"

#include "http/docs_page.h"
#include "http/plain.h"
#include "json/json.h"

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <gtest/gtest.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unistd.h>
#include <vector>

namespace nexus::openapi_test {

struct Source {
  std::string uri;
  std::optional<double> score;
};
struct Book {
  std::string name;
  std::vector<Source> sources;
  Source best;
  std::optional<Timestamp> at;
};
struct BookQuery {
  std::string tenant_id;
  int limit = 50;
};
struct BookUpload {
  std::string shelf;
};

class BooksApi {
 public:
  std::vector<Book> list(http::Call&, const BookQuery&) const { return {}; }
  Book create(http::Call&, const Book& in) const { return in; }
  Book upload(http::Call&, const BookUpload&) const { return {}; }
  boost::json::value health(http::Call&) const { return {}; }
  http::Reply text(http::Call&) const { return http::Reply::raw("once", "text/plain"); }
  void remove(http::Call&) const {}
};

}  // namespace nexus::openapi_test

namespace nexus {

template <>
const schema::Fields<openapi_test::Source>& schema::fields_of() {
  using namespace schema;
  using T = openapi_test::Source;
  static const Fields<T> fields{field("uri", &T::uri), field("score", &T::score, ge(0))};
  return fields;
}
template <>
const schema::Fields<openapi_test::Book>& schema::fields_of() {
  using namespace schema;
  using T = openapi_test::Book;
  static const auto fields = Fields<T>::closed({field("name", &T::name, min_length(1), example("Walden")),
                                                field("sources", &T::sources, defaulted()),
                                                field("best", &T::best, doc("The best one.")), field("at", &T::at)});
  return fields;
}
template <>
const schema::Fields<openapi_test::BookQuery>& schema::fields_of() {
  using namespace schema;
  using T = openapi_test::BookQuery;
  static const Fields<T> fields{path_field("tenant_id", &T::tenant_id),
                                query_field("limit", &T::limit, ge(1), le(200), defaulted())};
  return fields;
}
template <>
const schema::Fields<openapi_test::BookUpload>& schema::fields_of() {
  using namespace schema;
  using T = openapi_test::BookUpload;
  static const Fields<T> fields{form_field("shelf", &T::shelf), file_field<T>("file")};
  return fields;
}

namespace openapi_test {
namespace {

using http::BodyKind;
using http::Endpoint;
using http::Verb;

const BooksApi kBooks;

std::vector<Endpoint> rows() {
  return {
      http::plain<&BooksApi::list>(kBooks, {.path = "/admin/books/{tenant_id}",
                                            .operation = "list_books",
                                            .role = Role::kAdmin,
                                            .feature = "feature.books",
                                            .tag = "admin"}),
      http::plain<&BooksApi::create>(kBooks, {.verb = Verb::kPost,
                                              .path = "/books",
                                              .operation = "create_book",
                                              .role = Role::kEditor,
                                              .body = BodyKind::kJson,
                                              .success = 201,
                                              .tag = "documents",
                                              .summary = "Create a book"}),
      http::plain<&BooksApi::upload>(kBooks, {.verb = Verb::kPost,
                                              .path = "/books/file",
                                              .operation = "upload_book",
                                              .role = Role::kEditor,
                                              .body = BodyKind::kMultipart,
                                              .other_success = http::OtherSuccess::kDoneOrMany,
                                              .success = 202,
                                              .tag = "documents"}),
      http::plain<&BooksApi::health>(kBooks, {.path = "/health", .operation = "health", .tag = "health"}),
      http::plain<&BooksApi::health>(kBooks, {.path = "/healthz", .operation = "healthz", .tag = "health"}),
      http::plain<&BooksApi::health>(kBooks, {.path = "/secret", .operation = "secret", .hidden = true}),
      http::plain<&BooksApi::health>(kBooks, {.path = "/livez", .operation = "livez", .versioned = false}),
      http::plain<&BooksApi::health>(
          kBooks, {.path = "/api/stats", .operation = "stats", .versioned = false, .enveloped = false}),
      http::plain<&BooksApi::text>(kBooks, {.path = "/books/{book_id}/text",
                                            .operation = "read_book",
                                            .role = Role::kReader,
                                            .enveloped = false,
                                            .answers_file = true,
                                            .tag = "documents"}),
      http::plain<&BooksApi::remove>(kBooks, {.verb = Verb::kDelete,
                                              .path = "/books/{book_id}",
                                              .operation = "delete_book",
                                              .role = Role::kAdmin,
                                              .success = 204,
                                              .tag = "documents"}),
  };
}

boost::json::value document() {
  return http::openapi_document(rows());
}

TEST(OpenApi, DerivesOperationIdsAsSdksExpect) {
  EXPECT_EQ(http::operation_id({.path = "/admin/quotas/{tenant_id}", .operation = "get_quota_limits"}),
            "get_quota_limits_v1_admin_quotas__tenant_id__get");
  EXPECT_EQ(http::operation_id({.path = "/audio/{audio_id}.mp3", .operation = "get_audio"}),
            "get_audio_v1_audio__audio_id__mp3_get");
  EXPECT_EQ(http::operation_id({.path = "/api/stats", .operation = "stats", .versioned = false}),
            "stats_api_stats_get");
}

TEST(OpenApi, ListsOnlyDocumentedRoutes) {
  std::set<std::string> paths;
  const auto doc = document();
  for (const auto& path : doc.at("paths").as_object()) paths.emplace(path.key());
  EXPECT_EQ(paths, (std::set<std::string>{"/v1/admin/books/{tenant_id}", "/v1/books", "/v1/books/file", "/v1/health",
                                          "/api/stats", "/v1/books/{book_id}", "/v1/books/{book_id}/text"}));
}

TEST(OpenApi, AsksForACredentialEverywhereButOnPublicReads) {
  const auto doc = document();
  EXPECT_FALSE(doc.at("paths").at("/v1/health").at("get").as_object().contains("security"));
  EXPECT_EQ(json::write(doc.at("paths").at("/v1/books").at("post").at("security")), R"([{"BearerAuth":[]}])");
  EXPECT_EQ(json::write(doc.at("components").at("securitySchemes")),
            R"({"BearerAuth":{"type":"http","scheme":"bearer"}})");
}

TEST(OpenApi, ListsEveryErrorAnswerWithAnExample) {
  const auto doc = document();
  const auto& responses = doc.at("paths").at("/v1/books").at("post").at("responses").as_object();
  for (const char* status :
       {"400", "401", "402", "403", "404", "408", "409", "413", "422", "429", "500", "503", "507"}) {
    const auto& media = responses.at(status).at("content").at("application/json");
    EXPECT_EQ(media.at("schema").at("$ref"), "#/components/schemas/ErrorEnvelope");
    EXPECT_TRUE(media.at("example").at("error").at("code").is_string());
  }
  EXPECT_EQ(responses.begin()->key(), "201");
  EXPECT_EQ(responses.size(), 14u);
}

TEST(OpenApi, ListsAnswersToBodiesFilesAndWritesOnlyWhereTheyCanHappen) {
  const auto doc = document();
  const auto given = [&](const char* path, const char* verb, const char* status) {
    return doc.at("paths").at(path).at(verb).at("responses").as_object().contains(status);
  };
  EXPECT_TRUE(given("/v1/books/file", "post", "415"));
  EXPECT_FALSE(given("/v1/books", "post", "415"));
  EXPECT_TRUE(given("/v1/books/{book_id}", "delete", "507"));
  EXPECT_FALSE(given("/v1/books/{book_id}", "delete", "413"));
  EXPECT_FALSE(given("/v1/admin/books/{tenant_id}", "get", "507"));
}

TEST(OpenApi, ListsEverySuccessAndKeepsTheMainOneFirst) {
  const auto doc = document();
  const auto& responses = doc.at("paths").at("/v1/books/file").at("post").at("responses").as_object();
  EXPECT_EQ(responses.begin()->key(), "202");
  EXPECT_EQ(responses.at("200").at("content"), responses.at("202").at("content"));
  EXPECT_TRUE(responses.at("207").at("content").as_object().contains("application/json"));
  EXPECT_EQ(json::write(doc.at("paths").at("/v1/books/{book_id}/text").at("get").at("responses").at("200")),
            R"({"description":"Successful Response","content":{"*/*":{"schema":{}}}})");
}

TEST(OpenApi, PromisesEveryMemberOfAnAnswerButAsksOnlyForTheNeededOfABody) {
  const auto doc = document();
  const auto& schemas = doc.at("components").at("schemas");
  const auto& asked = doc.at("paths").at("/v1/books").at("post").at("requestBody");
  EXPECT_EQ(asked.at("content").at("application/json").at("schema").at("$ref"), "#/components/schemas/BookInput");
  EXPECT_EQ(json::write(schemas.at("BookInput").at("required")), R"(["name","best"])");
  EXPECT_EQ(json::write(schemas.at("Book").at("required")), R"(["name","sources","best","at"])");
  EXPECT_EQ(json::write(schemas.at("Source").at("required")), R"(["uri","score"])");
}

TEST(OpenApi, WrapsSuccessesAndNamesComponents) {
  const auto doc = document();
  const auto success = [&](const char* path, const char* verb, const char* status) {
    return json::write(doc.at("paths").at(path).at(verb).at("responses").at(status).at("content"));
  };
  EXPECT_EQ(success("/v1/books", "post", "201"),
            R"({"application/json":{"schema":{"$ref":"#/components/schemas/SuccessEnvelope_Book_"}}})");
  EXPECT_EQ(success("/v1/admin/books/{tenant_id}", "get", "200"),
            R"({"application/json":{"schema":{"$ref":"#/components/schemas/SuccessEnvelope_list_Book__"}}})");
  EXPECT_EQ(success("/api/stats", "get", "200"), R"({"application/json":{"schema":{}}})");
  const auto& book = doc.at("components").at("schemas").at("Book");
  EXPECT_EQ(json::write(book.at("properties").at("best")),
            R"({"$ref":"#/components/schemas/Source","description":"The best one."})");
  EXPECT_FALSE(doc.at("components").at("schemas").at("Source").as_object().contains("description"));
  EXPECT_FALSE(
      doc.at("paths").at("/v1/books/{book_id}").at("delete").at("responses").at("204").as_object().contains("content"));
}

TEST(OpenApi, DescribesParametersBodiesAndHeaders) {
  const auto doc = document();
  const auto& post = doc.at("paths").at("/v1/books").at("post");
  EXPECT_EQ(post.at("parameters").at(0).at("name"), "Idempotency-Key");
  EXPECT_EQ(json::write(post.at("requestBody")),
            R"({"required":true,"content":{"application/json":{"schema":{"$ref":"#/components/schemas/BookInput"}}}})");
  EXPECT_EQ(post.at("summary"), "Create a book");
  EXPECT_TRUE(doc.at("paths")
                  .at("/v1/books/file")
                  .at("post")
                  .at("requestBody")
                  .at("content")
                  .as_object()
                  .contains("multipart/form-data"));
  const auto& parameters = doc.at("paths").at("/v1/books/{book_id}").at("delete").at("parameters").as_array();
  ASSERT_EQ(parameters.size(), 2u);
  EXPECT_EQ(parameters[0].at("name"), "book_id");
  EXPECT_EQ(parameters[1].at("name"), "Idempotency-Key") << "every write takes one, without saying so";
  EXPECT_EQ(json::write(doc.at("tags")), R"([{"name":"admin"},{"name":"documents"},{"name":"health"}])");
}

TEST(OpenApi, ReferencesOnlyWhatExists) {
  const std::string text = json::write(document());
  const auto doc = document();
  const auto& schemas = doc.at("components").at("schemas").as_object();
  constexpr std::string_view kPrefix = "\"#/components/schemas/";
  std::size_t found = 0;
  for (std::size_t at = text.find(kPrefix); at != std::string::npos; at = text.find(kPrefix, at + 1)) {
    const std::size_t begin = at + kPrefix.size();
    EXPECT_TRUE(schemas.contains(text.substr(begin, text.find('"', begin) - begin)));
    ++found;
  }
  EXPECT_GT(found, 10u);
}

/// `pip install openapi-spec-validator` anywhere; NEXUSRAG_OPENAPI_VALIDATOR names the program when it is not on PATH.
TEST(OpenApi, PassesThePublicValidator) {
  const char* named = std::getenv("NEXUSRAG_OPENAPI_VALIDATOR");
  const std::string program = named != nullptr ? named : "openapi-spec-validator";
  if (std::system(("command -v '" + program + "' >/dev/null 2>&1").c_str()) != 0)
    GTEST_SKIP() << "openapi-spec-validator is not installed";
  const auto path = std::filesystem::temp_directory_path() / ("nexus-openapi-" + std::to_string(::getpid()) + ".json");
  std::ofstream(path) << json::write(document());
  EXPECT_EQ(std::system(("'" + program + "' '" + path.string() + "' >/dev/null").c_str()), 0);
  std::filesystem::remove(path);
}

TEST(DocsPage, IsOneDocumentUnderAStrictPolicyWithAFreshNonce) {
  const http::Reply page = http::docs_page();
  EXPECT_EQ(page.status, 200);
  EXPECT_EQ(page.content_type, "text/html; charset=utf-8");
  EXPECT_LT(page.body.size(), 60'000u);
  EXPECT_NE(page.body.find("<title>NexusRAG API v1</title>"), std::string::npos);
  EXPECT_EQ(page.body.find("NEXUS_NONCE"), std::string::npos);
  EXPECT_EQ(page.body.find("http://"), std::string::npos) << "nothing is fetched from elsewhere";
  EXPECT_EQ(page.body.find("https://"), std::string::npos);
  EXPECT_EQ(page.body.find(" style=\""), std::string::npos) << "inline styles would break the policy";
  const std::string& policy = page.headers.front().second;
  const std::size_t at = policy.find("'nonce-") + 7;
  const std::string nonce = policy.substr(at, policy.find('\'', at) - at);
  EXPECT_EQ(nonce.size(), 22u);
  EXPECT_NE(page.body.find("<script nonce=\"" + nonce + "\">"), std::string::npos);
  EXPECT_NE(http::docs_page().headers.front().second, policy);
}

}  // namespace
}  // namespace openapi_test
}  // namespace nexus

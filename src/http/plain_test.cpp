#include "http/plain.h"

#include "base/error.h"
#include "base/errors.h"
#include "http/stream.h"
#include "json/json.h"

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <gtest/gtest.h>

#include <cstdlib>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace nexus::plain_test {

struct Note {
  std::string title;
  int stars = 3;
};
struct NotePath {
  std::string id;
  Note note;
};
struct Search {
  int limit = 10;
};
struct Optional {
  std::optional<int> size;
};
struct Document {
  boost::json::object body;
};

class NotesApi {
 public:
  using Answer = std::variant<http::Reply, std::unique_ptr<http::EventStream>>;

  Note create(http::Call&, const Note& in) const { return in; }
  Note replace(http::Call&, const NotePath& in) const { return {in.id + ":" + in.note.title, in.note.stars}; }
  std::vector<Note> list(http::Call&, const Search& in) const {
    return std::vector<Note>(static_cast<std::size_t>(in.limit), Note{"n", 1});
  }
  void remove(http::Call&) const {}
  http::Reply page(http::Call&) const { return http::Reply::raw("hi", "text/plain", 203); }
  boost::json::value any(http::Call&) const { return {{"a", 1.0}}; }
  std::optional<int> resize(http::Call&, const Optional& in) const { return in.size; }
  boost::json::object echo(http::Call&, const Document& in) const { return in.body; }
  Answer stream(http::Call&, const Note& in) const {
    if (in.stars == 0) return http::Reply::json("null", 409);
    return std::unique_ptr<http::EventStream>();
  }
};

}  // namespace nexus::plain_test

namespace nexus {

template <>
const schema::Fields<plain_test::Note>& schema::fields_of() {
  using namespace schema;
  using T = plain_test::Note;
  static const auto fields = Fields<T>::closed(
      {field("title", &T::title, max_length(40)), field("stars", &T::stars, ge(0), le(5), defaulted())});
  return fields;
}
template <>
const schema::Fields<plain_test::NotePath>& schema::fields_of() {
  using namespace schema;
  using T = plain_test::NotePath;
  static const Fields<T> fields{path_field("id", &T::id), whole_body(&T::note)};
  return fields;
}
template <>
const schema::Fields<plain_test::Search>& schema::fields_of() {
  using namespace schema;
  static const Fields<plain_test::Search> fields{
      query_field("limit", &plain_test::Search::limit, ge(1), le(50), defaulted())};
  return fields;
}
template <>
const schema::Fields<plain_test::Optional>& schema::fields_of() {
  using namespace schema;
  static const Fields<plain_test::Optional> fields{field("size", &plain_test::Optional::size)};
  return fields;
}
template <>
const schema::Fields<plain_test::Document>& schema::fields_of() {
  using namespace schema;
  static const Fields<plain_test::Document> fields{whole_body(&plain_test::Document::body)};
  return fields;
}

namespace plain_test {
namespace {

using http::BodyKind;
using http::Call;
using http::Endpoint;
using http::Reply;
using http::Request;
using http::Verb;

constexpr http::RouteSpec kCreate{.verb = Verb::kPost,
                                  .path = "/notes",
                                  .operation = "create_note",
                                  .role = Role::kReader,
                                  .body = BodyKind::kJson,
                                  .success = 201};

/// One request against one row, without a server.
class Probe {
 public:
  explicit Probe(Endpoint row) : row_(std::move(row)) {}

  Probe& json(std::string body) {
    request_.headers.emplace_back("content-type", "application/json");
    request_.body = std::move(body);
    return *this;
  }
  Reply run(const http::AfterDecode& after_decode = {}) {
    Call call(request_, row_);
    call.path_params = params_;
    return std::get<http::PlainHandler>(row_.run)(call, after_decode);
  }
  /// `details.errors` of the refusal, or the code when there are none.
  std::string refusal() {
    try {
      (void)run();
      return "accepted";
    } catch (const ApiError& error) {
      const auto* errors = error.details().if_contains("errors");
      return errors != nullptr ? json::write(*errors)
                               : std::string(error.kind().code) + " " + std::string(error.message());
    }
  }

  Endpoint row_;
  Request request_;
  http::Pairs params_;
};

const NotesApi kApi;

Probe create() {
  return Probe(http::plain<&NotesApi::create>(kApi, kCreate));
}

TEST(Plain, DecodesRunsAndEncodesAsPayload) {
  const Reply reply = create().json(R"({"title":"é"})").run();
  EXPECT_EQ(reply.status, 201);
  EXPECT_EQ(reply.body, R"({"title":"é","stars":3})");
  EXPECT_TRUE(reply.is_payload);
  EXPECT_EQ(reply.content_type, "application/json");
}

TEST(Plain, ReportsEveryProblemAtOnce) {
  EXPECT_EQ(
      create().json(R"({"stars":9,"x":1})").refusal(),
      R"([{"type":"missing","loc":["body","title"],"msg":"Field required","input":{"stars":9,"x":1}},)"
      R"({"type":"less_than_equal","loc":["body","stars"],"msg":"Input should be less than or equal to 5","input":9,"ctx":{"le":5}},)"
      R"({"type":"extra_forbidden","loc":["body","x"],"msg":"Extra inputs are not permitted","input":1}])");
  try {
    (void)create().json("{}").run();
    FAIL();
  } catch (const ApiError& error) {
    EXPECT_EQ(error.kind(), errors::kRequestValidationError);
    EXPECT_EQ(error.message(), "Validation error");
  }
}

TEST(Plain, AnswersMalformedJsonAsTheOriginalDid) {
  EXPECT_EQ(
      create().json(R"({"session_id":)").refusal(),
      R"([{"type":"json_invalid","loc":["body",14],"msg":"JSON decode error","input":{},"ctx":{"error":"Expecting value"}}])");
}

TEST(Plain, AnswersAMissingBodyAsTheOriginalDid) {
  const std::string missing = R"([{"type":"missing","loc":["body"],"msg":"Field required","input":null}])";
  EXPECT_EQ(create().json("").refusal(), missing);
  EXPECT_EQ(create().json("null").refusal(), missing);
  EXPECT_EQ(
      create().json("[]").refusal(),
      R"([{"type":"model_attributes_type","loc":["body"],"msg":"Input should be a valid dictionary or object to extract fields from","input":[]}])");
}

TEST(Plain, TakesJsonWithoutOrWithAPlusJsonTypeButNotForms) {
  Probe bare = create();
  bare.request_.body = R"({"title":"t"})";
  EXPECT_EQ(bare.run().status, 201);
  bare.request_.headers = {{"Content-Type", "application/scim+JSON; charset=utf-8"}};
  EXPECT_EQ(bare.run().status, 201);
  bare.request_.headers = {{"Content-Type", "application/x-www-form-urlencoded"}};
  EXPECT_EQ(
      bare.refusal(),
      R"([{"type":"model_attributes_type","loc":["body"],"msg":"Input should be a valid dictionary or object to extract fields from","input":"{\"title\":\"t\"}"}])");
  bare.request_.path = "/v1/scim/v2/Users";
  EXPECT_EQ(bare.run().status, 201);
}

TEST(Plain, RefusesBytesThatAreNotTextAndDeepNesting) {
  EXPECT_EQ(create().json("{\"title\":\"\xFF\"}").refusal(), "BAD_REQUEST There was an error parsing the body");
  EXPECT_EQ(create().json("{\"title\":" + std::string(40, '[') + std::string(40, ']') + "}").refusal(),
            "BAD_REQUEST There was an error parsing the body");
}

TEST(Plain, RefusesAnIdempotencyKeyThatIsTooLong) {
  Probe probe = create().json(R"({"title":1})");
  probe.request_.headers.emplace_back("idempotency-key", std::string(129, 'k'));
  EXPECT_EQ(
      probe.refusal(),
      R"([{"type":"string_too_long","loc":["header","Idempotency-Key"],"msg":"String should have at most 128 characters","input":")" +
          std::string(129, 'k') +
          R"(","ctx":{"max_length":128}},{"type":"string_type","loc":["body","title"],"msg":"Input should be a valid string","input":1}])");
}

TEST(Plain, ReadsPathAndWholeBody) {
  Probe probe(http::plain<&NotesApi::replace>(
      kApi, {.verb = Verb::kPut, .path = "/notes/{id}", .operation = "replace_note", .body = BodyKind::kJson}));
  probe.params_ = {{"id", "7"}};
  EXPECT_EQ(probe.json(R"({"title":"t"})").run().body, R"({"title":"7:t","stars":3})");
}

TEST(Plain, ReadsQueryAndWritesLists) {
  Probe probe(http::plain<&NotesApi::list>(kApi, {.path = "/notes", .operation = "list_notes"}));
  probe.request_.query = {{"limit", "7"}, {"limit", "2"}};
  EXPECT_EQ(probe.run().body, R"([{"title":"n","stars":1},{"title":"n","stars":1}])");
}

TEST(Plain, EncodesEveryKindOfAnswer) {
  EXPECT_EQ(Probe(http::plain<&NotesApi::remove>(kApi, {.path = "/x", .success = 204})).run().status, 204);
  const Reply page = Probe(http::plain<&NotesApi::page>(kApi, {.path = "/x"})).run();
  EXPECT_EQ(page.status, 203);
  EXPECT_FALSE(page.is_payload);
  EXPECT_EQ(Probe(http::plain<&NotesApi::any>(kApi, {.path = "/x"})).run().body, R"({"a":1.0})");
  Probe document(http::plain<&NotesApi::echo>(kApi, {.path = "/x", .body = BodyKind::kJson}));
  EXPECT_EQ(document.json(R"({"b":[1,{"c":"long enough to leave the small buffer"}]})").run().body,
            R"({"b":[1,{"c":"long enough to leave the small buffer"}]})");
}

TEST(Plain, LetsAnOptionalBodyBeAbsent) {
  Probe probe(http::plain<&NotesApi::resize>(kApi, {.path = "/x", .body = BodyKind::kOptionalJson}));
  EXPECT_EQ(probe.run().body, "null");
  probe.json("null");
  EXPECT_EQ(probe.run().body, "null");
  probe.request_.body = R"({"size":"4"})";
  EXPECT_EQ(probe.run().body, "4");
}

TEST(Plain, ReturnsTheStoredAnswerInsteadOfRunning) {
  bool asked = false;
  const auto stored = [&](Call&, const http::Decoded&) -> std::optional<Reply> {
    asked = true;
    return Reply::raw("stored", "text/plain", 299);
  };
  EXPECT_EQ(create().json(R"({"title":"t"})").run(stored).status, 299);
  EXPECT_TRUE(asked);
  asked = false;
  EXPECT_THROW((void)create().json("{}").run(stored), ApiError) << "an invalid request never reaches the gates";
  EXPECT_FALSE(asked);
}

TEST(Plain, BindsStreamsThatMayAnswerPlainly) {
  const Endpoint row = http::stream<&NotesApi::stream>(
      kApi, {.verb = Verb::kPost, .path = "/run", .operation = "run", .body = BodyKind::kJson});
  Request request;
  request.body = R"({"title":"t","stars":0})";
  Call call(request, row);
  const auto& run = std::get<http::StreamHandler>(row.run);
  EXPECT_EQ(std::get<Reply>(run(call, {})).status, 409);
  request.body = R"({"title":"t"})";
  EXPECT_TRUE(std::holds_alternative<std::unique_ptr<http::EventStream>>(run(call, {})));
}

TEST(Plain, RefusesRowsThatContradictTheirFields) {
  EXPECT_THROW((void)http::plain<&NotesApi::create>(kApi, {.verb = Verb::kPost, .path = "/notes"}), std::logic_error);
  EXPECT_THROW((void)http::plain<&NotesApi::replace>(kApi, {.path = "/notes", .body = BodyKind::kJson}),
               std::logic_error);
}

TEST(Message, FindsHeadersInAnyCaseAndTheLastQueryValue) {
  Request request;
  request.headers = {{"X-A", "1"}, {"x-a", "2"}};
  request.query = {{"q", "1"}, {"q", "2"}};
  EXPECT_EQ(*request.header("x-A"), "1");
  EXPECT_EQ(request.header("x-b"), nullptr);
  EXPECT_EQ(*request.query_value("q"), "2");
  EXPECT_EQ(request.query_value("Q"), nullptr);
}

}  // namespace
}  // namespace plain_test
}  // namespace nexus

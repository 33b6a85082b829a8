#include "http/idempotency.h"

#include "base/error.h"
#include "http/plain.h"
#include "http/stream.h"
#include "json/schema.h"

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <variant>
#include <vector>

namespace nexus::idempotency_test {

struct Part {
  std::string name;
  int weight = 1;
};
struct Thing {
  std::string title;
  int size = 3;
  std::int64_t serial = 0;
  double ratio = 0.5;
  std::optional<std::string> label;
  schema::Patch<std::string> note;
  std::vector<Part> parts;
  boost::json::object extra;
  int limit = 10;
};
struct Upload {
  std::string corpus_id;
};
struct Token {
  std::string token;
};
struct Tree {
  std::vector<Tree> branches;
  std::optional<Token> token;
};
struct Hedge {
  std::vector<Hedge> branches;
};

class ThingsApi {
 public:
  void change(http::Call&, const Thing&) const {}
  void upload(http::Call&, const Upload&) const {}
  void bare(http::Call&) const {}
  Token issue(http::Call&) const { return {}; }
  std::vector<Token> issue_many(http::Call&) const { return {}; }
  Part part(http::Call&) const { return {}; }
  Tree tree(http::Call&) const { return {}; }
  Hedge hedge(http::Call&) const { return {}; }
  std::variant<http::Reply, std::unique_ptr<http::EventStream>> stream(http::Call&) const { return http::Reply(); }
};

}  // namespace nexus::idempotency_test

namespace nexus {

template <>
const schema::Fields<idempotency_test::Part>& schema::fields_of() {
  using idempotency_test::Part;
  static const Fields<Part> fields{field("name", &Part::name), field("weight", &Part::weight, defaulted())};
  return fields;
}
template <>
const schema::Fields<idempotency_test::Thing>& schema::fields_of() {
  using idempotency_test::Thing;
  static const Fields<Thing> fields{field("title", &Thing::title, defaulted()),
                                    field("size", &Thing::size, defaulted()),
                                    field("serial", &Thing::serial, defaulted()),
                                    field("ratio", &Thing::ratio, defaulted()),
                                    field("label", &Thing::label),
                                    field("note", &Thing::note),
                                    field("parts", &Thing::parts, defaulted()),
                                    field("extra", &Thing::extra, defaulted()),
                                    query_field("limit", &Thing::limit, defaulted())};
  return fields;
}
template <>
const schema::Fields<idempotency_test::Upload>& schema::fields_of() {
  using idempotency_test::Upload;
  static const Fields<Upload> fields{form_field("corpus_id", &Upload::corpus_id), file_field<Upload>("file")};
  return fields;
}
template <>
const schema::Fields<idempotency_test::Token>& schema::fields_of() {
  using idempotency_test::Token;
  static const Fields<Token> fields{field("token", &Token::token, sensitive())};
  return fields;
}
template <>
const schema::Fields<idempotency_test::Tree>& schema::fields_of() {
  using idempotency_test::Tree;
  static const Fields<Tree> fields{field("branches", &Tree::branches), field("token", &Tree::token)};
  return fields;
}
template <>
const schema::Fields<idempotency_test::Hedge>& schema::fields_of() {
  using idempotency_test::Hedge;
  static const Fields<Hedge> fields{field("branches", &Hedge::branches)};
  return fields;
}

namespace idempotency_test {
namespace {

using http::BodyKind;
using http::Call;
using http::Endpoint;
using http::Idempotency;
using http::Request;
using http::RouteSpec;
using http::Verb;

const ThingsApi kApi;

/// The canonical text of a request to `row`, as a gate gets it.
std::string canonical(const Endpoint& row, const Request& request, const http::Pairs& path = {}) {
  Call call(request, row);
  call.path_params = path;
  std::string text;
  (void)std::get<http::PlainHandler>(row.run)(call, [&](Call& c, const http::Decoded& decoded) {
    text = http::canonical_request(c, decoded);
    return std::optional(http::Reply());
  });
  return text;
}

std::string of_body(std::string body) {
  static const Endpoint row = http::plain<&ThingsApi::change>(
      kApi, {.verb = Verb::kPatch, .path = "/things", .operation = "change", .body = BodyKind::kJson});
  Request request;
  request.body = std::move(body);
  return canonical(row, request);
}

struct Pair {
  const char* what;
  std::string a;
  std::string b;
};

TEST(CanonicalRequest, TakesSpellingsOfOneRequestForTheSame) {
  for (const Pair& pair : std::vector<Pair>{
           {"order of keys", R"({"title":"t","size":4})", R"({"size":4,"title":"t"})"},
           {"white space", R"({"title":"t"})", " {\n\"title\" :\t\"t\" } "},
           {"a default written out", R"({"title":"t"})", R"({"title":"t","size":3,"ratio":0.5})"},
           {"null for an optional member", R"({"title":"t"})", R"({"title":"t","label":null})"},
           {"escapes", R"({"title":"a\u00e9\u002F\ud83d\ude00"})", "{\"title\":\"a\xC3\xA9/\xF0\x9F\x98\x80\"}"},
           {"a number as text", R"({"title":"t","size":7})", R"({"title":"t","size":"7"})"},
           {"a whole number with a fraction", R"({"title":"t","size":7})", R"({"title":"t","size":7.0})"},
           {"forms of a real number", R"({"title":"t","ratio":1500})", R"({"title":"t","ratio":1.5e3})"},
           {"zero below zero", R"({"title":"t","ratio":0})", R"({"title":"t","ratio":-0.0})"},
           {"a member nobody reads", R"({"title":"t"})", R"({"title":"t","colour":"red"})"},
           {"a default inside a list", R"({"title":"t","parts":[{"name":"n"}]})",
            R"({"title":"t","parts":[{"weight":1,"name":"n"}]})"},
           {"order of keys in free JSON", R"({"title":"t","extra":{"a":1,"b":{"c":2,"d":3}}})",
            R"({"title":"t","extra":{"b":{"d":3.0,"c":2e0},"a":1}})"},
           {"the last of two equal keys", R"({"title":"x","title":"t"})", R"({"title":"t"})"},
       })
    EXPECT_EQ(of_body(pair.a), of_body(pair.b)) << pair.what;
}

TEST(CanonicalRequest, TellsDifferentRequestsApart) {
  for (const Pair& pair : std::vector<Pair>{
           {"a value", R"({"title":"t"})", R"({"title":"u"})"},
           {"case", R"({"title":"t"})", R"({"title":"T"})"},
           {"composed and decomposed", R"({"title":"\u00e9"})", R"({"title":"e\u0301"})"},
           {"absent and null where null clears", R"({"title":"t"})", R"({"title":"t","note":null})"},
           {"null and empty", R"({"title":"t","note":null})", R"({"title":"t","note":""})"},
           {"null and the word", R"({"title":"t","label":null})", R"({"title":"t","label":"null"})"},
           {"order of a list", R"({"title":"t","parts":[{"name":"a"},{"name":"b"}]})",
            R"({"title":"t","parts":[{"name":"b"},{"name":"a"}]})"},
           {"number and text in free JSON", R"({"title":"t","extra":{"a":1}})", R"({"title":"t","extra":{"a":"1"}})"},
           {"null and absent in free JSON", R"({"title":"t","extra":{}})", R"({"title":"t","extra":{"a":null}})"},
           {"neighbours beyond 2^53", R"({"title":"t","serial":9007199254740992})",
            R"({"title":"t","serial":9007199254740993})"},
           {"neighbours beyond 2^53 in free JSON", R"({"title":"t","extra":{"a":9007199254740992}})",
            R"({"title":"t","extra":{"a":9007199254740993}})"},
           {"neighbours beyond 2^63", R"({"title":"t","extra":{"a":[18446744073709551614]}})",
            R"({"title":"t","extra":{"a":[18446744073709551615]}})"},
       })
    EXPECT_NE(of_body(pair.a), of_body(pair.b)) << pair.what;
}

TEST(CanonicalRequest, IsOneSortedTextByLocation) {
  EXPECT_EQ(
      of_body(R"({"title":"t","parts":[{"name":"n"}],"extra":{"z":1.50,"a":[null,true]}})"),
      R"({"body":{"extra":{"a":[null,true],"z":1.5},"label":null,"parts":[{"name":"n","weight":1}],"ratio":0.5,"serial":0,"size":3,"title":"t"},"query":{"limit":10}})");
}

TEST(CanonicalRequest, ReadsDeclaredParametersAndTakesOthersAsSent) {
  const Endpoint row = http::plain<&ThingsApi::change>(
      kApi, {.verb = Verb::kPatch, .path = "/things", .operation = "change", .body = BodyKind::kJson});
  const auto with = [&](http::Pairs query) {
    Request request;
    request.body = R"({"title":"t"})";
    request.query = std::move(query);
    return canonical(row, request);
  };
  EXPECT_EQ(with({}), with({{"limit", "10"}}));
  EXPECT_EQ(with({{"limit", "7"}}), with({{"limit", "07"}}));
  EXPECT_EQ(with({{"limit", "7"}}), with({{"limit", "2"}, {"limit", "7"}}));
  EXPECT_NE(with({{"limit", "7"}}), with({{"limit", "8"}}));
  EXPECT_NE(with({}), with({{"dry_run", "1"}}));
  EXPECT_NE(with({{"dry_run", "1"}}), with({{"dry_run", "01"}}));
}

TEST(CanonicalRequest, TakesTheBodyAsSentWhereNobodyDecodesIt) {
  const Endpoint row = http::plain<&ThingsApi::bare>(kApi, {.verb = Verb::kPost, .path = "/bare"});
  const auto with = [&](std::string body) {
    Request request;
    request.body = std::move(body);
    return canonical(row, request);
  };
  EXPECT_EQ(with(""), "{}");
  EXPECT_EQ(with("{}"), with("{}"));
  EXPECT_NE(with("{}"), with("{ }"));
}

TEST(CanonicalRequest, CountsUploadedFilesByNameTypeAndBytes) {
  const Endpoint row = http::plain<&ThingsApi::upload>(
      kApi, {.verb = Verb::kPost, .path = "/files", .operation = "upload", .body = BodyKind::kMultipart});
  const http::UploadedFile file{.field = "file",
                                .filename = "a.txt",
                                .content_type = "text/plain",
                                .path = "/spool/1",
                                .size = 1,
                                .sha256 = "aa"};
  const auto with = [&](const http::UploadedFile& sent, http::Pairs form) {
    Request request;
    request.form = std::move(form);
    request.files = {sent};
    return canonical(row, request);
  };
  const std::string one = with(file, {{"corpus_id", "c1"}});
  http::UploadedFile other = file;
  other.path = "/spool/2";
  EXPECT_EQ(with(other, {{"corpus_id", "c1"}}), one) << "where it is spooled does not matter";
  EXPECT_NE(with(file, {{"corpus_id", "c2"}}), one);
  EXPECT_NE(with(file, {{"corpus_id", "c1"}, {"mystery", "1"}}), one);
  for (std::string http::UploadedFile::*member :
       {&http::UploadedFile::filename, &http::UploadedFile::content_type, &http::UploadedFile::sha256}) {
    other = file;
    other.*member = "other";
    EXPECT_NE(with(other, {{"corpus_id", "c1"}}), one);
  }
}

TEST(IdempotencyKey, IsTrimmedAndBlankIsAbsent) {
  Request request;
  EXPECT_FALSE(http::idempotency_key(request));
  request.headers = {{"idempotency-key", " \t"}};
  EXPECT_FALSE(http::idempotency_key(request));
  request.headers = {{"idempotency-key", " k 1\t"}, {"Idempotency-Key", "second"}};
  EXPECT_EQ(http::idempotency_key(request), "k 1");
}

TEST(IdempotencyKey, MayHave128CharactersBesideItsBlanks) {
  const Endpoint row = http::plain<&ThingsApi::bare>(
      kApi, {.verb = Verb::kPost, .path = "/bare", .operation = "bare", .role = Role::kReader});
  Request request;
  request.headers = {{"Idempotency-Key", "  " + std::string(128, 'k') + " "}};
  Call call(request, row);
  const auto& run = std::get<http::PlainHandler>(row.run);
  EXPECT_NO_THROW((void)run(call, {}));
  request.headers = {{"Idempotency-Key", std::string(129, 'k')}};
  EXPECT_THROW((void)run(call, {}), ApiError);
  call.versioned = false;
  EXPECT_NO_THROW((void)run(call, {})) << "legacy paths ignore the header";
}

Idempotency settled(RouteSpec spec) {
  return http::plain<&ThingsApi::bare>(kApi, spec).spec.idempotency;
}

TEST(IdempotencyOfRows, FollowsFromVerbRoleAndPath) {
  for (const Verb verb : {Verb::kPost, Verb::kPut, Verb::kPatch, Verb::kDelete}) {
    EXPECT_EQ(settled({.verb = verb, .path = "/x", .role = Role::kReader}), Idempotency::kOptional);
    EXPECT_EQ(settled({.verb = verb, .path = "/x"}), Idempotency::kUnsupported) << "public";
    EXPECT_EQ(settled({.verb = verb, .path = "/mcp", .role = Role::kReader, .versioned = false}),
              Idempotency::kUnsupported);
  }
  EXPECT_EQ(settled({.path = "/x", .role = Role::kReader}), Idempotency::kUnsupported);
  EXPECT_EQ(settled({.verb = Verb::kPost, .path = "/x", .role = Role::kAdmin, .idempotency = Idempotency::kRequired}),
            Idempotency::kRequired);
  EXPECT_THROW((void)settled({.verb = Verb::kPost, .path = "/x", .idempotency = Idempotency::kOptional}),
               std::logic_error);
  EXPECT_THROW((void)settled({.path = "/x", .role = Role::kAdmin, .idempotency = Idempotency::kRequired}),
               std::logic_error);
}

TEST(IdempotencyOfRows, LeavesStreamsOut) {
  EXPECT_EQ(http::stream<&ThingsApi::stream>(kApi, {.verb = Verb::kPost, .path = "/run", .role = Role::kReader})
                .spec.idempotency,
            Idempotency::kUnsupported);
  EXPECT_THROW(
      (void)http::stream<&ThingsApi::stream>(
          kApi, {.verb = Verb::kPost, .path = "/run", .role = Role::kReader, .idempotency = Idempotency::kOptional}),
      std::logic_error);
}

TEST(SecretAnswers, FollowFromASensitiveMember) {
  EXPECT_TRUE(http::plain<&ThingsApi::issue>(kApi, {.verb = Verb::kPost, .path = "/x"}).spec.secret_answer);
  EXPECT_TRUE(http::plain<&ThingsApi::issue_many>(kApi, {.verb = Verb::kPost, .path = "/x"}).spec.secret_answer);
  EXPECT_TRUE(http::plain<&ThingsApi::tree>(kApi, {.verb = Verb::kPost, .path = "/x"}).spec.secret_answer);
  EXPECT_FALSE(http::plain<&ThingsApi::hedge>(kApi, {.verb = Verb::kPost, .path = "/x"}).spec.secret_answer);
  EXPECT_FALSE(http::plain<&ThingsApi::part>(kApi, {.verb = Verb::kPost, .path = "/x"}).spec.secret_answer);
  EXPECT_TRUE(http::plain<&ThingsApi::bare>(kApi, {.verb = Verb::kPost, .path = "/x", .secret_answer = true})
                  .spec.secret_answer);
}

}  // namespace
}  // namespace idempotency_test
}  // namespace nexus

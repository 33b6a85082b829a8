// The rows of the running server are data: what a row says is tried on every row, so that a new one is covered at once.
#include "app/statements.h"
#include "base/encoding.h"
#include "base/errors.h"
#include "http/contract_kit.h"
#include "http/openapi.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <algorithm>
#include <optional>
#include <set>

namespace nexus::testing {
namespace {

using http::Endpoint;
using http::RouteSpec;

/// One server for all rows; no test here changes what another one sees.
class RouteRows : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    app_ = std::make_unique<TestApp>();
    for (const char* role : {"reader", "editor", "admin"}) keys_.push_back(app_->make_key(role));
  }
  static void TearDownTestSuite() {
    app_.reset();
    keys_.clear();
  }

  static const std::vector<Endpoint>& rows() { return app_->app().endpoints(); }
  static const std::string& key(Role role) { return keys_.at(static_cast<std::size_t>(role) - first_role()); }
  static std::size_t first_role() { return static_cast<std::size_t>(Role::kReader); }

  static constexpr std::string_view kNobody = "999999999";

  /// The row's path with every parameter filled in by an id that does not exist, but for the tenant.
  static std::string path_of(const RouteSpec& spec, bool versioned, std::string_view tenant = kNobody) {
    std::string out = versioned ? "/v1" : "";
    std::string_view rest = spec.path;
    for (auto open = rest.find('{'); open != std::string_view::npos; open = rest.find('{')) {
      const auto end = rest.find('}') + 1;
      out.append(rest.substr(0, open)).append(rest.substr(open, end - open) == "{tenant_id}" ? tenant : kNobody);
      rest.remove_prefix(end);
    }
    return out.append(rest);
  }
  static bool served(http::Verb verb, std::string_view path, bool versioned) {
    return std::any_of(rows().begin(), rows().end(), [&](const Endpoint& row) {
      const bool surface = versioned ? row.spec.versioned : row.spec.legacy_alias || !row.spec.versioned;
      return surface && row.spec.verb == verb && row.spec.path == path;
    });
  }
  static std::string label(const RouteSpec& spec) {
    return std::string(http::to_string(spec.verb)) + " " + std::string(spec.path);
  }

  static std::unique_ptr<TestApp> app_;
  static std::vector<std::string> keys_;
};
std::unique_ptr<TestApp> RouteRows::app_;
std::vector<std::string> RouteRows::keys_;

bool is_known_code(std::string_view code) {
  const auto all = errors::catalogue();
  return std::any_of(all.begin(), all.end(), [&](const ErrorKind* kind) { return kind->code == code; });
}

TEST_F(RouteRows, AreServedWithAndWithoutTheVersionAsTheySay) {
  TestClient client = app_->anonymous();
  for (const Endpoint& row : rows()) {
    const RouteSpec& spec = row.spec;
    for (const bool versioned : {true, false}) {
      const Response answer = client.request(http::to_string(spec.verb), path_of(spec, versioned));
      if (served(spec.verb, spec.path, versioned)) {
        const int expected = spec.role ? 401 : answer.status;
        EXPECT_EQ(answer.status, expected) << label(spec) << versioned;
        const bool no_secret = spec.operation == "heartbeat" && answer.body == R"({"error":"heartbeat_disabled"})";
        EXPECT_TRUE(answer.status == 401 || answer.status / 100 == 2 || answer.status == 307 || no_secret)
            << label(spec) << versioned << answer.body;
      } else {
        EXPECT_TRUE(answer.status == 404 || answer.status == 405) << label(spec) << versioned << answer.status;
      }
      EXPECT_NE(answer.header("X-Request-Id"), nullptr) << label(spec);
    }
  }
}

TEST_F(RouteRows, WithARoleAnswerUnauthorizedWithoutAKey) {
  TestClient client = app_->anonymous();
  for (const Endpoint& row : rows()) {
    if (!row.spec.role) continue;
    const Response answer = client.request(http::to_string(row.spec.verb), path_of(row.spec, true));
    EXPECT_EQ(answer.status, 401) << label(row.spec);
    EXPECT_EQ(code_of(answer), "AUTH_UNAUTHORIZED") << label(row.spec);
    ASSERT_NE(answer.header("WWW-Authenticate"), nullptr) << label(row.spec);
    EXPECT_EQ(*answer.header("WWW-Authenticate"), "Bearer");
  }
}

TEST_F(RouteRows, AnswerForbiddenToTheRoleBelow) {
  std::size_t tried = 0;
  for (const Endpoint& row : rows()) {
    if (!row.spec.role || *row.spec.role == Role::kReader) continue;
    const Role below = *row.spec.role == Role::kAdmin ? Role::kEditor : Role::kReader;
    TestClient client = app_->client(key(below));
    const Response answer = client.request(http::to_string(row.spec.verb), path_of(row.spec, true));
    EXPECT_EQ(answer.status, 403) << label(row.spec);
    EXPECT_EQ(code_of(answer), "AUTH_FORBIDDEN") << label(row.spec);
    EXPECT_EQ(message_of(answer), "Insufficient role for this operation");
    ++tried;
  }
  EXPECT_GT(tried, 5U);
}

TEST_F(RouteRows, LetTheirOwnRoleIn) {
  for (const Endpoint& row : rows()) {
    if (!row.spec.role) continue;
    TestClient client = app_->client(key(*row.spec.role));
    const Response answer = client.request(http::to_string(row.spec.verb), path_of(row.spec, true, "t1"));
    EXPECT_NE(answer.status, 401) << label(row.spec);
    EXPECT_NE(answer.status, 403) << label(row.spec);
    EXPECT_LT(answer.status, 500) << label(row.spec) << answer.body;
  }
}

TEST_F(RouteRows, HaveUniqueOperations) {
  std::set<std::string> ids;
  std::set<std::string_view> names;
  for (const Endpoint& row : rows()) {
    EXPECT_TRUE(ids.insert(http::operation_id(row.spec)).second) << label(row.spec);
    EXPECT_TRUE(names.insert(row.spec.operation).second) << row.spec.operation;
  }
}

TEST_F(RouteRows, SayWhatDocumentationNeeds) {
  for (const Endpoint& row : rows()) {
    const RouteSpec& spec = row.spec;
    EXPECT_FALSE(spec.operation.empty()) << label(spec);
    EXPECT_FALSE(spec.tag.empty()) << label(spec);
    if (!spec.hidden) {
      EXPECT_FALSE(spec.summary.empty()) << label(spec);
    }
    if (spec.role) {
      EXPECT_NE(spec.route_class, http::RouteClass::kNone) << label(spec) << ": limits need a class";
    }
    if (spec.kill_switch.empty()) continue;
    EXPECT_TRUE(spec.kill_switch.starts_with("kill.")) << label(spec);
  }
}

TEST_F(RouteRows, StandInOpenApiUnlessHidden) {
  TestClient client = app_->anonymous();
  const boost::json::value document = client.get("/v1/openapi.json").json();
  std::size_t documented = 0;
  for (const Endpoint& row : rows()) {
    const boost::json::value* path = document.at("paths").as_object().if_contains(http::documented_path(row.spec));
    const boost::json::value* operation =
        path ? path->as_object().if_contains(ascii_lower(http::to_string(row.spec.verb))) : nullptr;
    EXPECT_EQ(operation != nullptr, !row.spec.hidden) << label(row.spec);
    if (operation == nullptr) continue;
    ++documented;
    EXPECT_EQ(text_of(operation->at("operationId")), http::operation_id(row.spec));
    EXPECT_TRUE(operation->at("responses").as_object().contains(std::to_string(row.spec.success)));
  }
  std::size_t listed = 0;
  for (const auto& path : document.at("paths").as_object()) listed += path.value().as_object().size();
  EXPECT_EQ(listed, documented) << "OpenAPI has nothing that is not a row";
}

TEST_F(RouteRows, AsLegacyAliasesSayThatTheyAreDeprecatedAndWearNoEnvelope) {
  TestClient admin = app_->client(key(Role::kAdmin));
  for (const Endpoint& row : rows()) {
    const RouteSpec& spec = row.spec;
    if (!spec.versioned || !spec.legacy_alias) continue;
    const Response answer = admin.request(http::to_string(spec.verb), path_of(spec, false));
    ASSERT_NE(answer.header("Deprecation"), nullptr) << label(spec);
    EXPECT_EQ(*answer.header("Deprecation"), "true");
    EXPECT_EQ(*answer.header("Sunset"), "Sun, 10 May 2026 00:00:00 GMT");
    EXPECT_EQ(*answer.header("Link"), "</v1/docs>; rel=\"successor-version\"");
    const std::string* type = answer.header("Content-Type");
    if (type == nullptr || *type != "application/json") continue;
    const boost::json::value body = answer.json();
    if (answer.status / 100 == 2) {
      EXPECT_FALSE(body.is_object() && body.as_object().contains("meta")) << label(spec) << answer.body;
    } else {
      EXPECT_TRUE(body.as_object().contains("detail")) << label(spec) << answer.body;
      EXPECT_FALSE(body.as_object().contains("error")) << label(spec);
    }
  }
}

TEST_F(RouteRows, UnderTheVersionWearTheEnvelope) {
  TestClient admin = app_->client(key(Role::kAdmin));
  for (const Endpoint& row : rows()) {
    const RouteSpec& spec = row.spec;
    if (!spec.versioned || spec.verb != http::Verb::kGet) continue;
    const Response answer = admin.get(path_of(spec, true), {{"X-Request-Id", "req-7"}});
    EXPECT_EQ(answer.header("Deprecation"), nullptr) << label(spec);
    EXPECT_EQ(*answer.header("X-Request-Id"), "req-7") << label(spec);
    if (answer.status / 100 == 2 && !spec.enveloped) continue;
    const boost::json::value body = answer.json();
    EXPECT_EQ(body.at("meta").at("request_id"), "req-7") << label(spec);
    EXPECT_EQ(body.at("meta").at("api_version"), "v1");
    EXPECT_TRUE(body.as_object().contains(answer.status / 100 == 2 ? "data" : "error")) << label(spec);
  }
}

TEST_F(RouteRows, UseStatementsThatTheDatabasePrepares) {
  const std::vector<const db::Statement*> statements = app::all_statements(app_->core().db->engine());
  EXPECT_THAT(app_->core().db->check_statements(statements), ::testing::IsEmpty());
  std::set<std::string_view> names;
  for (const db::Statement* statement : statements)
    EXPECT_TRUE(names.insert(statement->name()).second) << statement->name() << " is used twice";
}

// --- hostile bodies

/// What a refusal must look like.
void expect_refusal(const Response& answer, const std::string& what) {
  EXPECT_EQ(answer.status / 100, 4) << what << "\n" << answer.status << answer.body;
  EXPECT_TRUE(is_known_code(code_of(answer))) << what << "\n" << answer.body;
}

TEST_F(RouteRows, RefuseBodiesThatAreNoJson) {
  TestClient admin = app_->client(key(Role::kAdmin));
  const std::string deep = std::string(200, '[') + std::string(200, ']');
  const std::string bodies[] = {"{",
                                "[1,",
                                "\"",
                                "nul",
                                "{\"a\":1}}",
                                "{\"a\":}",
                                "{'a':1}",
                                "[]",
                                "5",
                                "\"x\"",
                                "true",
                                deep,
                                "\xFF\xFE",
                                "{\"a\":\"\xC3\"}",
                                "{\"a\":NaN}",
                                "{\"a\":01}",
                                "{,}",
                                "\xEF\xBB\xBF{}",
                                "{\"a\":\"\\ud800\"}",
                                std::string("{\"a\":\"\0\"}", 9)};
  std::size_t tried = 0;
  for (const Endpoint& row : rows()) {
    if (row.spec.body != http::BodyKind::kJson && row.spec.body != http::BodyKind::kOptionalJson) continue;
    for (const std::string& body : bodies) {
      const Response answer = admin.request(http::to_string(row.spec.verb), path_of(row.spec, true),
                                            {{"Content-Type", "application/json"}}, body);
      expect_refusal(answer, label(row.spec) + " " + body);
      ++tried;
    }
  }
  EXPECT_GT(tried, 80U);
}

/// Follows a reference into the components.
const boost::json::value& resolve(const boost::json::value& document, const boost::json::value& schema) {
  const boost::json::value* reference = schema.as_object().if_contains("$ref");
  if (reference == nullptr) return schema;
  const std::string path(reference->as_string());
  return document.at("components").at("schemas").at(path.substr(path.rfind('/') + 1));
}

/// The bare schema of a member, and whether null is a value of it too.
struct Member {
  std::string type;
  bool is_time = false;
  std::optional<boost::json::value> word;  ///< one of those it may be
  bool nullable = false;
};
Member member_of(const boost::json::value& document, const boost::json::value& declared) {
  const boost::json::object& schema = resolve(document, declared).as_object();
  if (const boost::json::value* any = schema.if_contains("anyOf")) {
    Member member = member_of(document, any->at(0));
    member.nullable = true;
    return member;
  }
  Member member;
  if (const boost::json::value* type = schema.if_contains("type")) member.type = text_of(*type);
  if (const boost::json::value* format = schema.if_contains("format")) member.is_time = *format == "date-time";
  if (const boost::json::value* words = schema.if_contains("enum")) member.word = words->at(0);
  return member;
}

boost::json::value valid_value(const Member& member) {
  if (member.word) return *member.word;
  if (member.is_time) return "2030-01-01T00:00:00Z";
  if (member.type == "integer" || member.type == "number") return 1;
  if (member.type == "boolean") return true;
  if (member.type == "object") return boost::json::object{};
  if (member.type == "array") return boost::json::array{};
  return "x";
}

std::vector<boost::json::value> wrong_values(const Member& member) {
  const boost::json::value list = boost::json::array{};
  const boost::json::value object = boost::json::object{};
  std::vector<boost::json::value> out;
  if (member.type == "string") out = {5, 2.5, true, list, object};
  if (member.is_time) out = {"x", "", true, list, object};  // a number is seconds since 1970
  if (member.type == "integer") out = {"x", "", 2.5, list, object, "1e3", "99999999999999999999"};
  if (member.type == "number") out = {"x", list, object};
  if (member.type == "boolean") out = {"maybe", 2, list, object, 1.5};
  if (member.type == "object") out = {"x", 5, list, true};
  if (member.type == "array") out = {"x", 5, object, true};
  if (!member.nullable) out.emplace_back(nullptr);
  return out;
}

TEST_F(RouteRows, RefuseTheWrongTypeOfEveryBodyField) {
  TestClient admin = app_->client(key(Role::kAdmin));
  const boost::json::value document = admin.get("/v1/openapi.json").json();
  std::size_t tried = 0;
  for (const Endpoint& row : rows()) {
    if (row.spec.body != http::BodyKind::kJson && row.spec.body != http::BodyKind::kOptionalJson) continue;
    const boost::json::value& operation =
        document.at("paths").at(http::documented_path(row.spec)).at(ascii_lower(http::to_string(row.spec.verb)));
    const boost::json::value& schema =
        resolve(document, operation.at("requestBody").at("content").at("application/json").at("schema"));
    boost::json::object valid;
    if (const boost::json::value* required = schema.as_object().if_contains("required"))
      for (const boost::json::value& name : required->as_array())
        valid[name.as_string()] = valid_value(member_of(document, schema.at("properties").at(name.as_string())));
    for (const auto& property : schema.at("properties").as_object()) {
      for (const boost::json::value& wrong : wrong_values(member_of(document, property.value()))) {
        boost::json::object body = valid;
        body[property.key()] = wrong;
        const std::string text = json::write(body);
        const Response answer = admin.request(http::to_string(row.spec.verb), path_of(row.spec, true),
                                              {{"Content-Type", "application/json"}}, text);
        expect_refusal(answer, label(row.spec) + " " + text);
        EXPECT_EQ(answer.status, 422) << label(row.spec) << text;
        EXPECT_EQ(code_of(answer), "REQUEST_VALIDATION_ERROR") << label(row.spec) << text;
        const std::string loc = answer.status == 422 && code_of(answer) == "REQUEST_VALIDATION_ERROR"
                                    ? json::write(answer.json().at("error").at("details").at("errors").at(0).at("loc"))
                                    : "";
        EXPECT_EQ(loc, fmt::format("[\"body\",\"{}\"]", std::string_view(property.key()))) << label(row.spec) << text;
        ++tried;
      }
    }
  }
  EXPECT_GT(tried, 80U);
}

TEST_F(RouteRows, RefuseTheWrongTypeOfEveryQueryParameter) {
  TestClient admin = app_->client(key(Role::kAdmin));
  std::size_t tried = 0;
  for (const Endpoint& row : rows()) {
    if (row.spec.verb != http::Verb::kGet || !row.parameters_schema) continue;
    const boost::json::value parameters = row.parameters_schema();
    for (const boost::json::value& parameter : parameters.as_array()) {
      if (parameter.at("in") != "query") continue;
      const boost::json::object& schema = parameter.at("schema").as_object();
      const bool optional = schema.contains("anyOf");
      const boost::json::object& bare = optional ? schema.at("anyOf").at(0).as_object() : schema;
      const std::string type = bare.contains("type") ? text_of(bare.at("type")) : "";
      std::vector<std::string> wrong;
      if (type == "integer") wrong = {"x", "", "2.5", "1e3"};
      if (type == "boolean") wrong = {"maybe", "2"};
      if (bare.contains("enum") || bare.contains("format")) wrong = {"zzz", ""};
      if (bare.contains("minimum")) wrong.push_back(std::to_string(bare.at("minimum").to_number<std::int64_t>() - 1));
      if (bare.contains("maximum")) wrong.push_back(std::to_string(bare.at("maximum").to_number<std::int64_t>() + 1));
      for (const std::string& value : wrong) {
        const std::string query = "?" + text_of(parameter.at("name")) + "=" + value;
        const Response answer = admin.get(path_of(row.spec, true) + query);
        EXPECT_EQ(answer.status, 422) << label(row.spec) << query << answer.body;
        EXPECT_EQ(code_of(answer), "REQUEST_VALIDATION_ERROR") << label(row.spec) << query;
        ++tried;
      }
    }
  }
  EXPECT_GT(tried, 20U);
}

TEST_F(RouteRows, NeverFailOnExtremeValues) {
  TestClient admin = app_->client(key(Role::kAdmin));
  const boost::json::value document = admin.get("/v1/openapi.json").json();
  const boost::json::array extremes = {"",
                                       std::string(5000, 'x'),
                                       std::string("a\0b", 3),
                                       "\xF0\x9F\x98\x80",
                                       "%00../..",
                                       -1,
                                       0,
                                       1e308,
                                       -0.0,
                                       std::int64_t{9'223'372'036'854'775'807},
                                       std::uint64_t{18'446'744'073'709'551'615U},
                                       true,
                                       nullptr,
                                       boost::json::object{{"a", nullptr}},
                                       boost::json::array{1}};
  int tenants = 0;
  for (const Endpoint& row : rows()) {
    if (row.spec.body != http::BodyKind::kJson && row.spec.body != http::BodyKind::kOptionalJson) continue;
    const boost::json::value& operation =
        document.at("paths").at(http::documented_path(row.spec)).at(ascii_lower(http::to_string(row.spec.verb)));
    const boost::json::value& schema =
        resolve(document, operation.at("requestBody").at("content").at("application/json").at("schema"));
    boost::json::object valid;
    for (const auto& property : schema.at("properties").as_object())
      valid[property.key()] = valid_value(member_of(document, property.value()));
    for (const auto& property : schema.at("properties").as_object()) {
      for (const boost::json::value& extreme : extremes) {
        boost::json::object body = valid;
        body[property.key()] = extreme;
        const std::string text = json::write(body);
        Pairs headers{{"Content-Type", "application/json"}};
        std::string tenant(kNobody);
        if (row.spec.path.find("{tenant_id}") != std::string_view::npos) {
          // What is accepted changes the tenant that the path names: each value gets one of its own.
          tenant = fmt::format("extreme-{}", ++tenants);
          headers.emplace_back("Authorization", "Bearer " + app_->make_key("admin", tenant));
        }
        const Response answer =
            admin.request(http::to_string(row.spec.verb), path_of(row.spec, true, tenant), headers, text);
        if (tenant != kNobody) {
          EXPECT_NE(answer.status, 403) << answer.body;
        }
        EXPECT_LT(answer.status, 500) << label(row.spec) << text.substr(0, 300) << answer.body;
      }
    }
  }
}

TEST_F(RouteRows, NeverFailOnStrangeParameters) {
  TestClient admin = app_->client(key(Role::kAdmin));
  const std::string strange[] = {"%00",
                                 "%FF%FE",
                                 "%2e%2e%2f",
                                 "%F0%9F%98%80",
                                 "a%20b",
                                 std::string(300, 'x'),
                                 "-1",
                                 "99999999999999999999",
                                 "%27%20OR%201%3D1"};
  for (const Endpoint& row : rows()) {
    if (row.spec.verb != http::Verb::kGet) continue;
    for (const std::string& value : strange) {
      std::string path = path_of(row.spec, true);
      if (const auto at = path.find(kNobody); at != std::string::npos) path.replace(at, kNobody.size(), value);
      std::string query = "?";
      const boost::json::value parameters = row.parameters_schema ? row.parameters_schema() : boost::json::array{};
      for (const boost::json::value& parameter : parameters.as_array())
        if (parameter.at("in") == "query") query.append(text_of(parameter.at("name"))).append("=" + value + "&");
      const Response answer = admin.get(path + query);
      EXPECT_LT(answer.status, 500) << path << query << answer.body;
      if (answer.status / 100 == 4) {
        EXPECT_TRUE(is_known_code(code_of(answer))) << answer.body;
      }
    }
  }
}

}  // namespace
}  // namespace nexus::testing

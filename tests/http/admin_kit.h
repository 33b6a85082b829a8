#pragma once

#include "base/time.h"
#include "http/contract_kit.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

/// What the suites of the administrative routes share: shapes, tables of refusals, and the audit log as evidence.
namespace nexus::testing {

/// Names of an object's members in their order, one space between.
inline std::string members_of(const boost::json::value& object) {
  std::string names;
  for (const auto& [name, value] : object.as_object())
    names.append(names.empty() ? "" : " ").append(name.data(), name.size());
  return names;
}

/// The same in alphabetical order, for what went through a column of JSON: PostgreSQL orders the members its own way.
inline std::string sorted_members_of(const boost::json::value& object) {
  std::vector<std::string> names;
  for (const auto& [name, value] : object.as_object()) names.emplace_back(name.data(), name.size());
  std::sort(names.begin(), names.end());
  std::string out;
  for (const std::string& name : names) out.append(out.empty() ? "" : " ").append(name);
  return out;
}

/// A moment as answers write it: `YYYY-MM-DDTHH:MM:SS[.ffffff]+00:00`.
inline bool is_moment(const boost::json::value& value) {
  if (!value.is_string()) return false;
  const std::string text = text_of(value);
  const auto parsed = parse_iso(text);
  return parsed && text.ends_with("+00:00") && iso(*parsed) == text;
}

/// A request with a JSON body, or without one when `body` is empty.
inline Response ask(TestClient& client, std::string_view verb, const std::string& path, std::string_view body = {},
                    Pairs headers = {}) {
  if (!body.empty()) headers.emplace_back("Content-Type", "application/json");
  return client.request(verb, path, headers, body);
}

/// Of a refused input, the first problem as `type at body.field`; of any other error its message.
inline std::string reason_of(const Response& answer) {
  if (code_of(answer) != "REQUEST_VALIDATION_ERROR") return message_of(answer);
  const boost::json::value document = answer.json();
  const boost::json::value& problem = document.at("error").at("details").at("errors").at(0);
  std::string where;
  for (const boost::json::value& part : problem.at("loc").as_array())
    where.append(where.empty() ? "" : ".").append(part.is_string() ? text_of(part) : json::write(part));
  return text_of(problem.at("type")) + " at " + where;
}

/// One refused request: what is sent, and status, code and reason that come back.
struct Refused {
  std::string_view verb;
  std::string path;
  std::string body;
  int status;
  std::string_view code;
  std::string reason;
};

inline void expect_refused(TestClient& client, const std::vector<Refused>& rows) {
  for (const Refused& row : rows) {
    const Response answer = ask(client, row.verb, row.path, row.body);
    EXPECT_EQ(answer.status, row.status) << row.verb << ' ' << row.path << ' ' << row.body << '\n' << answer.body;
    if (answer.status / 100 == 2) continue;
    EXPECT_EQ(code_of(answer), row.code) << row.verb << ' ' << row.path << ' ' << row.body;
    EXPECT_EQ(reason_of(answer), row.reason) << row.verb << ' ' << row.path << ' ' << row.body;
  }
}

constexpr std::string_view kBadInput = "REQUEST_VALIDATION_ERROR";
constexpr std::string_view kForeignScope = "Tenant scope does not match admin key";
constexpr std::string_view kOperatorsOnly = "This action is reserved for platform operators";

/// A server and a client of t1's admin.
class AdminTest : public ::testing::Test {
 protected:
  struct Guarded {
    std::string_view verb;
    std::string path;
    std::string body = {};
  };

  explicit AdminTest(const Changes& changes = {}) : app_(changes), client_(app_.client()) {}

  /// Nobody below an admin may call these, and a stranger is not told more than that a key is missing.
  void expect_admins_only(const std::vector<Guarded>& rows) {
    TestClient reader = app_.client(app_.make_key("reader"));
    TestClient editor = app_.client(app_.make_key("editor"));
    TestClient stranger = app_.anonymous();
    for (const Guarded& row : rows) {
      for (TestClient* client : {&reader, &editor}) {
        const Response answer = ask(*client, row.verb, row.path, row.body);
        EXPECT_EQ(answer.status, 403) << row.verb << ' ' << row.path << answer.body;
        EXPECT_EQ(code_of(answer), "AUTH_FORBIDDEN") << row.path;
      }
      const Response answer = ask(stranger, row.verb, row.path, row.body);
      EXPECT_EQ(answer.status, 401) << row.verb << ' ' << row.path;
      EXPECT_EQ(code_of(answer), "AUTH_UNAUTHORIZED") << row.path;
    }
  }

  /// The caller's events of this type, newest first; those recorded beside requests included.
  boost::json::array events(std::string_view type, TestClient* reader = nullptr) {
    app_.core().audit->flush();
    TestClient& who = reader != nullptr ? *reader : client_;
    return data_of(who.get("/v1/audit/events?limit=200&event_type=" + std::string(type))).at("items").as_array();
  }
  /// The newest of them; an empty object when there is none.
  boost::json::object newest(std::string_view type, TestClient* reader = nullptr) {
    const boost::json::array found = events(type, reader);
    EXPECT_FALSE(found.empty()) << type;
    return found.empty() ? boost::json::object{} : found[0].as_object();
  }

  TestApp app_;
  TestClient client_;
};

/// Two tenants and a third that operates the platform.
class OperatedTest : public AdminTest {
 protected:
  explicit OperatedTest(Changes changes = {})
      : AdminTest([&] {
          changes.emplace_back("PLATFORM_OPERATOR_TENANTS", "ops");
          return changes;
        }()),
        operator_(app_.client(app_.make_key("admin", "ops"))),
        other_(app_.client(app_.make_key("admin", "t2"))) {}

  TestClient operator_;
  TestClient other_;
};

}  // namespace nexus::testing

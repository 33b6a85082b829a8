#pragma once

#include "base/errors.h"
#include "http/plain.h"
#include "json/json.h"
#include "modules/auth/authenticator.h"
#include "modules/auth/gate_fixture.h"
#include "modules/auth/keys_api.h"
#include "modules/auth/operators.h"
#include "support/call_fixture.h"

#include <boost/json/value.hpp>

#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

/// For the tests of this room only.
namespace nexus::auth {

/// What came back: the payload of a success, or what a refusal says.
struct KeysAnswer {
  int status = 0;
  std::string code;
  std::string message;
  boost::json::value body;  ///< payload, or details

  [[nodiscard]] std::string text() const { return json::write(body); }
  [[nodiscard]] const boost::json::value& at(std::string_view name) const { return body.as_object().at(name); }
  [[nodiscard]] std::string str(std::string_view name) const { return std::string(at(name).as_string()); }
};

struct KeysRequest {
  std::string key_id = {};  ///< of the path
  http::Pairs query = {};
  std::string body = {};
  std::string tenant = "t1";
};

/// The routes of API keys over a scratch database, with the gate whose cache they must invalidate. Tenant t1 has one
/// admin key, `admin`.
struct KeysDesk {
  explicit KeysDesk(KeyRules rules = {.most_active = 4}, std::vector<std::string> operators_list = {"*"})
      : operators(std::move(operators_list)),
        tenant_keys(*t.database, t.audit, t.clock, keys, rules),
        api(tenant_keys, operators, t.audit, t.clock, 90),
        rows(api.endpoints()),
        admin(issue("admin", "first")) {
    t.audit.clear();
  }

  IssuedKey issue(std::string role, std::string name, std::string tenant = "t1") {
    return keys.create(testing::TenantScopeFactory::make(std::move(tenant)),
                       {.role = std::move(role), .name = std::move(name)});
  }

  [[nodiscard]] const http::Endpoint& row(std::string_view operation) const {
    for (const http::Endpoint& one : rows)
      if (one.spec.operation == operation) return one;
    throw std::logic_error("no row " + std::string(operation));
  }

  /// One request through decoding, handler and encoding, by an admin with the key `key-1`.
  KeysAnswer send(std::string_view operation, const KeysRequest& asked = {}) {
    const http::Endpoint& endpoint = row(operation);
    http::Request request = testing::make_request("/v1" + std::string(endpoint.spec.path));
    request.query = asked.query;
    request.body = asked.body;
    http::Call call(request, endpoint);
    if (!asked.key_id.empty()) call.path_params = {{"key_id", asked.key_id}};
    call.request_id = "req-1";
    call.now = t.clock.now();
    call.authenticated({.subject_id = "user-1",
                        .tenant_id = asked.tenant,
                        .role = Role::kAdmin,
                        .credential_id = "key-1",
                        .method = AuthMethod::kApiKey},
                       testing::TenantScopeFactory::make(asked.tenant));
    try {
      const http::Reply reply = std::get<http::PlainHandler>(endpoint.run)(call, {});
      return {.status = reply.status, .code = {}, .message = {}, .body = json::parse(reply.body)};
    } catch (const ApiError& e) {
      return {.status = e.kind().status,
              .code = std::string(e.kind().code),
              .message = e.message(),
              .body = boost::json::value(e.details())};
    }
  }
  KeysAnswer patch(const std::string& key_id, std::string body, std::string tenant = "t1") {
    return send("patch_admin_api_key",
                {.key_id = key_id, .query = {}, .body = std::move(body), .tenant = std::move(tenant)});
  }
  KeysAnswer revoke(const std::string& key_id, std::string tenant = "t1") {
    return send("revoke_api_key", {.key_id = key_id, .query = {}, .body = {}, .tenant = std::move(tenant)});
  }
  KeysAnswer create(std::string body) {
    return send("create_api_key", {.key_id = {}, .query = {}, .body = std::move(body)});
  }
  [[nodiscard]] std::vector<std::string> names(const KeysAnswer& answer) const {
    std::vector<std::string> out;
    for (const auto& item : answer.at("items").as_array()) out.emplace_back(item.at("name").as_string());
    return out;
  }

  /// Whether the gate lets a key in.
  [[nodiscard]] bool opens(const Secret& key) {
    t.request.headers = {{"authorization", "Bearer " + std::string(key.reveal())}};
    http::Call call = t.anonymous_call();
    try {
      gate.authenticate(call);
      return true;
    } catch (const ApiError&) {
      return false;
    }
  }
  [[nodiscard]] std::int64_t usable_admins() {
    return t.database->read([&](db::Snapshot& db) {
      return KeysRepository().count_usable_admins(db, testing::TenantScopeFactory::make("t1"), t.clock.now(), {});
    });
  }

  testing::TestCall t;
  Authenticator gate{*t.database, t.audit, t.clock, options_with(), t.metrics};
  KeysService keys{*t.database, t.audit, t.clock, test_pepper(), &gate};
  Operators operators;
  TenantKeys tenant_keys;
  KeysApi api;
  std::vector<http::Endpoint> rows;
  IssuedKey admin;
};

}  // namespace nexus::auth

#pragma once

#include "base/errors.h"
#include "http/plain.h"
#include "json/json.h"
#include "modules/auth/ports.h"
#include "modules/billing/ports.h"
#include "modules/plans/plans_api.h"
#include "support/call_fixture.h"

#include <boost/json/object.hpp>

#include <functional>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

/// For the tests of this room only.
namespace nexus::plans {

inline TenantScope tenant(std::string id = "t1") {
  return testing::TenantScopeFactory::make(std::move(id));
}

/// Remembers what was committed; like the real one, a key is used once for a tenant and event.
class RecordingOutbox final : public billing::Outbox {
 public:
  struct Item {
    std::string tenant_id;
    std::string event_type;
    std::string fields;  ///< JSON
    std::string dedupe_key;
  };
  std::vector<Item> items;

  void enqueue(db::Tx& tx, const TenantScope& tenant, std::string_view event_type, const boost::json::object& fields,
               std::string_view dedupe_key) override {
    tx.after_commit([this, item = Item{tenant.id(), std::string(event_type), json::write(fields),
                                       std::string(dedupe_key)}] { items.push_back(item); });
  }
};

/// `*`: every admin operates its own tenant. Named tenants: their admins operate all.
class StubOperators final : public auth::OperatorGate {
 public:
  std::set<std::string, std::less<>> named;  ///< empty: `*`

  [[nodiscard]] TenantScope scope_for(const http::Call& call, std::string_view tenant_id) const override {
    if (tenant_id != call.tenant().id() && !spans_tenants(call))
      throw ApiError(errors::kAuthForbidden, "Tenant scope does not match admin key");
    return testing::TenantScopeFactory::make(std::string(tenant_id));
  }
  void require(const http::Call& call) const override {
    if (!named.empty() && !spans_tenants(call)) throw ApiError(errors::kAuthForbidden, "Platform operator required");
  }
  [[nodiscard]] bool spans_tenants(const http::Call& call) const override { return named.contains(call.tenant().id()); }
};

class FixedQuota final : public quotas::QuotaView {
 public:
  [[nodiscard]] quotas::QuotaStatus status(const TenantScope&) override {
    return {.day = {.limit = 500, .used = 42, .remaining = 458}, .month = {.limit = {}, .used = 640, .remaining = {}}};
  }
};

/// The room over a scratch database.
struct PlansDesk {
  testing::TestCall t;
  EntitlementCache cache{*t.database, t.clock};
  PlansService plans{*t.database, t.audit, cache, t.clock};
  RecordingOutbox outbox;
  UpgradeRequests upgrades{*t.database, t.audit, outbox, plans, t.clock};
  StubOperators operators;
  FixedQuota quota;
  PlansApi api{plans, upgrades, operators, quota, t.audit};
  std::vector<http::Endpoint> rows = api.endpoints();

  [[nodiscard]] static Actor actor() { return Actor::tool("test"); }
  void assign(const std::string& plan_id, const std::string& tenant_id = "t1") {
    (void)plans.assign(tenant(tenant_id), plan_id, actor());
  }
  [[nodiscard]] bool has(std::string_view feature_key, const std::string& tenant_id = "t1") {
    return cache.enabled(tenant(tenant_id), feature_key);
  }
  void sql(const std::string& text) { t.database->run_script(text); }

  struct Answer {
    int status = 0;
    std::string code;  ///< of a refusal
    std::string message;
    boost::json::value body;  ///< payload, or details of a refusal
    [[nodiscard]] std::string text() const { return json::write(body); }
  };
  /// One request through decoding, handler and encoding, as an admin of `tenant_id`. `path` is the row's with its
  /// parameter filled in; a query may follow.
  [[nodiscard]] Answer send(http::Verb verb, const std::string& path, const std::string& body = {},
                            const std::string& tenant_id = "t1");
};

/// The row that a path without parameters in braces matches, and the parameter's value.
inline const http::Endpoint* match(const std::vector<http::Endpoint>& rows, http::Verb verb, std::string_view path,
                                   http::Pairs& parameters) {
  for (const http::Endpoint& row : rows) {
    if (row.spec.verb != verb) continue;
    const std::string_view pattern = row.spec.path;
    const std::size_t open = pattern.find('{');
    if (open == std::string_view::npos) {
      if (pattern == path) return &row;
      continue;
    }
    const std::size_t close = pattern.find('}');
    const std::string_view tail = pattern.substr(close + 1);
    if (!path.starts_with(pattern.substr(0, open)) || !path.ends_with(tail)) continue;
    const std::string_view value = path.substr(open, path.size() - open - tail.size());
    if (value.empty() || value.find('/') != std::string_view::npos) continue;
    parameters = {{std::string(pattern.substr(open + 1, close - open - 1)), std::string(value)}};
    return &row;
  }
  return nullptr;
}

inline PlansDesk::Answer PlansDesk::send(http::Verb verb, const std::string& path, const std::string& body,
                                         const std::string& tenant_id) {
  http::Request request = testing::make_request("/v1" + path.substr(0, path.find('?')));
  request.body = body;
  if (const std::size_t query = path.find('?'); query != std::string::npos) {
    const std::string pair = path.substr(query + 1);
    for (std::size_t at = 0; at < pair.size();) {
      const std::size_t end = std::min(pair.find('&', at), pair.size());
      const std::string one = pair.substr(at, end - at);
      request.query.emplace_back(one.substr(0, one.find('=')), one.substr(one.find('=') + 1));
      at = end + 1;
    }
  }
  http::Pairs parameters;
  const http::Endpoint* row = match(rows, verb, path.substr(0, path.find('?')), parameters);
  if (row == nullptr) throw std::logic_error("no row for " + path);
  http::Call call(request, *row);
  call.path_params = parameters;
  call.request_id = "req-1";
  call.now = t.clock.now();
  call.authenticated({.subject_id = "user-1",
                      .tenant_id = tenant_id,
                      .role = Role::kAdmin,
                      .credential_id = "key-" + tenant_id,
                      .method = AuthMethod::kApiKey},
                     tenant(tenant_id));
  try {
    const http::Reply reply = std::get<http::PlainHandler>(row->run)(call, {});
    return {.status = reply.status, .code = {}, .message = {}, .body = json::parse(reply.body)};
  } catch (const ApiError& e) {
    return {.status = e.kind().status,
            .code = std::string(e.kind().code),
            .message = e.message(),
            .body = boost::json::value(e.details())};
  }
}

}  // namespace nexus::plans

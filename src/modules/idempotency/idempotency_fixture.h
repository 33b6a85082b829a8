#pragma once

#include "base/error.h"
#include "base/errors.h"
#include "http/plain.h"
#include "json/json.h"
#include "json/schema.h"
#include "modules/idempotency/idempotency_gate.h"
#include "support/call_fixture.h"

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>

/// For the tests of this room: one row whose handler the test gives, and the steps of the pipeline around it.
namespace nexus::idempotency {

struct NewThing {
  std::string name;
  int size = 1;
};

}  // namespace nexus::idempotency

namespace nexus {
template <>
inline const schema::Fields<idempotency::NewThing>& schema::fields_of() {
  using idempotency::NewThing;
  static const Fields<NewThing> fields{field("name", &NewThing::name), field("size", &NewThing::size, defaulted())};
  return fields;
}
}  // namespace nexus

namespace nexus::idempotency {

class ThingsApi {
 public:
  http::Reply create(http::Call& call, const NewThing& in) const {
    ++runs;
    return handler(call, in);
  }

  mutable std::atomic<int> runs{0};
  std::function<http::Reply(http::Call&, const NewThing&)> handler = [](http::Call&, const NewThing& in) {
    return http::Reply::json(R"({"name":")" + in.name + R"("})", 201);
  };
};

/// What a client sees.
struct Answer {
  int status = 0;
  std::string code;  ///< of a refusal
  http::Reply reply;

  [[nodiscard]] std::string header(std::string_view name) const {
    for (const auto& [key, value] : reply.headers)
      if (key == name) return value;
    return {};
  }
  [[nodiscard]] bool replayed() const { return header("Idempotency-Replayed") == "true"; }
};

class GateFixture {
 public:
  /// Over a private database, or over `shared`.
  explicit GateFixture(IdempotencyOptions options = {}, db::Database* shared = nullptr)
      : database(testing::scratch_database(clock, metrics)),
        gate(shared != nullptr ? *shared : *database, clock, with_secret(std::move(options)), metrics),
        row(http::plain<&ThingsApi::create>(api, {.verb = http::Verb::kPost,
                                                  .path = "/things",
                                                  .operation = "create_thing",
                                                  .role = Role::kEditor,
                                                  .route_class = http::RouteClass::kMutation,
                                                  .body = http::BodyKind::kJson,
                                                  .success = 201})) {
    request = testing::make_request("/v1/things");
    request.verb = http::Verb::kPost;
    request.method = "POST";
    request.body = R"({"name":"a"})";
    request.headers.emplace_back("Idempotency-Key", "k1");
  }

  struct As {
    std::string request_id = "req-1";
    std::string tenant = "t1";
    std::string credential = "key-1";
    bool versioned = true;
  };
  /// Sends `sent` the way the pipeline does.
  Answer send(const http::Request& sent, const As& as) {
    http::Call call(sent, row);
    call.request_id = as.request_id;
    call.versioned = as.versioned;
    call.now = clock.now();
    call.authenticated(
        {.subject_id = "user", .tenant_id = as.tenant, .role = Role::kEditor, .credential_id = as.credential},
        testing::TenantScopeFactory::make(as.tenant));
    Reservation reservation;
    try {
      http::Reply reply = std::get<http::PlainHandler>(row.run)(
          call, [&](http::Call& c, const http::Decoded& decoded) { return gate.begin(c, decoded, reservation); });
      if (reply.is_payload) envelope(reply, R"({"data":)" + reply.body, as.request_id);
      reservation.complete(reply);
      const int status = reply.status;
      return {.status = status, .code = {}, .reply = std::move(reply)};
    } catch (const ApiError& error) {
      http::Reply reply;
      reply.status = error.kind().status;
      for (const auto& header : error.headers()) reply.headers.push_back(header);
      envelope(reply, R"({"error":)" + code_and_details(error), as.request_id);
      reservation.complete(reply, error.kind().code);
      return {.status = error.kind().status, .code = std::string(error.kind().code), .reply = std::move(reply)};
    }
  }
  Answer send(std::string request_id = "req-1") { return send(request, {.request_id = std::move(request_id)}); }
  Answer send_body(std::string body, std::string request_id = "req-1") {
    http::Request other = request;
    other.body = std::move(body);
    return send(other, {.request_id = std::move(request_id)});
  }
  /// Reserves the key as send() would and leaves it so. Held and never renewed, that is a process that died.
  Reservation hold() {
    http::Call call(request, row);
    call.request_id = "req-held";
    call.authenticated({.subject_id = "user", .tenant_id = "t1", .role = Role::kEditor, .credential_id = "key-1"},
                       testing::TenantScopeFactory::make("t1"));
    Reservation reservation;
    (void)std::get<http::PlainHandler>(row.run)(call, [&](http::Call& c, const http::Decoded& decoded) {
      EXPECT_FALSE(gate.begin(c, decoded, reservation));
      return std::optional(http::Reply());
    });
    return reservation;
  }
  void key(std::string text) { request.headers.back().second = std::move(text); }

  [[nodiscard]] std::int64_t rows() const {
    static constexpr db::Statement kCount{"test.idempotency_count", "SELECT count(*) FROM idempotency_records"};
    return database->read([](db::Snapshot& s) {
      auto count = s.query(kCount);
      return count.next() ? count.i64(0) : -1;
    });
  }
  [[nodiscard]] std::uint64_t counted(const std::string& result) {
    return metrics.counter("nexusrag_idempotency_total", {{"result", result}}).value();
  }

  testing::FakeClock clock;
  observe::Metrics metrics;
  std::unique_ptr<db::Database> database;
  ThingsApi api;
  IdempotencyGate gate;
  http::Endpoint row;
  http::Request request;

 private:
  static IdempotencyOptions with_secret(IdempotencyOptions options) {
    if (options.secret.empty()) options.secret = Secret("a platform secret of some length");
    return options;
  }
  static std::string code_and_details(const ApiError& error) {
    boost::json::object text{{"code", error.kind().code}, {"message", error.message()}};
    if (!error.details().empty()) text["details"] = error.details();
    return json::write(text);
  }
  static void envelope(http::Reply& reply, std::string start, const std::string& request_id) {
    reply.body = std::move(start) + R"(,"meta":{"request_id":")" + request_id + R"("}})";
    reply.is_payload = false;
  }
};

}  // namespace nexus::idempotency

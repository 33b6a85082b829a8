#pragma once

#include "base/errors.h"
#include "modules/auth/authenticator.h"
#include "modules/auth/keys_service.h"
#include "support/call_fixture.h"

#include <boost/json/object.hpp>
#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

/// For the tests of this room only.
namespace nexus::auth {

inline Pepper test_pepper() {
  return Pepper(Secret("0123456789abcdef0123456789abcdef"));
}

inline AuthOptions options_with(Pepper pepper = test_pepper()) {
  return {.pepper = std::move(pepper)};
}

/// A gate over a scratch database with one editor key of tenant t1.
struct GateFixture {
  explicit GateFixture(AuthOptions options = options_with())
      : gate(std::make_unique<Authenticator>(*t.database, t.audit, t.clock, std::move(options), t.metrics)),
        keys(*t.database, t.audit, t.clock, test_pepper(), gate.get()) {
    t.request.path = "/v1/corpora";
    key = keys.create(testing::TenantScopeFactory::make("t1"), {.role = "editor", .name = "ci"});
    token = std::string(key.key.id.empty() ? "" : key.plaintext.reveal());
    t.audit.clear();
  }

  /// The call that the gate was asked about; throws what the gate throws.
  http::Call present(std::string_view header) {
    t.request.headers = {{"User-Agent", "test/1"}};
    if (!header.empty()) t.request.headers.emplace_back("authorization", header);
    http::Call call = t.anonymous_call();
    gate->authenticate(call);
    return call;
  }
  http::Call use(std::string_view credential) { return present("Bearer " + std::string(credential)); }

  void expect_refused(std::string_view header, const ErrorKind& kind, std::string_view message) {
    try {
      present(header);
      FAIL() << "expected " << kind.code;
    } catch (const ApiError& e) {
      EXPECT_EQ(e.kind(), kind) << e.kind().code;
      EXPECT_EQ(e.message(), message);
      const ApiError::Headers bearer{{"WWW-Authenticate", "Bearer"}};
      EXPECT_EQ(e.headers(), kind.status == 401 ? bearer : ApiError::Headers{});
    }
  }
  void sql(const std::string& text) { t.database->run_script(text); }
  [[nodiscard]] std::int64_t number(std::string_view column) {
    std::int64_t out = -1;
    t.database->read([&](db::Snapshot& db) {
      const auto record = KeysRepository().find_by_id(db, key.key.id);
      if (column == "last_used_at") out = record->key.last_used_at ? record->key.last_used_at->us : 0;
      if (column == "hash_version") out = record->hash_version;
    });
    return out;
  }
  std::uint64_t lookups(const std::string& result) {
    return t.metrics.counter("nexusrag_auth_cache_total", {{"result", result}}).value();
  }

  testing::TestCall t;
  std::unique_ptr<Authenticator> gate;
  KeysService keys;
  IssuedKey key;
  std::string token;
};

inline boost::json::object metadata_of(const audit::Event& event) {
  return event.metadata;
}

}  // namespace nexus::auth

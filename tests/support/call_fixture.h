#pragma once

#include "base/principal.h"
#include "base/time.h"
#include "db/database.h"
#include "http/call.h"
#include "http/endpoint.h"
#include "http/message.h"
#include "modules/audit/ports.h"
#include "observe/metrics.h"
#include "support/engine.h"

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// What a unit test of a room needs instead of a server: a clock it owns, a migrated scratch database, an audit log
/// that remembers, a call of an authenticated principal.
namespace nexus::testing {

/// Starts at 2026-02-17T10:00:00Z and moves only when told to. Thread-safe.
class FakeClock final : public Clock {
 public:
  static constexpr Timestamp kStart{1'771'322'400 * Timestamp::kSecond};

  [[nodiscard]] Timestamp now() const override;
  [[nodiscard]] std::int64_t steady_us() const override;
  void advance_us(std::int64_t us);
  void advance_s(std::int64_t seconds) { advance_us(seconds * Timestamp::kSecond); }

 private:
  mutable std::mutex mutex_;
  std::int64_t passed_us_ = 0;
};

/// Tests may act for any tenant.
struct TenantScopeFactory {
  [[nodiscard]] static TenantScope make(std::string id) { return TenantScope(std::move(id)); }
};

/// Keeps events instead of storing them. Events of a transaction count when it commits. Thread-safe.
class RecordingLog final : public audit::Log {
 public:
  void record(db::Tx& tx, const audit::Event& event) override;
  void record_soon(audit::Event event) override;

  [[nodiscard]] std::vector<audit::Event> events() const;
  /// Throws std::logic_error when there is none.
  [[nodiscard]] audit::Event last() const;
  [[nodiscard]] std::size_t count(std::string_view event_type) const;
  [[nodiscard]] std::size_t size() const;
  void clear();

 private:
  void keep(audit::Event event);

  mutable std::mutex mutex_;
  std::vector<audit::Event> events_;
};

/// Everything behind one call. The request may be edited before `call` is used; `request_id` is "req-1".
/// Not movable: the call borrows the request.
class TestCall {
 public:
  /// An authenticated call; the principal is user "user-1" with key "key-1".
  explicit TestCall(Role role = Role::kAdmin, const std::string& tenant_id = "t1");
  TestCall(const TestCall&) = delete;
  TestCall& operator=(const TestCall&) = delete;

  FakeClock clock;
  observe::Metrics metrics;
  std::unique_ptr<db::Database> database;
  RecordingLog audit;
  http::Request request;
  http::Endpoint endpoint;
  http::Call call;

  [[nodiscard]] const TenantScope& tenant() const { return call.tenant(); }
  /// Events recorded so far.
  [[nodiscard]] std::size_t audited() const { return audit.size(); }
  /// Another call of the same request that nobody has authenticated.
  [[nodiscard]] http::Call anonymous_call() const;
  [[nodiscard]] http::Call call_as(Role role, const std::string& tenant_id, std::string user_id = "user-2") const;
};

/// A GET of `path` from 203.0.113.7 by "test/1".
[[nodiscard]] http::Request make_request(std::string path = "/v1/test");

}  // namespace nexus::testing

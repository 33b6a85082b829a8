#pragma once

#include "base/time.h"
#include "http/call.h"

#include <boost/json/object.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace nexus::db {
class Tx;
}

namespace nexus::audit {

/// One event as its writer sees it. Metadata is filtered by the allow-list of the event type and by value detectors
/// before it is stored (audit/redaction.h).
struct Event {
  Timestamp occurred_at;
  std::optional<std::string> tenant_id;  ///< empty: the platform chain
  std::string actor_type;                ///< "api_key", "system", "anonymous", …
  std::optional<std::string> actor_id;
  std::optional<std::string> actor_role;
  std::string event_type;
  bool success = true;
  std::optional<std::string> resource_type;
  std::optional<std::string> resource_id;
  std::optional<std::string> request_id;
  std::optional<std::string> ip_address;
  std::optional<std::string> user_agent;
  boost::json::object metadata;
  std::optional<std::string> error_code;
};

/// Actor, tenant, request id, address and agent of an authenticated call; the caller adds what happened.
[[nodiscard]] Event event_of(const http::Call& call, std::string_view event_type);

/// The audit log. Writing an event is part of the operation: record() joins the caller's transaction and fails with it.
class Log {
 public:
  virtual ~Log() = default;
  /// Appends the event and its chain link. Throws db::Error.
  virtual void record(db::Tx& tx, const Event& event) = 0;
  /// For events that belong to no transaction (authentication outcomes): queued, written in batches with relaxed
  /// durability; the queue is bounded and, when it is full, the caller waits. Never drops. Not for I/O threads.
  virtual void record_soon(Event event) = 0;
};

}  // namespace nexus::audit

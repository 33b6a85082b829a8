#pragma once

#include "base/secret.h"
#include "base/time.h"
#include "db/database.h"
#include "http/endpoint.h"
#include "json/schema.h"
#include "modules/audit/audit_log.h"
#include "modules/audit/audit_repository.h"
#include "modules/audit/cursor.h"
#include "modules/auth/ports.h"

#include <boost/json/value.hpp>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace nexus::audit {

struct ListEvents {
  std::string scope = "tenant";
  std::optional<std::string> tenant_id;
  std::optional<std::string> event_type;
  std::optional<std::string> outcome;
  std::optional<std::string> resource_type;
  std::optional<std::string> resource_id;
  std::optional<Timestamp> from;
  std::optional<Timestamp> to;
  std::int64_t offset = 0;
  std::int64_t limit = 50;
  std::optional<std::string> cursor;
};

struct GetEvent {
  std::int64_t event_id = 0;
  std::string scope = "tenant";
};

struct VerifyChain {
  std::string scope = "tenant";
  std::optional<std::string> tenant_id;
};

struct AuditEvent {
  std::int64_t id = 0;
  Timestamp occurred_at;
  std::optional<std::string> tenant_id;
  std::string actor_type;
  std::optional<std::string> actor_id;
  std::optional<std::string> actor_role;
  std::string event_type;
  std::string outcome;
  std::optional<std::string> resource_type;
  std::optional<std::string> resource_id;
  std::optional<std::string> request_id;
  std::optional<std::string> ip_address;
  std::optional<std::string> user_agent;
  std::optional<boost::json::value> metadata_json;
  std::optional<std::string> error_code;
  Timestamp created_at;
};

struct AuditEventPage {
  std::vector<AuditEvent> items;
  std::optional<std::int64_t> next_offset;
  std::optional<std::string> next_cursor;
};

struct ChainProblem {
  std::string damage;
  std::optional<std::int64_t> seq;
  std::optional<std::int64_t> event_id;
  std::string message;
};

struct ChainReport {
  std::string tenant_id;
  bool valid = false;
  std::int64_t events_checked = 0;
  std::int64_t events_pruned = 0;
  std::int64_t checkpoints_checked = 0;
  std::int64_t checkpoint_seq = 0;
  std::int64_t head_seq = 0;
  std::string head_hash;
  std::optional<ChainProblem> problem;
  Timestamp verified_at;
};

/// Routes of contract 01 §11.4 and `GET /v1/audit/verify`. Everybody sees the own tenant; operators of a named tenant
/// may name others; platform operators may ask for the events without a tenant (`scope=platform`: credentials that name
/// nobody, the system itself). Borrows everything; must outlive its rows.
class AuditApi {
 public:
  /// `cursor_key` signs page cursors: 32 random bytes that replicas share.
  AuditApi(db::Database& database, AuditLog& log, const auth::OperatorGate& operators, const Secret& cursor_key,
           const Clock& clock);

  [[nodiscard]] std::vector<http::Endpoint> endpoints() const;

  [[nodiscard]] AuditEventPage list_events(http::Call& call, const ListEvents& in) const;
  [[nodiscard]] AuditEvent get_event(http::Call& call, const GetEvent& in) const;
  /// Verifies a chain and records `audit.verified` in the caller's.
  [[nodiscard]] ChainReport verify_chain(http::Call& call, const VerifyChain& in) const;

 private:
  [[nodiscard]] std::optional<TenantScope> scope_of(const http::Call& call, std::string_view scope,
                                                    const std::optional<std::string>& tenant_id) const;

  db::Database& database_;
  AuditLog& log_;
  const auth::OperatorGate& operators_;
  const Clock& clock_;
  CursorCodec cursors_;
  AuditRepository repository_;
};

}  // namespace nexus::audit

namespace nexus {
template <>
const schema::Fields<audit::ListEvents>& schema::fields_of();
template <>
const schema::Fields<audit::GetEvent>& schema::fields_of();
template <>
const schema::Fields<audit::VerifyChain>& schema::fields_of();
template <>
const schema::Fields<audit::AuditEvent>& schema::fields_of();
template <>
const schema::Fields<audit::AuditEventPage>& schema::fields_of();
template <>
const schema::Fields<audit::ChainProblem>& schema::fields_of();
template <>
const schema::Fields<audit::ChainReport>& schema::fields_of();
}  // namespace nexus

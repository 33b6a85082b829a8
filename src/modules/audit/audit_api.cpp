#include "modules/audit/audit_api.h"

#include "base/encoding.h"
#include "base/errors.h"
#include "http/plain.h"
#include "json/json.h"

#include <utility>

namespace nexus::audit {
namespace {

constexpr std::string_view kFeature = "feature.audit_access";

constexpr std::string_view kPlatform = "platform";

/// As chains are named: '' is the platform's.
std::string_view chain_of(const std::optional<TenantScope>& tenant) {
  return tenant ? std::string_view(tenant->id()) : std::string_view();
}

AuditEvent shown(StoredEvent&& row) {
  AuditEvent event{.id = row.id,
                   .occurred_at = row.occurred_at,
                   .tenant_id = std::move(row.tenant_id),
                   .actor_type = std::move(row.actor_type),
                   .actor_id = std::move(row.actor_id),
                   .actor_role = std::move(row.actor_role),
                   .event_type = std::move(row.event_type),
                   .outcome = std::move(row.outcome),
                   .resource_type = std::move(row.resource_type),
                   .resource_id = std::move(row.resource_id),
                   .request_id = std::move(row.request_id),
                   .ip_address = std::move(row.ip_address),
                   .user_agent = std::move(row.user_agent),
                   .error_code = std::move(row.error_code),
                   .created_at = row.created_at};
  if (row.metadata_json) event.metadata_json = json::parse(*row.metadata_json);
  return event;
}

}  // namespace

AuditApi::AuditApi(db::Database& database, AuditLog& log, const auth::OperatorGate& operators, const Secret& cursor_key,
                   const Clock& clock)
    : database_(database), log_(log), operators_(operators), clock_(clock), cursors_(cursor_key) {}

/// Empty: the platform.
std::optional<TenantScope> AuditApi::scope_of(const http::Call& call, std::string_view scope,
                                              const std::optional<std::string>& tenant_id) const {
  if (scope != kPlatform) return tenant_id ? operators_.scope_for(call, *tenant_id) : call.tenant();
  operators_.require(call);
  if (tenant_id) throw ApiError(errors::kInvalidInput, "scope=platform has no tenant_id");
  return std::nullopt;
}

std::vector<http::Endpoint> AuditApi::endpoints() const {
  return {
      http::plain<&AuditApi::list_events>(*this, {.verb = http::Verb::kGet,
                                                  .path = "/audit/events",
                                                  .operation = "list_audit_events",
                                                  .role = Role::kAdmin,
                                                  .feature = kFeature,
                                                  .route_class = http::RouteClass::kOps,
                                                  .tag = "audit",
                                                  .summary = "List the tenant's audit events, newest first"}),
      http::plain<&AuditApi::get_event>(*this, {.verb = http::Verb::kGet,
                                                .path = "/audit/events/{event_id}",
                                                .operation = "get_audit_event",
                                                .role = Role::kAdmin,
                                                .feature = kFeature,
                                                .route_class = http::RouteClass::kOps,
                                                .tag = "audit",
                                                .summary = "Read one audit event"}),
      http::plain<&AuditApi::verify_chain>(*this, {.verb = http::Verb::kGet,
                                                   .path = "/audit/verify",
                                                   .operation = "verify_audit_chain",
                                                   .role = Role::kAdmin,
                                                   .feature = kFeature,
                                                   .route_class = http::RouteClass::kOps,
                                                   .lane = http::LaneKind::kBulk,
                                                   .tag = "audit",
                                                   .summary = "Check the tenant's audit chain and its checkpoints"}),
  };
}

AuditEventPage AuditApi::list_events(http::Call& call, const ListEvents& in) const {
  const std::optional<TenantScope> tenant = scope_of(call, in.scope, in.tenant_id);
  const EventFilter filter{.event_type = in.event_type,
                           .outcome = in.outcome,
                           .resource_type = in.resource_type,
                           .resource_id = in.resource_id,
                           .from = in.from,
                           .to = in.to};
  Page wanted{.offset = in.offset, .limit = in.limit + 1};  // one more tells whether there is more
  if (in.cursor) wanted = {.after = cursors_.decode(chain_of(tenant), filter, *in.cursor), .limit = in.limit + 1};
  auto rows = database_.read([&](db::Snapshot& db) {
    return tenant ? repository_.list(db, *tenant, filter, wanted) : repository_.list_platform(db, filter, wanted);
  });
  AuditEventPage page;
  if (std::cmp_greater(rows.size(), in.limit)) {
    rows.pop_back();
    page.next_cursor = cursors_.encode(chain_of(tenant), filter, {rows.back().occurred_at, rows.back().id});
    if (!wanted.after) page.next_offset = in.offset + in.limit;
  }
  page.items.reserve(rows.size());
  for (StoredEvent& row : rows) page.items.push_back(shown(std::move(row)));
  return page;
}

AuditEvent AuditApi::get_event(http::Call& call, const GetEvent& in) const {
  const std::optional<TenantScope> tenant = scope_of(call, in.scope, std::nullopt);
  auto row = database_.read([&](db::Snapshot& db) {
    return tenant ? repository_.find(db, *tenant, in.event_id) : repository_.find_platform(db, in.event_id);
  });
  if (!row) throw ApiError(errors::kNotFound, "Audit event not found");
  return shown(std::move(*row));
}

ChainReport AuditApi::verify_chain(http::Call& call, const VerifyChain& in) const {
  const std::optional<TenantScope> tenant = scope_of(call, in.scope, in.tenant_id);
  const VerifyReport found = log_.verify(chain_of(tenant));
  ChainReport report{.tenant_id = std::string(chain_of(tenant)),
                     .valid = found.valid(),
                     .events_checked = found.events_checked,
                     .events_pruned = found.events_pruned,
                     .checkpoints_checked = found.checkpoints_checked,
                     .checkpoint_seq = found.checkpoint_seq,
                     .head_seq = found.head.seq,
                     .head_hash = hex_encode(found.head.hash),
                     .verified_at = clock_.now()};
  if (found.problem) {
    report.problem = ChainProblem{std::string(to_string(found.problem->damage)), found.problem->seq,
                                  found.problem->event_id, found.problem->message};
  }
  Event event = event_of(call, "audit.verified");
  event.success = found.valid();
  event.resource_type = "audit";
  if (in.scope == kPlatform || in.tenant_id) event.resource_id = tenant ? tenant->id() : std::string(kPlatform);
  event.metadata = {{"valid", found.valid()},
                    {"events_checked", found.events_checked},
                    {"events_pruned", found.events_pruned},
                    {"checkpoints_checked", found.checkpoints_checked},
                    {"head_seq", found.head.seq}};
  if (report.problem) event.metadata["damage"] = report.problem->damage;
  log_.record_soon(std::move(event));
  return report;
}

}  // namespace nexus::audit

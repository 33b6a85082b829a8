#include "modules/audit/audit_api.h"

namespace nexus {

using audit::AuditEvent;
using audit::AuditEventPage;
using audit::ChainProblem;
using audit::ChainReport;
using audit::GetEvent;
using audit::ListEvents;
using audit::VerifyChain;

template <>
const schema::Fields<ListEvents>& schema::fields_of() {
  using namespace schema;
  static const Fields<ListEvents> fields{
      query_field("scope", &ListEvents::scope, one_of({"tenant", "platform"}), defaulted(),
                  doc("platform: events without a tenant; platform operators only.")),
      query_field("tenant_id", &ListEvents::tenant_id,
                  doc("The caller's tenant; operators of the platform may name another.")),
      query_field("event_type", &ListEvents::event_type, doc("Exact event type.")),
      query_field("outcome", &ListEvents::outcome, doc("success or failure.")),
      query_field("resource_type", &ListEvents::resource_type),
      query_field("resource_id", &ListEvents::resource_id),
      query_field("from", &ListEvents::from, doc("Earliest occurred_at, inclusive.")),
      query_field("to", &ListEvents::to, doc("Latest occurred_at, inclusive.")),
      query_field("offset", &ListEvents::offset, ge(0), defaulted(), doc("Rows to skip; prefer cursor.")),
      query_field("limit", &ListEvents::limit, ge(1), le(200), defaulted()),
      query_field("cursor", &ListEvents::cursor,
                  doc("next_cursor of the page before; does not skip or repeat rows while events arrive.")),
  };
  return fields;
}

template <>
const schema::Fields<GetEvent>& schema::fields_of() {
  using namespace schema;
  static const Fields<GetEvent> fields{
      path_field("event_id", &GetEvent::event_id),
      query_field("scope", &GetEvent::scope, one_of({"tenant", "platform"}), defaulted(),
                  doc("platform: an event without a tenant; platform operators only.")),
  };
  return fields;
}

template <>
const schema::Fields<VerifyChain>& schema::fields_of() {
  using namespace schema;
  static const Fields<VerifyChain> fields{
      query_field("scope", &VerifyChain::scope, one_of({"tenant", "platform"}), defaulted(),
                  doc("platform: the chain of events without a tenant; platform operators only.")),
      query_field("tenant_id", &VerifyChain::tenant_id,
                  doc("The caller's tenant; operators of the platform may name another.")),
  };
  return fields;
}

template <>
const schema::Fields<AuditEvent>& schema::fields_of() {
  using namespace schema;
  static const Fields<AuditEvent> fields{
      field("id", &AuditEvent::id),
      field("occurred_at", &AuditEvent::occurred_at),
      field("tenant_id", &AuditEvent::tenant_id),
      field("actor_type", &AuditEvent::actor_type),
      field("actor_id", &AuditEvent::actor_id),
      field("actor_role", &AuditEvent::actor_role),
      field("event_type", &AuditEvent::event_type),
      field("outcome", &AuditEvent::outcome),
      field("resource_type", &AuditEvent::resource_type),
      field("resource_id", &AuditEvent::resource_id),
      field("request_id", &AuditEvent::request_id),
      field("ip_address", &AuditEvent::ip_address),
      field("user_agent", &AuditEvent::user_agent),
      field("metadata_json", &AuditEvent::metadata_json),
      field("error_code", &AuditEvent::error_code),
      field("created_at", &AuditEvent::created_at),
  };
  return fields;
}

template <>
const schema::Fields<AuditEventPage>& schema::fields_of() {
  using namespace schema;
  static const Fields<AuditEventPage> fields{
      field("items", &AuditEventPage::items),
      field("next_offset", &AuditEventPage::next_offset),
      field("next_cursor", &AuditEventPage::next_cursor),
  };
  return fields;
}

template <>
const schema::Fields<ChainProblem>& schema::fields_of() {
  using namespace schema;
  static const Fields<ChainProblem> fields{
      field("damage", &ChainProblem::damage, doc("altered, missing, inserted, reordered or checkpoint.")),
      field("seq", &ChainProblem::seq, doc("Number of the event in its chain.")),
      field("event_id", &ChainProblem::event_id),
      field("message", &ChainProblem::message),
  };
  return fields;
}

template <>
const schema::Fields<ChainReport>& schema::fields_of() {
  using namespace schema;
  static const Fields<ChainReport> fields{
      field("tenant_id", &ChainReport::tenant_id),
      field("valid", &ChainReport::valid),
      field("events_checked", &ChainReport::events_checked),
      field("events_pruned", &ChainReport::events_pruned),
      field("checkpoints_checked", &ChainReport::checkpoints_checked),
      field("checkpoint_seq", &ChainReport::checkpoint_seq, doc("Last number that a valid checkpoint covers.")),
      field("head_seq", &ChainReport::head_seq),
      field("head_hash", &ChainReport::head_hash, doc("SHA-256 of the last link, hexadecimal.")),
      field("problem", &ChainReport::problem, doc("The first damage; null when the chain is whole.")),
      field("verified_at", &ChainReport::verified_at),
  };
  return fields;
}

}  // namespace nexus

#include "modules/audit/ocsf.h"

#include "base/encoding.h"
#include "json/json.h"

#include <iterator>

namespace nexus::audit {
namespace {

struct TypeRow {
  std::string_view type;
  OcsfKind kind;
};

constexpr OcsfKind kLogon{OcsfClass::kAuthentication, 1, "Logon"};

/// Types that are an attempt to become somebody.
constexpr TypeRow kTypes[] = {
    {"auth.access.failure", kLogon},        {"auth.access.success", kLogon},        {"auth.api_key.expired", kLogon},
    {"identity.sso.login.failure", kLogon}, {"identity.sso.login.success", kLogon},
};

constexpr OcsfKind kCreate{OcsfClass::kApiActivity, 1, "Create"};
constexpr OcsfKind kRead{OcsfClass::kApiActivity, 2, "Read"};
constexpr OcsfKind kUpdate{OcsfClass::kApiActivity, 3, "Update"};
constexpr OcsfKind kDelete{OcsfClass::kApiActivity, 4, "Delete"};

/// Everything else by its last word; words that are none of the four stay "Other".
constexpr TypeRow kWords[] = {
    {"created", kCreate},
    {"enqueued", kCreate},
    {"generated", kCreate},
    {"granted", kCreate},
    {"recorded", kCreate},
    {"requested", kCreate},
    {"upgrade_requested", kCreate},
    {"user_created", kCreate},
    {"accessed", kRead},
    {"evaluate", kRead},
    {"evaluated", kRead},
    {"exported", kRead},
    {"inactive_reported", kRead},
    {"listed", kRead},
    {"verified", kRead},
    {"viewed", kRead},
    {"acknowledged", kUpdate},
    {"activated", kUpdate},
    {"applied", kUpdate},
    {"assigned", kUpdate},
    {"changed", kUpdate},
    {"deactivated", kUpdate},
    {"disabled", kUpdate},
    {"enabled", kUpdate},
    {"reactivated", kUpdate},
    {"released", kUpdate},
    {"resolved", kUpdate},
    {"retired", kUpdate},
    {"rotated", kUpdate},
    {"toggled", kUpdate},
    {"updated", kUpdate},
    {"upgrade_approved", kUpdate},
    {"upgrade_rejected", kUpdate},
    {"deleted", kDelete},
    {"pruned", kDelete},
    {"revoked", kDelete},
};

constexpr int kInformational = 1;
constexpr int kLow = 2;
constexpr int kSuccess = 1;
constexpr int kFailure = 2;
constexpr int kUserOther = 99;
constexpr int kUserHuman = 1;
constexpr int kUserSystem = 3;

void optional_field(json::Writer& w, std::string_view name, const std::optional<std::string_view>& text) {
  if (text) w.field(name, *text);
}

/// An API key stands for whoever holds it; the id names the key.
void write_user(json::Writer& w, const RowView& row) {
  const int type = row.actor_type == "system"                                           ? kUserSystem
                   : row.actor_type == "tenant_user" || row.actor_type == "sso_session" ? kUserHuman
                                                                                        : kUserOther;
  w.key("user").begin_object().field("uid", row.actor_id.value_or(row.actor_type)).field("type", row.actor_type);
  w.field("type_id", type);
  if (row.actor_role)
    w.key("groups").begin_array().begin_object().field("name", *row.actor_role).end_object().end_array();
  if (row.tenant_id) w.key("org").begin_object().field("uid", *row.tenant_id).end_object();
  w.end_object();
}

/// What the server does by itself comes from the server.
void write_source(json::Writer& w, const RowView& row) {
  w.key("src_endpoint").begin_object();
  row.ip_address ? w.field("ip", *row.ip_address) : w.field("svc_name", "nexusrag");
  w.end_object();
  if (row.user_agent) w.key("http_request").begin_object().field("user_agent", *row.user_agent).end_object();
}

void write_api(json::Writer& w, const RowView& row) {
  w.key("actor").begin_object();
  write_user(w, row);
  w.end_object().key("api").begin_object().field("operation", row.event_type);
  if (row.request_id) w.key("request").begin_object().field("uid", *row.request_id).end_object();
  if (row.error_code) w.key("response").begin_object().field("error", *row.error_code).end_object();
  w.end_object();
  if (!row.resource_type && !row.resource_id) return;
  w.key("resources").begin_array().begin_object();
  optional_field(w, "type", row.resource_type);
  optional_field(w, "uid", row.resource_id);
  w.end_object().end_array();
}

void write_authentication(json::Writer& w, const RowView& row) {
  constexpr int kProtocolOther = 99;
  write_user(w, row);
  w.key("service").begin_object().field("name", "nexusrag").end_object();
  w.field("auth_protocol_id", kProtocolOther).field("auth_protocol", row.actor_type).field("is_remote", true);
}

void write_metadata(json::Writer& w, const RowView& row, std::string_view product_version) {
  w.key("metadata").begin_object().field("version", kOcsfVersion).key("product").begin_object();
  w.field("name", "NexusRAG").field("vendor_name", "NexusRAG").field("version", product_version).end_object();
  w.field("uid", std::to_string(row.id)).field("event_code", row.event_type).field("log_name", "audit_events");
  optional_field(w, "correlation_uid", row.request_id);
  optional_field(w, "tenant_uid", row.tenant_id);
  w.field("logged_time", row.created_at.us / 1000).end_object();
}

void write_unmapped(json::Writer& w, const RowView& row, const Link& link) {
  w.key("unmapped").begin_object().key("metadata").raw(row.metadata_json.value_or("null"));
  w.key("chain").begin_object().field("seq", link.seq).field("prev_hash", hex_encode(link.prev_hash));
  w.field("hash", hex_encode(link.hash)).end_object().end_object();
}

}  // namespace

OcsfKind ocsf_kind(std::string_view event_type) {
  for (const TypeRow& row : kTypes)
    if (row.type == event_type) return row.kind;
  const std::string_view word = event_type.substr(event_type.rfind('.') + 1);  // npos + 1: the whole
  for (const TypeRow& row : kWords)
    if (row.type == word) return row.kind;
  return {};
}

void append_ocsf(std::string& out, const RowView& row, const Link& link, std::string_view product_version) {
  const OcsfKind kind = ocsf_kind(row.event_type);
  const int klass = static_cast<int>(kind.klass);
  const bool success = row.outcome == "success";
  json::Writer w(out);
  w.begin_object().field("class_uid", klass).field("category_uid", klass / 1000);
  w.field("activity_id", kind.activity).field("activity_name", kind.activity == 99 ? row.event_type : kind.name);
  w.field("type_uid", klass * 100 + kind.activity).field("time", row.occurred_at.us / 1000);
  w.field("severity_id", success ? kInformational : kLow).field("status_id", success ? kSuccess : kFailure);
  optional_field(w, "status_code", row.error_code);
  kind.klass == OcsfClass::kAuthentication ? write_authentication(w, row) : write_api(w, row);
  write_source(w, row);
  write_metadata(w, row, product_version);
  write_unmapped(w, row, link);
  w.end_object();
}

}  // namespace nexus::audit

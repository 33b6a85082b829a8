#include "app/core.h"
#include "base/encoding.h"
#include "base/version.h"
#include "cli/commands.h"
#include "cli/context.h"
#include "cli/failure.h"
#include "cli/terminal.h"
#include "json/json.h"
#include "modules/audit/audit_repository.h"
#include "modules/audit/canonical_row.h"
#include "modules/audit/ocsf.h"

#include <fmt/format.h>

#include <cerrno>
#include <fstream>
#include <string>
#include <system_error>

namespace nexus::cli {
namespace {

std::string chain_name(std::string_view tenant) {
  return tenant.empty() ? std::string("the platform") : fmt::format("tenant {}", tenant);
}

void append_report(json::Writer& w, const audit::VerifyReport& report) {
  w.begin_object().field("tenant_id", report.tenant_id).field("valid", report.valid());
  w.field("events_checked", report.events_checked).field("events_pruned", report.events_pruned);
  w.field("checkpoints_checked", report.checkpoints_checked).field("checkpoint_seq", report.checkpoint_seq);
  w.field("head_seq", report.head.seq).field("head_hash", hex_encode(report.head.hash)).key("problem");
  if (report.problem) {
    w.begin_object().field("damage", audit::to_string(report.problem->damage)).key("seq");
    report.problem->seq ? w.value(*report.problem->seq) : w.null();
    w.key("event_id");
    report.problem->event_id ? w.value(*report.problem->event_id) : w.null();
    w.field("message", report.problem->message).end_object();
  } else {
    w.null();
  }
  w.end_object();
}

std::string report_text(const audit::VerifyReport& report) {
  std::string out = fmt::format("{} {}: {} events checked", report.valid() ? "intact " : "DAMAGED",
                                chain_name(report.tenant_id), report.events_checked);
  if (report.events_pruned > 0) out += fmt::format(", {} pruned", report.events_pruned);
  out += report.checkpoint_seq > 0 ? fmt::format(", signed up to {}", report.checkpoint_seq) : ", not signed yet";
  out += fmt::format(", head {} {}\n", report.head.seq, hex_encode(report.head.hash).substr(0, 16));
  if (report.problem) out += fmt::format("         {}\n", report.problem->message);
  return out;
}

int verify_chains(const Globals& globals, const AuditOptions& options) {
  Session session(globals, {.migrate = false});
  audit::AuditLog& log = *session.core().audit;
  const std::vector<std::string> chains = options.tenant ? std::vector{*options.tenant} : log.chains();
  bool valid = true;
  std::string json_out;
  json::Writer w(json_out);
  w.begin_object().key("chains").begin_array();
  for (const std::string& chain : chains) {
    const audit::VerifyReport report = log.verify(chain);
    valid = valid && report.valid();
    append_report(w, report);
    if (!globals.json) print(report_text(report));
  }
  w.end_array().field("valid", valid).end_object();
  if (globals.json) print(json_out + "\n");
  if (!globals.json && chains.empty()) print("the audit log is empty\n");
  return valid ? kDone : kNo;
}

/// One JSON line a link: with `event` as it was hashed, hash = SHA-256(0x00, prev_hash, event) can be checked by
/// anybody.
std::string export_line(std::string_view chain, const audit::ChainRow& row) {
  std::string out;
  json::Writer w(out);
  w.begin_object().field("chain", chain).field("seq", row.link.seq).field("event_id", row.link.event_id);
  w.field("prev_hash", hex_encode(row.link.prev_hash)).field("hash", hex_encode(row.link.hash)).key("event");
  if (row.row) {
    std::string event;
    audit::append_canonical(event, *row.row);
    w.raw(event);
  } else {
    w.null();
  }
  w.end_object();
  return out + "\n";
}

/// One OCSF event a line. Empty for an event that was pruned: nothing is known of it but its hash.
std::string ocsf_line(const audit::ChainRow& row) {
  std::string out;
  if (!row.row) return out;
  audit::append_ocsf(out, *row.row, row.link, version());
  return out + "\n";
}

int export_chains(const Globals& globals, const AuditOptions& options) {
  Session session(globals, {.migrate = false});
  std::ofstream file;
  if (options.output) {
    file.open(*options.output, std::ios::binary | std::ios::trunc);
    if (!file) throw Failure(options.output->string() + ": " + std::generic_category().message(errno));
  }
  const std::vector<std::string> chains =
      options.tenant ? std::vector{*options.tenant} : session.core().audit->chains();
  const audit::AuditRepository repository;
  std::int64_t lines = 0;
  session.core().db->read([&](db::Snapshot& snapshot) {
    for (const std::string& chain : chains) {
      for (db::Cursor row = repository.walk(snapshot, chain); row.next();) {
        const audit::ChainRow at = audit::chain_row(row);
        const std::string line = options.format == "ocsf" ? ocsf_line(at) : export_line(chain, at);
        if (line.empty()) continue;
        ++lines;
        options.output ? static_cast<void>(file << line) : print(line);
      }
    }
  });
  if (options.output) {
    if (!file.flush()) throw Failure(options.output->string() + " could not be written");
    print(fmt::format("{} events written to {}\n", lines, options.output->string()));
  }
  return kDone;
}

}  // namespace

int cmd_audit_verify(const Globals& globals, const AuditOptions& options) {
  return guarded("audit verify", [&] { return verify_chains(globals, options); });
}
int cmd_audit_export(const Globals& globals, const AuditOptions& options) {
  return guarded("audit export", [&] { return export_chains(globals, options); });
}

}  // namespace nexus::cli

#include "modules/audit/adoption_repository.h"

#include "json/json.h"
#include "modules/audit/audit_repository.h"
#include "modules/audit/canonical_row.h"

#include <exception>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace nexus::audit {
namespace {

using db::Statement;

constexpr std::int64_t kPage = 500;

// The first four columns are those of a link that is not there, so that `chain_row` reads the rest.
constexpr Statement kPageOfEvents{"audit.page_of_events", R"(
  SELECT 0, id, NULL, NULL, id, occurred_at, tenant_id, actor_type, actor_id, actor_role, event_type, outcome,
    resource_type, resource_id, request_id, ip_address, user_agent, metadata_json, error_code, created_at
  FROM audit_events WHERE id > $1 ORDER BY id LIMIT $2)"};

constexpr const Statement* kAdoptionStatements[] = {&kPageOfEvents};

/// What becomes of one event, kept after the cursor has gone: links are written when the page has been read.
struct Linked {
  std::string chain;
  std::int64_t event_id = 0;
  Link link;
};

/// What stands for the metadata in the hash. A value beyond what we parse is taken as the engine writes it, which
/// verify() tries first.
std::string hashed_metadata(std::string_view stored) {
  try {
    return json::canonical(json::parse(stored));
  } catch (const std::exception&) {
    return std::string(stored);
  }
}

}  // namespace

std::int64_t link_adopted(db::Tx& tx) {
  const AuditRepository repository;
  if (!repository.chains(tx).empty()) return 0;
  std::map<std::string, Head, std::less<>> heads;
  std::int64_t linked = 0;
  std::int64_t after = 0;
  std::string scratch;
  for (bool more = true; more;) {
    std::vector<Linked> page;
    {
      db::Cursor rows = tx.query(kPageOfEvents, after, kPage);
      while (rows.next()) {
        RowView row = *chain_row(rows).row;
        const std::string metadata = hashed_metadata(row.metadata_json.value_or("{}"));
        if (row.metadata_json) row.metadata_json = metadata;
        const std::string chain(row.tenant_id.value_or(std::string_view{}));
        const auto at = heads.find(chain);
        const Head head = at != heads.end() ? at->second : Head{};
        const Link link{head.seq + 1, row.id, head.hash, link_hash(head.hash, row, scratch)};
        heads.insert_or_assign(chain, Head{link.seq, link.hash});
        page.push_back({chain, row.id, link});
      }
    }
    for (const Linked& event : page) repository.link(tx, event.chain, event.link);
    linked += static_cast<std::int64_t>(page.size());
    if (!page.empty()) after = page.back().event_id;
    more = page.size() == kPage;
  }
  return linked;
}

std::int64_t link_after(db::Tx& tx, const db::Migration& step) {
  return step.name == "core" ? link_adopted(tx) : 0;
}

db::StatementList adoption_statements() {
  return kAdoptionStatements;
}

}  // namespace nexus::audit

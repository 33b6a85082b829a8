#include "modules/retrieval/passages_repository.h"

namespace nexus::retrieval {
namespace {

constexpr db::Statement kFindPassage{"passages.find", R"(
  SELECT text, document_uri, metadata_json, document_id, document_version, start_byte, end_byte
  FROM chunks WHERE id = $1 AND tenant_id = $2)"};

constexpr const db::Statement* kPassagesStatements[] = {&kFindPassage};

}  // namespace

std::optional<Passage> PassagesRepository::find(db::Snapshot& db, const TenantScope& tenant,
                                                std::string_view chunk_id) const {
  db::Cursor row = db.query(kFindPassage, chunk_id, tenant.id());
  if (!row.next()) return std::nullopt;
  return Passage{.chunk_id = std::string(chunk_id),
                 .text = row.str(0),
                 .source = row.str(1),
                 .metadata = row.str(2),
                 .document_id = row.opt_str(3),
                 .document_version = row.opt_i64(4),
                 .start_byte = row.opt_i64(5),
                 .end_byte = row.opt_i64(6)};
}

db::StatementList passages_statements() {
  return kPassagesStatements;
}

}  // namespace nexus::retrieval

#include "e2e/stored_state.h"

#include <sqlite3.h>

#include <memory>
#include <stdexcept>

namespace nexus::e2e {
namespace {

struct Finalize {
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};
using Query = std::unique_ptr<sqlite3_stmt, Finalize>;

sqlite3* handle(void* db) {
  return static_cast<sqlite3*>(db);
}

Query prepare(void* db, std::string_view sql) {
  sqlite3_stmt* statement = nullptr;
  if (sqlite3_prepare_v2(handle(db), sql.data(), static_cast<int>(sql.size()), &statement, nullptr) != SQLITE_OK)
    throw std::runtime_error(sqlite3_errmsg(handle(db)));
  return Query(statement);
}

struct Rule {
  const char* sentence;
  const char* count;  ///< of what breaks it
};

constexpr Rule kRules[] = {
    {"two chunks stand in one place of a document",
     "SELECT count(*) FROM (SELECT 1 FROM chunks GROUP BY tenant_id, document_id, chunk_index HAVING count(*) > 1)"},
    {"chunks belong to no document",
     "SELECT count(*) FROM chunks c WHERE c.document_id IS NOT NULL AND NOT EXISTS"
     " (SELECT 1 FROM documents d WHERE d.tenant_id = c.tenant_id AND d.id = c.document_id)"},
    {"a succeeded document does not have the chunks it was given",
     "SELECT count(*) FROM documents d WHERE d.status = 'succeeded' AND d.chunks_total IS NOT"
     " (SELECT count(*) FROM chunks c WHERE c.tenant_id = d.tenant_id AND c.document_id = d.id)"},
    {"chunks of one document carry different versions",
     "SELECT count(*) FROM (SELECT 1 FROM chunks WHERE document_id IS NOT NULL GROUP BY tenant_id, document_id"
     " HAVING count(DISTINCT document_version) > 1)"},
    {"a document is still in work", "SELECT count(*) FROM documents WHERE status IN ('queued', 'processing')"},
    {"a job is still open", "SELECT count(*) FROM jobs WHERE state IN ('queued', 'leased')"},
    {"a document has more than one job that ended well",
     "SELECT count(*) FROM (SELECT 1 FROM jobs WHERE state = 'done' AND kind = 'ingest'"
     " AND json_extract(payload_json, '$.is_reindex') = 0"
     " GROUP BY tenant_id, json_extract(payload_json, '$.document_id') HAVING count(*) > 1)"},
    {"index segments and chunks differ in number",
     "SELECT count(*) FROM (SELECT 1) WHERE (SELECT coalesce(sum(chunk_count), 0) FROM index_segments) <"
     " (SELECT count(*) FROM chunks)"},
};

}  // namespace

StoredState::StoredState(const std::filesystem::path& database) {
  sqlite3* db = nullptr;
  const int result = sqlite3_open_v2(database.c_str(), &db, SQLITE_OPEN_READWRITE, nullptr);  // a log may be replayed
  db_ = db;
  if (result != SQLITE_OK) throw std::runtime_error("the database cannot be opened: " + database.string());
  sqlite3_busy_timeout(db, 10'000);
  sqlite3_create_collation_v2(
      db, "decimal", SQLITE_UTF8, nullptr, [](void*, int, const void*, int, const void*) { return 0; }, nullptr);
}

StoredState::~StoredState() {
  sqlite3_close_v2(handle(db_));
}

std::int64_t StoredState::number(std::string_view sql) const {
  const Query query = prepare(db_, sql);
  if (sqlite3_step(query.get()) != SQLITE_ROW) throw std::runtime_error(sqlite3_errmsg(handle(db_)));
  return sqlite3_column_int64(query.get(), 0);
}

std::vector<std::string> StoredState::texts(std::string_view sql) const {
  const Query query = prepare(db_, sql);
  std::vector<std::string> out;
  int result = 0;
  while ((result = sqlite3_step(query.get())) == SQLITE_ROW) {
    const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(query.get(), 0));
    out.emplace_back(text == nullptr ? "" : text);
  }
  if (result != SQLITE_DONE) throw std::runtime_error(sqlite3_errmsg(handle(db_)));
  return out;
}

std::vector<std::string> StoredState::damage(const std::filesystem::path& data) const {
  std::vector<std::string> out;
  for (const std::string& line : texts("PRAGMA integrity_check"))
    if (line != "ok") out.push_back("integrity_check: " + line);
  for (const Rule& rule : kRules)
    if (const std::int64_t count = number(rule.count); count != 0)
      out.push_back(std::string(rule.sentence) + " (" + std::to_string(count) + ")");
  for (const std::string& key : texts("SELECT storage_path FROM documents WHERE storage_path IS NOT NULL"))
    if (!std::filesystem::exists(data / "objects" / key)) out.push_back("a source file is missing: " + key);
  return out;
}

}  // namespace nexus::e2e

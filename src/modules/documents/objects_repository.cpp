#include "modules/documents/objects_repository.h"

namespace nexus::documents {
namespace {

using db::Statement;

constexpr Statement kObjectsBetween{"documents.objects_between", R"(
  SELECT storage_path FROM documents
  WHERE {{bytes_order storage_path}} >= $1 AND {{bytes_order storage_path}} < $2 ORDER BY {{bytes_order storage_path}})"};

// Keys begin with hexadecimal digits; paths of an adopted database are not ours to judge.
constexpr Statement kSomeObjects{"documents.some_objects", R"(
  SELECT storage_path FROM documents
  WHERE {{bytes_order storage_path}} >= '00/' AND {{bytes_order storage_path}} < 'ff0' LIMIT $1)"};

constexpr const Statement* kObjectsStatements[] = {&kObjectsBetween, &kSomeObjects};

std::vector<std::string> keys_from(db::Cursor rows) {
  std::vector<std::string> keys;
  while (rows.next()) keys.push_back(rows.str(0));
  return keys;
}

}  // namespace

std::vector<std::string> ObjectsRepository::in_folder(db::Snapshot& db, std::string_view folder) const {
  const std::string first = std::string(folder) + "/";
  const std::string past = std::string(folder) + "0";  // the character after the slash
  return keys_from(db.query(kObjectsBetween, first, past));
}

std::vector<std::string> ObjectsRepository::some(db::Snapshot& db, std::int64_t at_most) const {
  return keys_from(db.query(kSomeObjects, at_most));
}

db::StatementList objects_statements() {
  return kObjectsStatements;
}

}  // namespace nexus::documents

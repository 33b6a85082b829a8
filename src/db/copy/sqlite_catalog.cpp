#include "db/copy/catalog.h"

/// SQLite's catalogue: this file belongs to that engine.
namespace nexus::db::copy::sqlite {
namespace {

constexpr Statement kColumns{
    "copy.sqlite_columns",
    R"(SELECT m.name, c.name, upper(c.type), c."notnull", c.dflt_value IS NOT NULL, c.pk, c.hidden
FROM sqlite_schema m JOIN pragma_table_xinfo(m.name) c
WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite\_%' ESCAPE '\' ORDER BY m.name, c.cid)"};
constexpr Statement kReferences{"copy.sqlite_references",
                                R"(SELECT DISTINCT m.name, f."table"
FROM sqlite_schema m JOIN pragma_foreign_key_list(m.name) f WHERE m.type = 'table')"};

Kind kind_of(std::string_view type) {
  if (type == "INTEGER" || type == "INT") return Kind::kInt;
  if (type == "REAL") return Kind::kReal;
  if (type == "TEXT") return Kind::kText;
  if (type == "BLOB") return Kind::kBlob;
  return Kind::kOther;
}

}  // namespace

Catalog read_catalog(Snapshot& snapshot) {
  Catalog catalog;
  std::map<std::string, std::map<std::int64_t, std::string>> keys;  // table → place in the key → column
  for (Cursor row = snapshot.query(kColumns); row.next();) {
    const std::string table = row.str(0);
    catalog.tables[table].columns.push_back({.name = row.str(1),
                                             .kind = kind_of(row.text(2)),
                                             .not_null = row.boolean(3),
                                             .has_default = row.boolean(4),
                                             .generated = row.i64(6) != 0});
    if (row.i64(5) > 0) keys[table][row.i64(5)] = row.str(1);
  }
  for (auto& [table, columns] : keys)
    for (auto& [place, column] : columns) catalog.tables[table].key.push_back(column);
  for (auto& [name, table] : catalog.tables)  // INTEGER PRIMARY KEY is given by SQLite
    if (table.key.size() == 1)
      for (Column& column : table.columns)
        if (column.name == table.key.front() && column.kind == Kind::kInt) column.has_default = true;
  for (Cursor row = snapshot.query(kReferences); row.next();) catalog.references.emplace_back(row.str(0), row.str(1));
  return catalog;
}

}  // namespace nexus::db::copy::sqlite

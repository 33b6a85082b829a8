#include "db/copy/catalog.h"

#include <array>
#include <utility>

/// PostgreSQL's catalogue: this file belongs to that engine. Tables of the current schema only.
namespace nexus::db::copy::postgres {
namespace {

// The place in the key counts from 1; attnum of the index's columns is an int2vector, which counts from 0.
constexpr Statement kColumns{"copy.postgres_columns",
                             R"(SELECT c.relname::text, a.attname::text, t.typname::text, a.attnotnull,
  a.atthasdef OR a.attidentity <> '', coalesce(array_position(i.indkey::int2[], a.attnum) + 1, 0),
  a.attgenerated <> '' OR a.attidentity = 'a'
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
  JOIN pg_type t ON t.oid = a.atttypid
  LEFT JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary
WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND n.nspname = current_schema()
ORDER BY c.relname, a.attnum)"};
constexpr Statement kReferences{"copy.postgres_references",
                                R"(SELECT DISTINCT c.relname::text, f.relname::text
FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_class f ON f.oid = k.confrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE k.contype = 'f' AND n.nspname = current_schema())"};

// Each sequence that gives a column its default continues after the column's highest value.
constexpr std::string_view kContinue = R"(DO $$
DECLARE
  owned record;
BEGIN
  FOR owned IN
    SELECT quote_ident(c.relname) AS tab, quote_ident(a.attname) AS col, d.objid::regclass AS seq
    FROM pg_depend d JOIN pg_class s ON s.oid = d.objid AND s.relkind = 'S'
      JOIN pg_class c ON c.oid = d.refobjid JOIN pg_namespace n ON n.oid = c.relnamespace
      JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = d.refobjsubid
    WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')
      AND n.nspname = current_schema()
  LOOP
    EXECUTE format('SELECT setval(%L, greatest((SELECT coalesce(max(%s), 0) FROM %s), 0) + 1, false)',
                   owned.seq, owned.col, owned.tab);
  END LOOP;
END $$)";

constexpr auto kTypes = std::to_array<std::pair<std::string_view, Kind>>({
    {"bool", Kind::kBool},
    {"int2", Kind::kInt},
    {"int4", Kind::kInt},
    {"int8", Kind::kInt},
    {"float4", Kind::kReal},
    {"float8", Kind::kReal},
    {"text", Kind::kText},
    {"varchar", Kind::kText},
    {"bpchar", Kind::kText},
    {"name", Kind::kText},
    {"bytea", Kind::kBlob},
    {"timestamptz", Kind::kTime},
    {"timestamp", Kind::kTime},
    {"json", Kind::kJson},
    {"jsonb", Kind::kJson},
    {"numeric", Kind::kDecimal},
    {"uuid", Kind::kUuid},
    {"vector", Kind::kVector},
});

Kind kind_of(std::string_view type) {
  for (const auto& [name, kind] : kTypes)
    if (name == type) return kind;
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
                                             .generated = row.boolean(6)});
    if (row.i64(5) > 0) keys[table][row.i64(5)] = row.str(1);
  }
  for (auto& [table, columns] : keys)
    for (auto& [place, column] : columns) catalog.tables[table].key.push_back(column);
  for (Cursor row = snapshot.query(kReferences); row.next();) catalog.references.emplace_back(row.str(0), row.str(1));
  return catalog;
}

void continue_numbering(Tx& tx) {
  tx.script(kContinue);
}

}  // namespace nexus::db::copy::postgres

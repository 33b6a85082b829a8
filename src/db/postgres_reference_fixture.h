#pragma once

#include "support/reference_kit.h"

#include <cstddef>
#include <cstdio>
#include <fstream>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

/// Facts about the original's database, for tests of the schema and of adoption.
namespace nexus::db {

/// One thing of a schema. For constraints and indexes only `type` is filled: the definition.
struct SchemaItem {
  std::string type;
  std::string nullable;
  std::string default_value;
  bool operator==(const SchemaItem&) const = default;
};
using SchemaKey = std::tuple<std::string, std::string, std::string>;  ///< kind (column, constraint, index), table, name
using Schema = std::map<SchemaKey, SchemaItem>;

/// Rows of six fields separated by tabs: the key, then the item.
inline Schema parse_schema(std::istream& rows) {
  Schema schema;
  for (std::string line; std::getline(rows, line);) {
    std::vector<std::string> fields;
    for (std::size_t from = 0; from <= line.size();) {
      const std::size_t to = std::min(line.find('\t', from), line.size());
      fields.push_back(line.substr(from, to - from));
      from = to + 1;
    }
    fields.resize(6);
    schema.insert({{fields[0], fields[1], fields[2]}, {fields[3], fields[4], fields[5]}});
  }
  return schema;
}

inline Schema original_schema() {
  std::ifstream file(testing::reference_file("schema.tsv"));
  std::string header;
  std::getline(file, header);
  return parse_schema(file);
}

/// The rows of parse_schema() from a PostgreSQL catalogue, one text.
inline constexpr std::string_view kReadSchema = R"(
  SELECT string_agg(concat_ws(E'\t', kind, table_name, name, type, nullable, default_value), E'\n') FROM (
    SELECT 'column' AS kind, c.relname AS table_name, a.attname AS name, format_type(a.atttypid, a.atttypmod) AS type,
      CASE WHEN a.attnotnull THEN 'no' ELSE 'yes' END AS nullable,
      COALESCE(pg_get_expr(d.adbin, d.adrelid), '') AS default_value
    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
      LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'
    UNION ALL
    SELECT 'constraint', conrelid::regclass::text, conname, pg_get_constraintdef(oid), '', ''
    FROM pg_constraint WHERE connamespace = 'public'::regnamespace AND conrelid <> 0
    UNION ALL
    SELECT 'index', tablename, indexname, substring(indexdef FROM 'USING .*'), '', ''
    FROM pg_indexes i WHERE schemaname = 'public'
      AND NOT EXISTS (SELECT 1 FROM pg_constraint p
                      WHERE p.conindid = quote_ident(i.indexname)::regclass AND p.contype IN ('p', 'u'))) AS facts)";

/// The SQL of the reference database, fit for one PQexec on an empty database of any owner.
inline std::string original_dump() {
  const std::string command = "gunzip -c '" + testing::reference_file("database.sql.gz").string() + "'";
  const std::unique_ptr<FILE, int (*)(FILE*)> pipe(popen(command.c_str(), "r"), pclose);
  if (!pipe) throw std::runtime_error("gunzip does not start");
  std::string text;
  char buffer[65'536];
  for (std::size_t n = 0; (n = fread(buffer, 1, sizeof buffer, pipe.get())) > 0;) text.append(buffer, n);
  std::string sql;
  for (std::size_t from = 0; from < text.size();) {
    const std::size_t to = std::min(text.find('\n', from), text.size());
    const std::string_view line(text.data() + from, to - from);
    const bool meta = line.starts_with('\\');  // commands of psql
    const bool owner = line.starts_with("ALTER ") && line.find(" OWNER TO ") != std::string_view::npos;
    if (!meta && !owner) sql.append(line).push_back('\n');
    from = to + 1;
  }
  return sql;
}

}  // namespace nexus::db

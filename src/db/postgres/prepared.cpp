#include "db/postgres/prepared.h"

#include <fmt/format.h>

#include <stdexcept>
#include <utility>

namespace nexus::db::postgres {
namespace {

std::string expand_statement(const Statement& statement, NameLock names) {
  try {
    return expand_for_postgres(statement.sql(), names);
  } catch (const std::invalid_argument& e) {
    throw Error(ErrorCode::kOther, fmt::format("{}: {}", statement.name(), e.what()));
  }
}

/// Extension types that are read, by name; enumerations are text.
Form form_of_name(std::string_view name, std::string_view kind) {
  if (name == "vector") return Form::kVector;
  if (name == "citext" || kind == "e") return Form::kText;
  return Form::kUnsupported;
}

}  // namespace

const Prepared& StatementCache::get(const Statement& statement, NameLock names) {
  auto& entries = entries_[static_cast<std::size_t>(locks_name(statement) ? names : NameLock::kWait)];
  const auto found = entries.find(&statement);
  const std::string_view sql = statement.sql();
  if (found != entries.end() && found->second.sql.data() == sql.data() && found->second.sql.size() == sql.size()) {
    return found->second;
  }
  Prepared prepared = prepare(statement, fmt::format("s{}", ++next_name_), names);
  return entries.insert_or_assign(&statement, std::move(prepared)).first->second;
}

void StatementCache::check(const Statement& statement) {
  static_cast<void>(prepare(statement, "", NameLock::kWait));  // the unnamed one is replaced by the next
}

Prepared StatementCache::prepare(const Statement& statement, std::string name, NameLock names) {
  const std::string sql = expand_statement(statement, names);
  connection_.queue_prepare(name.c_str(), sql);
  connection_.queue_describe(name.c_str());
  const Result described = connection_.exchange(statement.name());
  Prepared prepared{.sql = statement.sql(), .name = std::move(name), .parameters = {}, .columns = {}};
  for (int i = 0; i < PQnparams(described.get()); ++i)
    prepared.parameters.push_back(form(PQparamtype(described.get(), i)));
  for (int i = 0; i < PQnfields(described.get()); ++i) {
    const Form column = form(PQftype(described.get(), i));
    if (column == Form::kUnsupported) {
      throw Error(ErrorCode::kOther,
                  fmt::format("{}: column {} has a type that is not read here: cast it", statement.name(), i));
    }
    prepared.columns.push_back(column);
  }
  return prepared;
}

Form StatementCache::form(Oid type) {
  if (type < oids::kFirstOfDatabase) return form_of(type);
  const auto known = types_.find(type);
  if (known != types_.end()) return known->second;
  const std::string number = std::to_string(type);
  const char* values[] = {number.c_str()};
  connection_.queue("SELECT typname::text, typtype::text FROM pg_type WHERE oid = $1::oid", values);
  const Result row = connection_.exchange("types");
  const Form form = PQntuples(row.get()) == 1 ? form_of_name(PQgetvalue(row.get(), 0, 0), PQgetvalue(row.get(), 0, 1))
                                              : Form::kUnsupported;
  return types_[type] = form;
}

}  // namespace nexus::db::postgres

#include "db/sqlite/prepared.h"

#include "db/sqlite/sqlite_errors.h"
#include "db/tokens.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <stdexcept>

namespace nexus::db::sqlite {
namespace {

constexpr TokenRule kSqliteTokens[] = {
    {"for_update", 0, ""},
    {"for_key_share", 0, ""},
    {"for_update_skip_locked", 0, ""},
    {"lock_name", 1, "(%1 IS NULL)"},
    {"bytes_order", 1, "%1"},
    {"json_text", 2, "json_extract(%1, '$.%2')"},
    {"time_add", 2, "(%1 + %2)"},
    {"time_diff_us", 2, "(%1 - %2)"},
    {"decimal", 1, "%1 COLLATE decimal"},
    {"lock_table", 1, "SELECT 1"},
    {"table_exists", 1, "EXISTS (SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = '%1')"},
    {"strict", 0, "STRICT"},
    {"timestamp", 0, "INTEGER"},
    {"json", 0, "TEXT"},
    {"blob", 0, "BLOB"},
};

std::string expand_statement(const Statement& statement) {
  try {
    return expand_for_sqlite(statement.sql());
  } catch (const std::invalid_argument& e) {
    throw Error(ErrorCode::kOther, fmt::format("{}: {}", statement.name(), e.what()));
  }
}

bool is_textual(Value::Type type) {
  return type == Value::Type::kText || type == Value::Type::kJson || type == Value::Type::kBlob ||
         type == Value::Type::kVector;
}

}  // namespace

std::string expand_for_sqlite(std::string_view sql) {
  return expand_tokens(sql, kSqliteTokens);
}

Prepared::Prepared(Connection& connection, const Statement& statement, int& open)
    : statement_(statement),
      connection_(connection),
      open_(open),
      handle_(connection.prepare(expand_statement(statement), statement.name())),
      read_only_(sqlite3_stmt_readonly(handle_.get()) != 0) {
  map_parameters();
}

void Prepared::map_parameters() {
  // SQLite numbers `$2` by its first appearance, not by its digits.
  const int count = sqlite3_bind_parameter_count(handle_.get());
  for (int i = 1; i <= count; ++i) {
    const char* name = sqlite3_bind_parameter_name(handle_.get(), i);
    const std::string_view text = name == nullptr ? "?" : name;
    std::uint16_t number = 0;
    const auto [end, error] = std::from_chars(text.data() + 1, text.data() + text.size(), number);
    if (text.front() != '$' || error != std::errc() || end != text.data() + text.size() || number == 0) {
      throw Error(ErrorCode::kOther, fmt::format("{}: a placeholder must be $1…, not {}", statement_.name(), text));
    }
    parameters_.push_back(static_cast<std::uint16_t>(number - 1));
    values_ = std::max<std::size_t>(values_, number);
  }
}

void Prepared::check_values(std::span<const Value> values) const {
  if (values.size() != values_) {
    throw std::logic_error(fmt::format("{}: {} values given, {} expected", statement_.name(), values.size(), values_));
  }
}

void Prepared::keep_texts(std::span<const Value> values) {
  std::size_t total = 0;
  for (const Value& value : values) {
    if (is_textual(value.type())) total += value.text().size();
  }
  kept_.clear();
  kept_.reserve(total);  // the views into it must not move
  for (const Value& value : values) {
    if (is_textual(value.type())) kept_.append(value.text());
  }
}

void Prepared::bind(std::span<const Value> values, bool kept) {
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    const Value& value = values[parameters_[i]];
    std::string_view text = value.text();
    if (kept && is_textual(value.type())) {
      std::size_t offset = 0;
      for (std::size_t v = 0; v < parameters_[i]; ++v)
        offset += is_textual(values[v].type()) ? values[v].text().size() : 0;
      text = std::string_view(kept_).substr(offset, text.size());
    }
    const int result = bind_one(static_cast<int>(i) + 1, value, text);
    if (result != SQLITE_OK) fail(result);
  }
}

int Prepared::bind_one(int index, const Value& value, std::string_view text) {
  sqlite3_stmt* s = handle_.get();
  const char* data = text.data() == nullptr ? "" : text.data();  // a null pointer would bind NULL
  switch (value.type()) {
    case Value::Type::kNull:
      return sqlite3_bind_null(s, index);
    case Value::Type::kInt:
    case Value::Type::kBool:
    case Value::Type::kTime:
      return sqlite3_bind_int64(s, index, value.integer());
    case Value::Type::kReal:
      return sqlite3_bind_double(s, index, value.real());
    case Value::Type::kText:
    case Value::Type::kJson:
      return sqlite3_bind_text64(s, index, data, text.size(), SQLITE_STATIC, SQLITE_UTF8);
    case Value::Type::kBlob:
    case Value::Type::kVector:
      return sqlite3_bind_blob64(s, index, data, text.size(), SQLITE_STATIC);
  }
  return SQLITE_MISUSE;
}

void Prepared::start(std::span<const Value> values) {
  check_values(values);
  keep_texts(values);
  bind(values, true);
  in_use_ = true;
  ++open_;
  row_ = Row::kNone;
  if (read_only_) return;
  try {
    row_ = step() ? Row::kPending : Row::kDone;
  } catch (...) {
    release();
    throw;
  }
}

void Prepared::run(std::span<const Value> values) {
  check_values(values);
  bind(values, false);
  errno = 0;
  int result = SQLITE_ROW;
  while (result == SQLITE_ROW) result = sqlite3_step(handle_.get());
  if (result == SQLITE_DONE) {
    sqlite3_reset(handle_.get());
    return;
  }
  const Error error = make_error(connection_.handle(), result, statement_.name());
  sqlite3_reset(handle_.get());
  throw error;
}

void Prepared::fail(int result) {
  throw make_error(connection_.handle(), result, statement_.name());
}

bool Prepared::step() {
  errno = 0;
  const int result = sqlite3_step(handle_.get());
  if (result == SQLITE_ROW) return true;
  if (result == SQLITE_DONE) return false;
  fail(result);
}

void Prepared::orphan() noexcept {
  release();
  orphaned_ = true;
}

void Prepared::release() noexcept {
  if (orphaned_) return;  // the connection may be in other hands
  sqlite3_reset(handle_.get());
  in_use_ = false;
  --open_;
}

bool Prepared::next() {
  if (orphaned_) throw std::logic_error(fmt::format("{}: the cursor outlived its transaction", statement_.name()));
  switch (row_) {
    case Row::kPending:
      row_ = Row::kCurrent;
      return true;
    case Row::kDone:
      return false;
    case Row::kNone:
    case Row::kCurrent:
      row_ = step() ? Row::kCurrent : Row::kDone;
      return row_ == Row::kCurrent;
  }
  return false;
}

void Prepared::check_column(int column) const {
  if (orphaned_ || row_ != Row::kCurrent || column < 0 || column >= sqlite3_column_count(handle_.get())) {
    throw std::logic_error(fmt::format("{}: there is no column {} to read", statement_.name(), column));
  }
}

bool Prepared::is_null(int column) const {
  check_column(column);
  return sqlite3_column_type(handle_.get(), column) == SQLITE_NULL;
}

std::int64_t Prepared::i64(int column) const {
  check_column(column);
  return sqlite3_column_int64(handle_.get(), column);
}

double Prepared::real(int column) const {
  check_column(column);
  return sqlite3_column_double(handle_.get(), column);
}

std::string_view Prepared::text(int column) const {
  check_column(column);
  const auto* data = reinterpret_cast<const char*>(sqlite3_column_text(handle_.get(), column));
  if (data == nullptr) return {};
  return {data, static_cast<std::size_t>(sqlite3_column_bytes(handle_.get(), column))};
}

std::span<const std::byte> Prepared::blob(int column) const {
  check_column(column);
  const auto* data = static_cast<const std::byte*>(sqlite3_column_blob(handle_.get(), column));
  return {data, static_cast<std::size_t>(data == nullptr ? 0 : sqlite3_column_bytes(handle_.get(), column))};
}

Timestamp Prepared::time(int column) const {
  return {i64(column)};
}

Prepared& StatementCache::get(const Statement& statement) {
  Entry& entry = entries_[&statement];
  if (entry.sql.data() != statement.sql().data() || entry.sql.size() != statement.sql().size()) {
    entry.copies.clear();
    entry.sql = statement.sql();
  }
  for (const auto& copy : entry.copies) {
    if (!copy->in_use()) return *copy;
  }
  return *entry.copies.emplace_back(std::make_unique<Prepared>(connection_, statement, open_));
}

std::string_view StatementCache::orphan_open() {
  std::string_view name;
  if (open_ == 0) return name;
  for (auto& [statement, entry] : entries_) {
    for (auto it = entry.copies.begin(); it != entry.copies.end();) {
      if (!(*it)->in_use()) {
        ++it;
        continue;
      }
      name = statement->name();
      (*it)->orphan();
      orphans_.push_back(std::move(*it));
      it = entry.copies.erase(it);
    }
  }
  return name;
}

}  // namespace nexus::db::sqlite

#include "db/copy/copier.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>

namespace nexus::db::copy {
namespace {

constexpr std::string_view kNotes = "nexusrag_copy";
constexpr std::string_view kCreateNotes =
    "CREATE TABLE nexusrag_copy (table_name TEXT PRIMARY KEY, last_key TEXT NOT NULL, row_count BIGINT NOT NULL, "
    "done BIGINT NOT NULL)";
constexpr std::string_view kDropNotes = "DROP TABLE nexusrag_copy";

constexpr Statement kHasNotes{"copy.has_notes", "SELECT 1 WHERE {{table_exists nexusrag_copy}}"};
constexpr Statement kReadNotes{"copy.read_notes", "SELECT table_name, last_key, row_count, done FROM nexusrag_copy"};
constexpr Statement kWriteNote{
    "copy.write_note",
    "INSERT INTO nexusrag_copy (table_name, last_key, row_count, done) VALUES ($1, $2, $3, $4) "
    "ON CONFLICT (table_name) DO UPDATE SET last_key = excluded.last_key, "
    "row_count = excluded.row_count, done = excluded.done"};
/// When and how a database came to be is as good as a name for it.
constexpr Statement kIdentity{
    "copy.identity", "SELECT number, applied_at, checksum FROM schema_migrations ORDER BY applied_at, number LIMIT 1"};

constexpr std::string_view kSource;  // the note that names the source stands under no table's name
constexpr std::size_t kFirstPage = 16;
constexpr std::size_t kParameters = 400;  // of one statement, at most: a statement per row costs a round trip each
constexpr std::size_t kRowsAtOnce = 32;

std::string quoted(std::string_view name) {
  if (name.find('"') != std::string_view::npos)
    throw CopyRefused(fmt::format("{}: a name with quotes is not copied", name));
  return fmt::format("\"{}\"", name);
}

std::string placeholders(std::size_t from, std::size_t count) {
  std::string out;
  for (std::size_t i = 0; i < count; ++i) out += fmt::format("{}${}", i == 0 ? "" : ", ", from + i);
  return out;
}

std::string key_columns(const TablePlan& table, const std::vector<std::size_t>& key) {
  std::vector<std::string> names;
  for (const std::size_t place : key) names.push_back("t." + quoted(table.columns[place].name));
  return fmt::format("{}", fmt::join(names, ", "));
}

std::string insert_text(const TablePlan& table, std::size_t rows) {
  std::vector<std::string> names;
  for (const ColumnPlan& column : table.columns) names.push_back(quoted(column.name));
  std::string out = fmt::format("INSERT INTO {} ({}) VALUES ", quoted(table.name), fmt::join(names, ", "));
  for (std::size_t row = 0; row < rows; ++row)
    out += fmt::format("{}({})", row == 0 ? "" : ", ", placeholders(row * names.size() + 1, names.size()));
  return out;
}

}  // namespace

Texts::Text::Text(std::string name, std::string sql)
    : name_(std::move(name)), sql_(std::move(sql)), statement(Statement::made_at_run_time(name_, sql_)) {}

const Statement& Texts::add(std::string name, std::string sql) {
  return texts_.emplace_back(std::move(name), std::move(sql)).statement;
}

bool CopyReport::equal() const {
  return std::ranges::all_of(tables, &TableReport::equal);
}

Copier::Copier(Database& source, Database& target, Rules rules, Texts& texts, const CopyOptions& options)
    : source_(source), target_(target), rules_(std::move(rules)), texts_(texts), options_(options) {
  rules_.left_out.insert({std::string(kNotes), "schema_migrations"});
}

CopyReport Copier::run(const Report& report) {
  prepare();
  CopyReport out;
  out.resumed = begin();
  const std::map<std::string, Note> before = notes();
  for (const Job& job : jobs_) {
    const auto note = before.find(job.table->name);
    copy_table(job, note == before.end() ? Note{} : note->second, out, report);
  }
  target_.write([&](Tx& tx) { continue_numbering(tx, target_.engine()); });
  if (options_.after_rows) options_.after_rows();
  compare_tables(out, report);
  if (out.equal()) target_.run_script(kDropNotes);
  return out;
}

CopyReport Copier::compare(const Report& report) {
  prepare();
  for (const Job& job : jobs_) progress_.total -= job.rows;  // nothing is copied
  CopyReport out;
  compare_tables(out, report);
  return out;
}

void Copier::prepare() {
  const auto catalog = [](Database& database) {
    return database.read([&](Snapshot& s) { return read_catalog(s, database.engine()); });
  };
  plan_ = make_plan(catalog(source_), catalog(target_), rules_);
  if (plan_.tables.empty())
    plan_.problems.emplace_back("the two databases have no table in common; are both migrated?");
  if (!plan_.problems.empty()) throw CopyRefused(fmt::format("{}", fmt::join(plan_.problems, "\n")));
  refuse_losses();
  jobs_.clear();
  progress_ = {};
  for (const TablePlan& table : plan_.tables) {
    const std::size_t many = std::clamp<std::size_t>(kParameters / table.columns.size(), 1, kRowsAtOnce);
    jobs_.push_back({.table = &table,
                     .source = sql_of(table, table.source_key, "source"),
                     .target = sql_of(table, table.target_key, "target"),
                     .insert_one = &texts_.add("copy.insert." + table.name, insert_text(table, 1)),
                     .insert_many = &texts_.add("copy.insert_many." + table.name, insert_text(table, many)),
                     .many = many});
    Job& job = jobs_.back();
    job.rows = source_.read([&](Snapshot& s) {
      Cursor row = s.query(*job.source.count);
      return row.next() ? static_cast<std::uint64_t>(row.i64(0)) : 0;
    });
    progress_.total += 3 * job.rows;  // copied, and read again on both sides
  }
}

Copier::Sql Copier::sql_of(const TablePlan& table, const std::vector<std::size_t>& key, std::string_view side) {
  std::vector<std::string> columns;
  for (const ColumnPlan& column : table.columns) columns.push_back("t." + quoted(column.name));
  for (const ColumnPlan& column : table.columns)
    if (const auto rule = rules_.vector_lengths.find(table.name + "." + column.name);
        rule != rules_.vector_lengths.end())
      columns.push_back(rule->second);
  const std::string name = fmt::format("copy.{}.{}", side, table.name);
  const std::string from = fmt::format("SELECT {} FROM {} t", fmt::join(columns, ", "), quoted(table.name));
  const std::string keys = key_columns(table, key);
  const std::string order = fmt::format(" ORDER BY {} LIMIT ", keys);
  return {.count = &texts_.add(name + ".count", fmt::format("SELECT count(*) FROM {}", quoted(table.name))),
          .first = &texts_.add(name + ".first", from + order + "$1"),
          .next = &texts_.add(name + ".next", fmt::format("{} WHERE ({}) > ({}){}${}", from, keys,
                                                          placeholders(1, key.size()), order, key.size() + 1))};
}

/// Rows that the target has no place for would be lost silently.
void Copier::refuse_losses() {
  std::vector<std::string> losses;
  const auto count = [&](const std::string& what, const std::string& sql) {
    const Statement& statement = texts_.add("copy.loss." + what, sql);
    const std::int64_t rows = source_.read([&](Snapshot& s) {
      Cursor row = s.query(statement);
      return row.next() ? row.i64(0) : 0;
    });
    if (rows > 0) losses.push_back(fmt::format("{}: {} rows have no place in the target", what, rows));
  };
  for (const std::string& table : plan_.unknown) count(table, fmt::format("SELECT count(*) FROM {}", quoted(table)));
  for (const TablePlan& table : plan_.tables)
    for (const std::string& column : table.lost_columns)
      count(table.name + "." + column,
            fmt::format("SELECT count(*) FROM {} WHERE {} IS NOT NULL", quoted(table.name), quoted(column)));
  if (!losses.empty()) throw CopyRefused(fmt::format("{}", fmt::join(losses, "\n")));
}

std::string Copier::source_identity() {
  return source_.read([&](Snapshot& s) {
    Cursor row = s.query(kIdentity);
    if (!row.next()) throw CopyRefused("the source is not migrated");
    return fmt::format("{}/{}/{}/{}", source_.engine(), row.i64(0), row.i64(1), row.text(2));
  });
}

/// Makes the target ready; true when an earlier run did.
bool Copier::begin() {
  const std::string identity = source_identity();
  const bool has_notes = target_.read([&](Snapshot& s) { return s.query(kHasNotes).next(); });
  if (has_notes) {
    if (const auto found = notes();
        !found.contains(std::string(kSource)) || found.at(std::string(kSource)).last_key != identity)
      throw CopyRefused("a copy from another database has begun in the target; give it an empty database");
    return true;
  }
  std::vector<std::string> full;
  for (const Job& job : jobs_) {
    if (rules_.seeded.contains(job.table->name)) continue;
    if (target_.read([&](Snapshot& s) { return s.query(*job.target.first, 1).next(); }))
      full.push_back(job.table->name);
  }
  if (!full.empty())
    throw CopyRefused(
        fmt::format("the target is not empty (it has rows in {}); give it a new database that only "
                    "`nexusrag migrate` has seen",
                    fmt::join(full, ", ")));
  std::vector<const Statement*> cleared;  // what refers to others goes first
  for (auto job = jobs_.rbegin(); job != jobs_.rend(); ++job)
    if (rules_.seeded.contains(job->table->name))
      cleared.push_back(
          &texts_.add("copy.clear." + job->table->name, fmt::format("DELETE FROM {}", quoted(job->table->name))));
  target_.write([&](Tx& tx) {
    tx.script(kCreateNotes);
    for (const Statement* statement : cleared) tx.exec(*statement);
    tx.exec(kWriteNote, kSource, identity, 0, 0);
  });
  return false;
}

std::map<std::string, Copier::Note> Copier::notes() {
  return target_.read([&](Snapshot& s) {
    std::map<std::string, Note> found;
    for (Cursor row = s.query(kReadNotes); row.next();)
      found[row.str(0)] = {row.str(1), static_cast<std::uint64_t>(row.i64(2)), row.i64(3) != 0};
    return found;
  });
}

void Copier::copy_table(const Job& job, Note note, CopyReport& out, const Report& report) {
  tell(report, job, "copying", note.rows);
  if (note.done) return;
  Row after = note.last_key.empty() ? Row{} : key_values(note.last_key, *job.table);
  for (std::size_t rows = std::min(kFirstPage, options_.page_rows);;) {
    const std::vector<Row> page = read(source_, job, true, after, rows);
    const bool done = page.size() < rows;
    note.rows += page.size();
    store(job, page, note.rows, done);
    out.copied_rows += page.size();
    tell(report, job, "copying", page.size());
    if (done) return;
    std::size_t bytes = 0;
    for (const Row& row : page) bytes += bytes_of(row);
    rows = bytes > options_.page_bytes       ? std::max<std::size_t>(rows / 2, 1)
           : bytes < options_.page_bytes / 2 ? std::min(rows * 2, options_.page_rows)
                                             : rows;
    after.clear();
    for (const std::size_t place : job.table->source_key) after.push_back(page.back()[place]);
  }
}

void Copier::store(const Job& job, const std::vector<Row>& page, std::uint64_t rows, bool done) {
  const std::string last = page.empty() ? std::string() : key_text(page.back(), *job.table);
  const auto values_of = [&](std::size_t from, std::size_t count) {
    std::vector<Value> values;
    values.reserve(count * job.table->columns.size());
    for (std::size_t row = from; row < from + count; ++row)
      for (std::size_t i = 0; i < job.table->columns.size(); ++i)
        values.push_back(to_value(page[row][i], job.table->columns[i].kind));
    return values;
  };
  try {
    target_.write([&](Tx& tx) {
      std::size_t at = 0;
      for (; at + job.many <= page.size(); at += job.many) tx.exec_span(*job.insert_many, values_of(at, job.many));
      for (; at < page.size(); ++at) tx.exec_span(*job.insert_one, values_of(at, 1));
      tx.exec(kWriteNote, job.table->name, last, static_cast<std::int64_t>(rows), done ? 1 : 0);
    });
  } catch (const Error& e) {
    if (page.empty()) throw;
    throw Error(e.code(), fmt::format("{}, a row between {} and {}: {}", job.table->name,
                                      key_text(page.front(), *job.table), last, e.what()));
  }
}

void Copier::compare_tables(CopyReport& out, const Report& report) {
  for (const Job& job : jobs_) {
    TableReport table{.table = job.table->name};
    sum(job, true, table, report);
    sum(job, false, table, report);
    out.tables.push_back(std::move(table));
  }
}

void Copier::sum(const Job& job, bool source, TableReport& out, const Report& report) {
  Database& database = source ? source_ : target_;
  const std::vector<std::size_t>& key = source ? job.table->source_key : job.table->target_key;
  Checksum& checksum = source ? out.source_sum : out.target_sum;
  std::uint64_t& count = source ? out.source_rows : out.target_rows;
  Row after;
  for (std::size_t rows = std::min(kFirstPage, options_.page_rows);;) {
    const std::vector<Row> page = read(database, job, source, after, rows);
    std::size_t bytes = 0;
    for (const Row& row : page) {
      checksum.add(row, *job.table);
      bytes += bytes_of(row);
    }
    count += page.size();
    tell(report, job, "checking", page.size());
    if (page.size() < rows) return;
    rows = bytes > options_.page_bytes ? std::max<std::size_t>(rows / 2, 1) : std::min(rows * 2, options_.page_rows);
    after.clear();
    for (const std::size_t place : key) after.push_back(page.back()[place]);
  }
}

std::vector<Row> Copier::read(Database& database, const Job& job, bool source, const Row& after, std::size_t rows) {
  const TablePlan& table = *job.table;
  const Sql& sql = source ? job.source : job.target;
  const std::vector<std::size_t>& key = source ? table.source_key : table.target_key;
  std::vector<Value> values;
  for (std::size_t i = 0; i < after.size(); ++i) values.push_back(to_value(after[i], table.columns[key[i]].kind));
  values.emplace_back(static_cast<std::int64_t>(rows));
  return database.read([&](Snapshot& s) {
    std::vector<Row> page;
    for (Cursor cursor = s.query_span(after.empty() ? *sql.first : *sql.next, values); cursor.next();) {
      Row row;
      row.reserve(table.columns.size());
      int extra = static_cast<int>(table.columns.size());  // lengths of vectors stand behind the columns
      for (std::size_t i = 0; i < table.columns.size(); ++i) {
        row.push_back(read_cell(cursor, static_cast<int>(i), table.columns[i].kind));
        if (!rules_.vector_lengths.contains(table.name + "." + table.columns[i].name)) continue;
        auto* vector = std::get_if<std::vector<float>>(&row.back());
        if (vector != nullptr && !cursor.is_null(extra))
          vector->resize(
              std::min(vector->size(), static_cast<std::size_t>(std::max<std::int64_t>(cursor.i64(extra), 0))));
        ++extra;
      }
      page.push_back(std::move(row));
    }
    return page;
  });
}

void Copier::tell(const Report& report, const Job& job, std::string_view stage, std::uint64_t rows) {
  progress_.table = job.table->name;
  progress_.stage = stage;
  progress_.done += rows;
  if (report) report(progress_);
}

}  // namespace nexus::db::copy

#include "db/postgres/session.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <stdexcept>

namespace nexus::db::postgres {
namespace {

constexpr const char* kBegin[] = {
    // in the order of Mode
    "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
    "BEGIN ISOLATION LEVEL SERIALIZABLE READ WRITE",
    "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE",
};
constexpr std::string_view kCancelled = "57014";  // by statement_timeout
constexpr const char* kGiveNamesBack = "SELECT pg_advisory_unlock_all()";

}  // namespace

NameTaken::NameTaken(std::string_view statement)
    : PostgresError(ErrorCode::kBusy, fmt::format("{}: another transaction holds the name", statement), "55P03",
                    Remedy::kAgain, false) {}

PostgresSession::PostgresSession(const ConnInfo& info, Connection::Limit answer_limit,
                                 std::chrono::milliseconds statement_timeout)
    : connection_(info, answer_limit),
      cache_(connection_),
      restore_timeout_(
          fmt::format("SET LOCAL statement_timeout = {}", std::max<std::int64_t>(statement_timeout.count(), 0))) {}

void PostgresSession::reset() noexcept {
  begin_pending_ = false;
  commit_sent_ = false;
  names_held_ = false;
  failure_.reset();
  actions_.clear();
  touched_.clear();
  names_.clear();
}

void PostgresSession::begin(Mode mode, Durability durability) {
  const bool held = names_held_;
  reset();
  names_held_ = held;
  mode_ = mode;
  durability_ = durability;
  begin_pending_ = true;
}

void PostgresSession::enter() {
  if (failure_) throw PostgresError(*failure_);
}

void PostgresSession::queue_begin() {
  if (!std::exchange(begin_pending_, false)) return;
  connection_.queue(kBegin[static_cast<std::size_t>(mode_)]);
  if (mode_ != Mode::kRead && durability_ == Durability::kRelaxed) {
    connection_.queue("SET LOCAL synchronous_commit = off");
  }
}

Result PostgresSession::run(const Statement& statement, std::span<const Value> values, const Prepared** prepared) {
  enter();
  if (begin_pending_ && mode_ == Mode::kSerializable && locks_table(statement)) mode_ = Mode::kReadCommitted;
  try {
    queue_begin();
    return run_checked(statement, values, prepared);
  } catch (const PostgresError& e) {
    failure_ = e;
    throw;
  }
}

Result PostgresSession::run_checked(const Statement& statement, std::span<const Value> values,
                                    const Prepared** prepared) {
  const NameLock names = mode_ == Mode::kSerializable ? NameLock::kTry : NameLock::kWait;
  const Prepared& found = cache_.get(statement, names);
  if (values.size() != found.parameters.size()) {
    throw std::logic_error(
        fmt::format("{}: {} values given, {} expected", statement.name(), values.size(), found.parameters.size()));
  }
  connection_.queue_run(found.name.c_str(), encoder_.encode(values, found.parameters, statement.name()));
  Result result = connection_.exchange(statement.name());
  if (mode_ == Mode::kSerializable && locks_name(statement)) note_name(statement, values, result);
  *prepared = &found;
  return result;
}

void PostgresSession::note_name(const Statement& statement, std::span<const Value> values, const Result& result) {
  NameAsked asked{.statement = &statement, .values = {}};
  for (const Value& value : values) asked.values.emplace_back(value.text());
  names_.push_back(std::move(asked));
  const bool taken = PQntuples(result.get()) == 1 && PQgetvalue(result.get(), 0, 0)[0] != 0;
  if (!taken) throw NameTaken(statement.name());
}

Rows PostgresSession::query(const Statement& statement, std::span<const Value> values) {
  const Prepared* prepared = nullptr;
  Result result = run(statement, values, &prepared);
  return rows_.lend(std::move(result), prepared->columns, statement.name());
}

std::int64_t PostgresSession::execute(const Statement& statement, std::span<const Value> values) {
  const Prepared* prepared = nullptr;
  const Result result = run(statement, values, &prepared);
  if (std::string_view(PQcmdStatus(result.get())).starts_with("SELECT")) return 0;
  const std::string_view count = PQcmdTuples(result.get());
  std::int64_t rows = 0;
  std::from_chars(count.data(), count.data() + count.size(), rows);
  return rows;
}

void PostgresSession::after_commit(std::function<void()> action) {
  if (mode_ == Mode::kRead) throw std::logic_error("after_commit needs a write transaction");
  actions_.push_back(std::move(action));
}

void PostgresSession::touch(std::string_view scope) {
  if (mode_ == Mode::kRead) throw std::logic_error("touch needs a write transaction");
  touched_.push_back(Changes::slot(scope));
}

void PostgresSession::script(std::string_view sql) {
  enter();
  const std::string control = transaction_control(sql);
  if (!control.empty()) {
    throw Error(ErrorCode::kOther, fmt::format("script: transaction control is not allowed: {}", control));
  }
  if (begin_pending_ && mode_ == Mode::kSerializable) mode_ = Mode::kReadCommitted;
  try {
    queue_begin();
    connection_.queue("SET LOCAL statement_timeout = 0");
    connection_.run_script(std::string(sql));
    if (connection_.transaction() != PQTRANS_INTRANS) {
      throw PostgresError(ErrorCode::kOther, "script: it ended the transaction", "", Remedy::kNone, false);
    }
    // Goes out with the next command.
    if (sql.find("statement_timeout") == std::string_view::npos) connection_.queue(restore_timeout_.c_str());
  } catch (const PostgresError& e) {
    failure_ = e;
    throw;
  }
}

void PostgresSession::take_names(std::span<const NameAsked> names) {
  reset();  // what fails here says nothing of the transaction before
  for (const NameAsked& asked : names) {
    names_held_ = true;
    const Prepared& prepared = cache_.get(*asked.statement, NameLock::kBefore);
    const std::vector<Value> values(asked.values.begin(), asked.values.end());
    connection_.queue_run(prepared.name.c_str(), encoder_.encode(values, prepared.parameters, asked.statement->name()));
    try {
      static_cast<void>(connection_.exchange(asked.statement->name()));
    } catch (const PostgresError& e) {
      if (e.sqlstate() != kCancelled) throw;
      throw Error(ErrorCode::kBusy, fmt::format("{}: the name stayed taken for too long", asked.statement->name()));
    }
  }
}

void PostgresSession::end_read() {
  const std::string_view open = rows_.orphan_open();
  if (!open.empty()) throw std::logic_error(fmt::format("{}: a cursor must not outlive its transaction", open));
  if (failure_) throw PostgresError(*failure_);
  if (!begin_pending_) {
    connection_.queue("COMMIT");
    connection_.send_and_forget();
  }
  reset();
}

void PostgresSession::commit(const std::string& notice) {
  const std::string_view open = rows_.orphan_open();
  if (!open.empty()) throw std::logic_error(fmt::format("{}: a cursor must not outlive its transaction", open));
  if (failure_) throw PostgresError(*failure_);
  if (begin_pending_ && notice.empty() && !names_held_) return;
  queue_begin();
  if (!notice.empty()) {
    const char* values[] = {notice.c_str()};
    connection_.queue("SELECT pg_notify('nexusrag_changes', $1)", values);
  }
  connection_.queue("COMMIT");
  if (names_held_) connection_.queue(kGiveNamesBack);
  commit_sent_ = true;
  const Result result = connection_.exchange("commit");
  const bool names_held = std::exchange(names_held_, false);
  // A transaction that has failed answers COMMIT with ROLLBACK; failure_ has caught that before.
  if (!names_held && std::string_view(PQcmdStatus(result.get())) != "COMMIT") {
    throw PostgresError(ErrorCode::kOther, "commit: the transaction had ended", "", Remedy::kNone, false);
  }
}

void PostgresSession::abandon() noexcept {
  static_cast<void>(rows_.orphan_open());
  try {
    if (!begin_pending_ && connection_.alive()) connection_.queue("ROLLBACK");
    if (names_held_ && connection_.alive()) connection_.queue(kGiveNamesBack);
    connection_.send_and_forget();
  } catch (const PostgresError&) {
    failure_.reset();  // the connection is lost, and the transaction with it
  }
  reset();
}

}  // namespace nexus::db::postgres

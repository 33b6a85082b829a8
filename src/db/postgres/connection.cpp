#include "db/postgres/connection.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <poll.h>
#include <utility>

namespace nexus::db::postgres {
namespace {

using Steady = std::chrono::steady_clock;

void ignore_notice(void*, const PGresult*) {}

/// libpq's words on one line, without the password should it ever come up.
std::string plain(const char* message, std::string_view password) {
  std::string text = message == nullptr ? "" : message;
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
  std::replace_if(
      text.begin(), text.end(), [](char c) { return c == '\n' || c == '\t'; }, ' ');
  for (std::size_t at = 0; !password.empty() && (at = text.find(password, at)) != std::string::npos; at += 3) {
    text.replace(at, password.size(), "***");
  }
  return text;
}

}  // namespace

Connection::Connection(const ConnInfo& info, Limit answer_limit) : answer_limit_(answer_limit) {
  std::vector<const char*> names;
  std::vector<const char*> values;
  for (const auto& [name, value] : info.all()) {
    names.push_back(name.c_str());
    values.push_back(value.c_str());
  }
  names.push_back(nullptr);
  values.push_back(nullptr);
  connection_.reset(PQconnectdbParams(names.data(), values.data(), 0));
  PGconn* c = connection_.get();
  if (c == nullptr) throw lost_error("connect", "out of memory");
  if (PQstatus(c) != CONNECTION_OK) {
    throw PostgresError(ErrorCode::kUnavailable,
                        fmt::format("no connection to PostgreSQL: {}", plain(PQerrorMessage(c), info.get("password"))),
                        "", Remedy::kReplace, true);
  }
  PQsetNoticeReceiver(c, ignore_notice, nullptr);
  if (PQsetnonblocking(c, 1) != 0 || PQenterPipelineMode(c) != 1) throw lost_error("connect", "no pipeline mode");
}

void Connection::fail(std::string_view what, std::string_view why) {
  lost_ = true;
  throw lost_error(what, why);
}

void Connection::check_queued(int accepted) {
  if (accepted != 1) fail("send", plain(PQerrorMessage(connection_.get()), {}));
  ++queued_;
}

void Connection::queue(const char* sql) {
  check_queued(PQsendQueryParams(connection_.get(), sql, 0, nullptr, nullptr, nullptr, nullptr, 1));
}

void Connection::queue(const char* sql, std::span<const char* const> texts) {
  check_queued(PQsendQueryParams(connection_.get(), sql, static_cast<int>(texts.size()), nullptr, texts.data(), nullptr,
                                 nullptr, 1));
}

void Connection::queue_prepare(const char* name, const std::string& sql) {
  check_queued(PQsendPrepare(connection_.get(), name, sql.c_str(), 0, nullptr));
}

void Connection::queue_describe(const char* name) {
  check_queued(PQsendDescribePrepared(connection_.get(), name));
}

void Connection::queue_run(const char* name, const BoundValues& values) {
  check_queued(PQsendQueryPrepared(connection_.get(), name, static_cast<int>(values.values.size()),
                                   values.values.data(), values.lengths.data(), values.formats.data(), 1));
}

void Connection::wait_for_answer(Limit limit, std::string_view what) {
  PGconn* c = connection_.get();
  const auto deadline = Steady::now() + limit;
  for (;;) {
    const int unsent = PQflush(c);
    if (unsent < 0) fail(what, plain(PQerrorMessage(c), {}));
    if (unsent == 0 && PQisBusy(c) == 0) return;
    int wait_ms = -1;
    if (limit.count() > 0) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Steady::now()).count();
      if (left <= 0) fail(what, "no answer in time");
      wait_ms = static_cast<int>(std::min<std::int64_t>(left, 60'000));
    }
    pollfd entry{PQsocket(c), static_cast<short>(unsent > 0 ? POLLIN | POLLOUT : POLLIN), 0};
    const int ready = poll(&entry, 1, wait_ms);
    if (ready < 0 && errno != EINTR) fail(what, "poll failed");
    if (ready > 0 && (entry.revents & ~POLLOUT) != 0 && PQconsumeInput(c) != 1) {
      fail(what, plain(PQerrorMessage(c), {}));
    }
  }
}

Result Connection::next_result(Limit limit, std::string_view what) {
  wait_for_answer(limit, what);
  return Result(PQgetResult(connection_.get()));
}

/// Reads the answers of one batch up to its sync.
void Connection::finish_batch(std::size_t commands, Result* last, std::optional<PostgresError>* failure,
                              std::string_view what) {
  PGconn* c = connection_.get();
  for (std::size_t i = 0; i < commands; ++i) {
    while (Result result = next_result(answer_limit_, what)) {
      if (PQresultStatus(result.get()) == PGRES_FATAL_ERROR) {
        const PostgresError error = make_error(result.get(), what);
        if (error.lost() || PQstatus(c) != CONNECTION_OK) lost_ = true;
        if (failure != nullptr && !*failure) *failure = error;
        if (lost_) throw error;
      } else if (last != nullptr && i + 1 == commands) {
        *last = std::move(result);
      }
    }
  }
  const Result sync = next_result(answer_limit_, what);
  if (!sync || PQresultStatus(sync.get()) != PGRES_PIPELINE_SYNC) fail(what, "an unexpected answer");
}

void Connection::settle(std::string_view what) {
  const std::vector<std::size_t> batches = std::exchange(forgotten_, {});
  for (const std::size_t commands : batches) finish_batch(commands, nullptr, nullptr, what);
}

Result Connection::exchange(std::string_view what) {
  if (lost_) fail(what, "earlier");
  if (PQpipelineSync(connection_.get()) != 1) fail(what, plain(PQerrorMessage(connection_.get()), {}));
  const std::size_t commands = std::exchange(queued_, 0);
  Result last;
  std::optional<PostgresError> failure;
  try {
    settle(what);
    finish_batch(commands, &last, &failure, what);
  } catch (const PostgresError& e) {
    lost_ = true;  // answers are out of step, whatever the reason
    if (e.lost()) throw;
    fail(what, e.what());
  }
  if (failure) throw PostgresError(*failure);
  return last;
}

void Connection::send_and_forget() noexcept {
  if (lost_ || PQpipelineSync(connection_.get()) != 1) {
    lost_ = true;
    return;
  }
  forgotten_.push_back(std::exchange(queued_, 0));
  if (PQflush(connection_.get()) < 0) lost_ = true;
}

void Connection::run_script(const std::string& sql) {
  constexpr std::string_view kWhat = "script";
  PGconn* c = connection_.get();
  if (lost_) fail(kWhat, "earlier");
  if (queued_ > 0) exchange(kWhat);
  settle(kWhat);
  if (PQexitPipelineMode(c) != 1 || PQsendQuery(c, sql.c_str()) != 1) fail(kWhat, plain(PQerrorMessage(c), {}));
  std::optional<PostgresError> failure;
  while (const Result result = next_result(Limit(0), kWhat)) {
    const ExecStatusType status = PQresultStatus(result.get());
    if (status == PGRES_COPY_IN || status == PGRES_COPY_OUT || status == PGRES_COPY_BOTH) {
      fail(kWhat, "COPY is not possible here");
    }
    if (status == PGRES_FATAL_ERROR) failure = make_error(result.get(), kWhat);
  }
  if (failure && failure->lost()) lost_ = true;
  if (!lost_ && PQenterPipelineMode(c) != 1) lost_ = true;
  if (failure) throw PostgresError(*failure);
}

bool Connection::alive() noexcept {
  PGconn* c = connection_.get();
  while (!lost_) {
    pollfd entry{PQsocket(c), POLLIN, 0};
    if (poll(&entry, 1, 0) <= 0) break;
    if (PQconsumeInput(c) != 1) lost_ = true;
  }
  return !lost_ && PQstatus(c) == CONNECTION_OK;
}

std::optional<std::string> Connection::take_notification() {
  const std::unique_ptr<PGnotify, void (*)(void*)> note(PQnotifies(connection_.get()), PQfreemem);
  if (!note) return std::nullopt;
  return std::string(note->extra);
}

}  // namespace nexus::db::postgres

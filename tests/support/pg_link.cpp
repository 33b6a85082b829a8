#include "support/pg_link.h"

#include <libpq-fe.h>
#include <stdexcept>

namespace nexus::testing {
namespace {

struct Clear {
  void operator()(PGresult* result) const { PQclear(result); }
};
using Result = std::unique_ptr<PGresult, Clear>;

Result ask(PGconn* connection, const std::string& sql) {
  Result result(PQexec(connection, sql.c_str()));
  const ExecStatusType status = PQresultStatus(result.get());
  if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
    throw std::runtime_error("PostgreSQL: " + std::string(PQerrorMessage(connection)));
  return result;
}

/// Where the part behind `//` and the user begins, and where the path does.
struct Authority {
  std::size_t begin;
  std::size_t end;
};

Authority authority_of(const std::string& url) {
  const std::size_t slashes = url.find("://");
  if (slashes == std::string::npos) throw std::runtime_error("not a PostgreSQL URL");
  const std::size_t begin = slashes + 3;
  return {.begin = begin, .end = std::min(url.find_first_of("/?", begin), url.size())};
}

}  // namespace

void PgLink::Close::operator()(pg_conn* connection) const {
  PQfinish(connection);
}

PgLink::PgLink(const std::string& url) : connection_(PQconnectdb(url.c_str())) {
  if (PQstatus(connection_.get()) != CONNECTION_OK)
    throw std::runtime_error("PostgreSQL: " + std::string(PQerrorMessage(connection_.get())));
  PQsetNoticeProcessor(
      connection_.get(), [](void*, const char*) {}, nullptr);
}

void PgLink::run(const std::string& sql) {
  (void)ask(connection_.get(), sql);
}

std::vector<std::string> PgLink::column(const std::string& sql) {
  const Result result = ask(connection_.get(), sql);
  std::vector<std::string> out;
  for (int row = 0; row < PQntuples(result.get()); ++row) out.emplace_back(PQgetvalue(result.get(), row, 0));
  return out;
}

std::string PgLink::value(const std::string& sql) {
  std::vector<std::string> values = column(sql);
  return values.empty() ? std::string() : std::move(values.front());
}

std::string with_database(const std::string& url, const std::string& name) {
  const std::size_t path = authority_of(url).end;
  const std::size_t query = std::min(url.find('?', path), url.size());
  return url.substr(0, path) + "/" + name + url.substr(query);
}

std::string with_user(const std::string& url, const std::string& user, const std::string& password) {
  const auto [begin, end] = authority_of(url);
  const std::size_t at = url.rfind('@', end);
  const std::size_t host = at == std::string::npos || at < begin ? begin : at + 1;
  return url.substr(0, begin) + user + ":" + password + "@" + url.substr(host);
}

}  // namespace nexus::testing

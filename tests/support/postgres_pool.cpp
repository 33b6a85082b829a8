#include "support/postgres_pool.h"

#include <cerrno>
#include <charconv>
#include <csignal>
#include <stdexcept>
#include <sys/types.h>
#include <unistd.h>
#include <utility>

namespace nexus::testing {
namespace {

constexpr const char* kRole = "nexusrag_app";
constexpr const char* kPrefix = "nexusrag_t_";
constexpr const char* kLock = "SELECT pg_advisory_lock(hashtext('nexusrag tests'))";
constexpr const char* kUnlock = "SELECT pg_advisory_unlock(hashtext('nexusrag tests'))";

/// Two databases with the same answer have the same tables, columns, indexes and triggers, untouched since they were
/// made. What vacuum and analyze note about a table does not count.
constexpr const char* kSchemaState =
    "SELECT md5(string_agg(part, ',' ORDER BY part)) FROM ("
    " SELECT 'c' || oid || ':' || xmin AS part FROM pg_class WHERE relnamespace = 'public'::regnamespace"
    "  AND relkind IN ('r', 'p', 'i', 'I', 'v')"
    " UNION ALL SELECT 'a' || a.attrelid || ':' || a.attnum || ':' || a.xmin FROM pg_attribute a JOIN pg_class c"
    "  ON c.oid = a.attrelid WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')"
    " UNION ALL SELECT 't' || t.oid || ':' || t.xmin FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid"
    "  WHERE c.relnamespace = 'public'::regnamespace) parts";

/// Writes into the template what its tables start with (the rows of migrations) and the text that brings any clone
/// back to that. Vector indexes keep deleted entries, which would change what the next test finds: truncated.
constexpr const char* kRemember = R"sql(
CREATE SCHEMA test_seed;
CREATE TABLE test_seed.reset (step int, sql text NOT NULL);
DO $remember$
DECLARE
  each record;
  filled boolean;
  columns text;
BEGIN
  FOR each IN SELECT c.oid, c.relname, EXISTS (
      SELECT FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid JOIN pg_am m ON m.oid = x.relam
      WHERE i.indrelid = c.oid AND m.amname IN ('hnsw', 'ivfflat')) AS has_vectors
    FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'
  LOOP
    IF each.has_vectors THEN
      INSERT INTO test_seed.reset VALUES (1, format(
        'DO $$ BEGIN IF EXISTS (SELECT FROM public.%I) THEN TRUNCATE public.%I CASCADE; END IF; END $$',
        each.relname, each.relname));
    END IF;
    INSERT INTO test_seed.reset VALUES (2, format('DELETE FROM public.%I', each.relname));
    EXECUTE format('SELECT EXISTS (SELECT FROM public.%I)', each.relname) INTO filled;
    IF filled THEN
      EXECUTE format('CREATE TABLE test_seed.%I AS TABLE public.%I', 'of_' || each.relname, each.relname);
      SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) INTO columns FROM pg_attribute
        WHERE attrelid = each.oid AND attnum > 0 AND NOT attisdropped AND attgenerated = '';
      INSERT INTO test_seed.reset VALUES (3, format(
        'INSERT INTO public.%I (%s) OVERRIDING SYSTEM VALUE SELECT %s FROM test_seed.%I',
        each.relname, columns, columns, 'of_' || each.relname));
    END IF;
  END LOOP;
  FOR each IN SELECT * FROM pg_sequences WHERE schemaname = 'public'
  LOOP
    INSERT INTO test_seed.reset VALUES (4, format('SELECT setval(%L, %s, %L)',
      format('public.%I', each.sequencename), coalesce(each.last_value, each.start_value),
      each.last_value IS NOT NULL));
  END LOOP;
END $remember$;
)sql";

/// The process in `nexusrag_t_<pid>_<number>`; 0 when the name is another.
pid_t owner_of(const std::string& name) {
  const std::size_t begin = std::string_view(kPrefix).size();
  pid_t pid = 0;
  std::from_chars(name.data() + begin, name.data() + name.size(), pid);
  return pid;
}

/// Databases of programs of this machine that died. Nobody is connected to them, so that nobody is cut off.
void sweep(PgLink& admin) {
  for (const std::string& name :
       admin.column(std::string("SELECT datname FROM pg_database d WHERE datname LIKE '") + kPrefix +
                    "%' AND NOT EXISTS (SELECT FROM pg_stat_activity a WHERE " + "a.datname = d.datname)")) {
    const pid_t owner = owner_of(name);
    if (owner > 0 && ::kill(owner, 0) != 0 && errno == ESRCH) admin.run("DROP DATABASE IF EXISTS " + name);
  }
}

bool is_here(const std::string& server) {
  return server.find("127.0.0.1") != std::string::npos || server.find("localhost") != std::string::npos;
}

}  // namespace

/// A clone, and a superuser's connection to it for as long as it lives.
struct PostgresPool::Made {
  Made(std::string database, const std::string& server)
      : name(std::move(database)),
        link(with_database(server, name)),
        url(with_user(with_database(server, name), kRole, kRole)),
        state(link.value(kSchemaState)),
        reset("BEGIN; SET LOCAL lock_timeout = '10s'; SET LOCAL session_replication_role = replica; ") {
    for (const std::string& step : link.column("SELECT sql FROM test_seed.reset ORDER BY step"))
      reset.append(step).append("; ");
    reset += "COMMIT";
  }

  /// False when a test has changed the schema.
  bool empty() {
    if (link.value(kSchemaState) != state) return false;
    link.run(reset);
    state = link.value(kSchemaState);  // a truncated table is a new file in the catalogue
    return true;
  }

  std::string name;
  PgLink link;
  std::string url;
  std::string state;
  std::string reset;
};

PostgresPool::PostgresPool(std::string server, const std::string& checksum, const Migrate& migrate)
    : server_(std::move(server)), admin_(server_) {
  admin_.run(kLock);
  try {
    make_template(checksum, migrate);
    if (is_here(server_)) sweep(admin_);
  } catch (...) {
    admin_.run(kUnlock);
    throw;
  }
  admin_.run(kUnlock);
}

PostgresPool::~PostgresPool() {
  try {
    for (std::unique_ptr<Made>& made : free_) drop(std::move(made));
  } catch (const std::runtime_error&) {
    // The server is gone, and what it held with it.
  }
}

void PostgresPool::make_template(const std::string& checksum, const Migrate& migrate) {
  template_ = "nexusrag_template_" + checksum;
  if (!admin_.value("SELECT 1 FROM pg_database WHERE datname = '" + template_ + "'").empty()) return;
  admin_.run(std::string("DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '") + kRole +
             "') THEN CREATE ROLE " + kRole + " LOGIN PASSWORD '" + kRole + "'; END IF; END $$");
  const std::string draft = template_ + "_draft";  // a name that counts only when all of it is there
  admin_.run("DROP DATABASE IF EXISTS " + draft + " WITH (FORCE)");
  admin_.run("CREATE DATABASE " + draft + " OWNER " + kRole);
  {
    PgLink link(with_database(server_, draft));
    link.run("CREATE EXTENSION IF NOT EXISTS vector");  // a superuser's to make
    migrate(with_user(with_database(server_, draft), kRole, kRole));
    link.run(kRemember);
  }
  // Nobody may be connected to a template, the vacuum daemon included; those who have just left are waited for.
  admin_.run("ALTER DATABASE " + draft + " ALLOW_CONNECTIONS false");
  admin_.run("ALTER DATABASE " + draft + " RENAME TO " + template_);
}

std::unique_ptr<PostgresPool::Made> PostgresPool::make() {
  const std::string name = kPrefix + std::to_string(::getpid()) + "_" + std::to_string(++made_);
  admin_.run("CREATE DATABASE " + name + " TEMPLATE " + template_ + " OWNER " + kRole);
  return std::make_unique<Made>(name, server_);
}

void PostgresPool::drop(std::unique_ptr<Made> made) {
  const std::string name = made->name;
  made.reset();
  admin_.run("DROP DATABASE IF EXISTS " + name + " WITH (FORCE)");
}

std::unique_ptr<PostgresPool::Lease> PostgresPool::take() {
  const std::lock_guard lock(mutex_);
  while (!free_.empty()) {
    std::unique_ptr<Made> used = std::move(free_.back());
    free_.pop_back();
    if (used->empty()) return std::make_unique<Lease>(*this, std::move(used));
    drop(std::move(used));
  }
  return std::make_unique<Lease>(*this, make());
}

void PostgresPool::give_back(std::unique_ptr<Made> made) {
  const std::lock_guard lock(mutex_);
  free_.push_back(std::move(made));
}

PostgresPool::Lease::Lease(PostgresPool& pool, std::unique_ptr<Made> made) : pool_(pool), made_(std::move(made)) {}

PostgresPool::Lease::~Lease() {
  pool_.give_back(std::move(made_));
}

const std::string& PostgresPool::Lease::url() const {
  return made_->url;
}

}  // namespace nexus::testing

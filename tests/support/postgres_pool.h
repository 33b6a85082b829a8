#pragma once

#include "support/pg_link.h"

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace nexus::testing {

/// Databases with the whole schema and nothing else in them, for the tests of one program.
///
/// The migrations run once a server, into a template that every program on it clones: its name carries a checksum of
/// them. A database that a test gives back is emptied and used again, since that costs a tenth of a new clone (10 ms
/// against 100); one whose schema a test has changed is dropped. Everything belongs to a role without privileges, as
/// the program's role in production should be.
/// Thread-safe.
class PostgresPool {
 public:
  /// Brings an empty database up to date, as the role that will use it.
  using Migrate = std::function<void(const std::string& url)>;

  /// `server` is the URL of a database of a superuser in which others can be made; `checksum` names the schema that
  /// `migrate` makes, in lower-case letters and digits.
  PostgresPool(std::string server, const std::string& checksum, const Migrate& migrate);
  /// Drops what it made, except the template. No lease may be left.
  ~PostgresPool();
  PostgresPool(const PostgresPool&) = delete;
  PostgresPool& operator=(const PostgresPool&) = delete;

 private:
  struct Made;

 public:
  /// A database for one holder; goes back to the pool with the object, when nobody is connected any more.
  class Lease {
   public:
    Lease(PostgresPool& pool, std::unique_ptr<Made> made);
    ~Lease();
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;
    /// For the program under test.
    [[nodiscard]] const std::string& url() const;

   private:
    PostgresPool& pool_;
    std::unique_ptr<Made> made_;
  };
  [[nodiscard]] std::unique_ptr<Lease> take();

 private:
  void make_template(const std::string& checksum, const Migrate& migrate);
  [[nodiscard]] std::unique_ptr<Made> make();
  void drop(std::unique_ptr<Made> made);
  void give_back(std::unique_ptr<Made> made);

  std::string server_;
  std::mutex mutex_;
  PgLink admin_;
  std::string template_;
  std::vector<std::unique_ptr<Made>> free_;
  int made_ = 0;
};

}  // namespace nexus::testing

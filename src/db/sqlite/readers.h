#pragma once

#include "base/time.h"
#include "db/sqlite/database_probe.h"
#include "db/sqlite/session.h"

#include <condition_variable>
#include <memory>
#include <mutex>
#include <vector>

namespace nexus::db::sqlite {

/// The connections that read. The one used last is handed out first: its caches are warm and few stay open when few
/// are needed. Thread-safe.
class Readers {
 public:
  Readers(const SqliteOptions& options, const Clock& clock, DatabaseProbe& probe)
      : options_(options), clock_(clock), probe_(probe) {}

  /// A session of one's own until the lease goes.
  class Lease {
   public:
    Lease(Readers& owner, std::unique_ptr<SqliteSession> session) : owner_(owner), session_(std::move(session)) {}
    ~Lease() { owner_.put_back(std::move(session_)); }
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;
    SqliteSession& operator*() const { return *session_; }
    SqliteSession* operator->() const { return session_.get(); }

   private:
    Readers& owner_;
    std::unique_ptr<SqliteSession> session_;
  };

  /// Waits while all are taken; throws Error{kBusy} after the busy limit.
  [[nodiscard]] Lease take();

 private:
  std::unique_ptr<SqliteSession> take_session();
  void put_back(std::unique_ptr<SqliteSession> session) noexcept;

  const SqliteOptions& options_;
  const Clock& clock_;
  DatabaseProbe& probe_;
  std::mutex mutex_;
  std::condition_variable returned_;
  std::vector<std::unique_ptr<SqliteSession>> free_;
  unsigned open_ = 0;
  unsigned waiting_ = 0;
};

}  // namespace nexus::db::sqlite

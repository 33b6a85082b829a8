#pragma once

#include "base/error.h"
#include "base/time.h"
#include "db/database.h"
#include "modules/audit/ports.h"
#include "modules/auth/auth_types.h"
#include "modules/auth/keys_repository.h"
#include "modules/auth/pepper.h"
#include "modules/auth/ports.h"
#include "modules/auth/principal_cache.h"
#include "observe/metrics.h"

#include <boost/json/object.hpp>

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

namespace nexus::auth {

struct AuthOptions {
  Pepper pepper;
  bool enabled = true;                   ///< AUTH_ENABLED
  bool dev_bypass = false;               ///< AUTH_DEV_BYPASS
  bool dev_bypass_allowed = false;       ///< the application's word: all listeners on loopback, not production
  std::string header = "Authorization";  ///< AUTH_API_KEY_HEADER
  std::int64_t cache_ttl_s = 15;         ///< AUTH_CACHE_TTL_S; 0 or less: no cache
  std::size_t cache_entries = 10'000;    ///< AUTH_CACHE_ENTRIES
  bool inactive_enforced = true;         ///< AUTH_API_KEY_INACTIVE_ENFORCED
  std::int64_t inactive_days = 90;       ///< AUTH_API_KEY_INACTIVE_DAYS; 0 or less: no limit
};

/// The auth gate (contract 01 §5.3): the only maker of tenant scopes for requests. Thread-safe. A hit of the cache
/// costs one HMAC and no database; its key's expiry and inactivity are checked again each time, and revocations or
/// changes of users remove it at once. Uses of a key reach the database at most once a minute, and on flush().
class Authenticator final : public Gate, public CredentialChanges {
 public:
  Authenticator(db::Database& database, audit::Log& audit, const Clock& clock, AuthOptions options,
                observe::Metrics& metrics);
  /// Flushes and waits for writes in progress.
  ~Authenticator() override;
  Authenticator(const Authenticator&) = delete;
  Authenticator& operator=(const Authenticator&) = delete;

  void authenticate(http::Call& call) override;
  [[nodiscard]] bool remembers(const http::Call& call) const override;
  void require_role(const http::Call& call, Role least) override;
  void changed(db::Tx& tx, std::string_view tenant_id) override;

  /// Forgets what other processes have changed since the last call. Cheap; call it at least each second, or whenever
  /// the database reports a foreign commit. Throws db::Error.
  void refresh();
  /// Writes the uses that were not written yet.
  void flush();

 private:
  struct Failure;
  struct LookUp;

  [[nodiscard]] std::optional<std::string_view> bearer_token(const http::Call& call);
  void admit_developer(http::Call& call);
  void admit_key(http::Call& call, std::string_view token);
  [[nodiscard]] bool still_good(const VerifiedKey& key, Timestamp now) const;
  [[nodiscard]] LookUp look_up(http::Call& call, std::string_view token);
  [[nodiscard]] LookUp search(db::Snapshot& db, std::string_view token) const;
  [[nodiscard]] Role check(http::Call& call, const KeyRecord& record);
  void upgrade(const KeyRecord& record, std::string_view token);
  void accept(http::Call& call, VerifiedKey& key, bool cached);
  void touch(const std::shared_ptr<VerifiedKey>& key, Timestamp now);
  [[noreturn]] void refuse(const http::Call& call, const ErrorKind& kind, std::string message, Failure failure);
  [[nodiscard]] audit::Event access_event(const http::Call& call, std::string_view type, bool success) const;
  void write_soon(db::Database::Work work, std::function<void()> failed);

  db::Database& database_;
  audit::Log& audit_;
  const Clock& clock_;
  const AuthOptions options_;
  const bool dev_bypass_;
  observe::Metrics& metrics_;
  observe::Counter& hits_;
  observe::Counter& misses_;
  KeysRepository keys_;
  AuthVersions versions_;
  PrincipalCache cache_;

  std::mutex refresh_mutex_;
  std::int64_t seen_version_ = 0;

  std::mutex writes_mutex_;
  std::condition_variable writes_done_;
  int writes_in_progress_ = 0;
};

}  // namespace nexus::auth

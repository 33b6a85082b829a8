#include "modules/auth/authenticator.h"

#include "base/encoding.h"
#include "base/errors.h"
#include "crypto/constant_time.h"
#include "modules/auth/key_format.h"
#include "observe/log.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

namespace nexus::auth {
namespace {

constexpr std::int64_t kTouchEveryUs = 60 * Timestamp::kSecond;

constexpr std::string_view kAccessSuccess = "auth.access.success";
constexpr std::string_view kAccessFailure = "auth.access.failure";
constexpr std::string_view kKeyExpired = "auth.api_key.expired";

bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\v' || c == '\f';
}

/// The next run of non-blanks; `text` moves behind it.
std::string_view next_word(std::string_view& text) {
  const auto begin = std::find_if_not(text.begin(), text.end(), is_blank);
  const auto end = std::find_if(begin, text.end(), is_blank);
  const std::string_view word(begin, end);
  text = std::string_view(end, text.end());
  return word;
}

}  // namespace

/// Who a refused caller seems to be, and what the audit row says beside path and method.
namespace {

/// Neither through a proxy nor from a page that reached this port under a name of its own (DNS rebinding).
bool is_direct(const http::Request& request) {
  for (const std::string_view name : {"Forwarded", "X-Forwarded-For", "X-Forwarded-Host"})
    if (request.header(name) != nullptr) return false;
  const std::string* host = request.header("Host");
  if (host == nullptr) return true;
  const std::string_view name = std::string_view(*host).substr(0, host->rfind(':'));
  return ascii_iequals(name, "localhost") || name.starts_with("127.") || name == "[::1]" || *host == "[::1]";
}

}  // namespace

struct Authenticator::Failure {
  std::string_view event_type = kAccessFailure;
  std::string_view actor_type = "anonymous";
  std::optional<std::string> tenant_id = {};
  std::optional<std::string> actor_id = {};
  std::optional<std::string> actor_role = {};
  boost::json::object metadata = {};

  [[nodiscard]] static Failure of(const KeyRecord& record) {
    return {.actor_type = "api_key",
            .tenant_id = record.key.tenant_id,
            .actor_id = record.key.id,
            .actor_role = record.key.role,
            .metadata = {{"user_id", record.key.user_id}}};
  }
};

struct Authenticator::LookUp {
  std::optional<KeyRecord> verified;  ///< the row whose hash is the credential's
  std::optional<KeyRecord> claimed;   ///< the row that the credential names, but whose secret it does not know
};

namespace {

/// The token of `Bearer <token>`; absent for anything else.
std::optional<std::string_view> token_of(std::string_view header) {
  const std::string_view scheme = next_word(header);
  const std::string_view token = next_word(header);
  if (!ascii_iequals(scheme, "bearer") || token.empty() || !next_word(header).empty()) return std::nullopt;
  return token;
}

}  // namespace

Authenticator::Authenticator(db::Database& database, audit::Log& audit, const Clock& clock, AuthOptions options,
                             observe::Metrics& metrics)
    : database_(database),
      audit_(audit),
      clock_(clock),
      options_(std::move(options)),
      dev_bypass_(options_.dev_bypass && options_.dev_bypass_allowed),
      metrics_(metrics),
      hits_(metrics.counter("nexusrag_auth_cache_total", {{"result", "hit"}})),
      misses_(metrics.counter("nexusrag_auth_cache_total", {{"result", "miss"}})),
      cache_(options_.cache_entries, options_.cache_ttl_s * Timestamp::kSecond) {
  if (options_.dev_bypass && !dev_bypass_)
    observe::log_error("AUTH_DEV_BYPASS is ignored: it needs loopback listeners and no production environment");
}

Authenticator::~Authenticator() {
  try {
    flush();
  } catch (const std::exception& e) {
    observe::log_error("last uses of keys were not written", {{"reason", e.what()}});
  }
}

void Authenticator::authenticate(http::Call& call) {
  const std::optional<std::string_view> token = bearer_token(call);
  if (dev_bypass_ && (!options_.enabled || !token)) return admit_developer(call);
  if (!options_.enabled) {
    refuse(call, errors::kAuthUnauthorized, "Authentication disabled; set AUTH_DEV_BYPASS=true for dev access", {});
  }
  if (!token) refuse(call, errors::kAuthUnauthorized, "Missing API key", {});
  if (token->starts_with(kSessionMark)) {
    // Sessions come with single sign-on; until then none exists, and the answer is that of an unknown one.
    refuse(call, errors::kAuthUnauthorized, "Invalid session token",
           {.actor_type = "sso_session", .metadata = {{"auth_mode", "sso_session"}}});
  }
  admit_key(call, *token);
}

std::optional<std::string_view> Authenticator::bearer_token(const http::Call& call) {
  const std::string* header = call.request.header(options_.header);
  if (header == nullptr || header->empty()) return std::nullopt;
  const std::optional<std::string_view> token = token_of(*header);
  if (!token) refuse(call, errors::kAuthUnauthorized, "Missing or invalid bearer token", {});
  return token;
}

bool Authenticator::remembers(const http::Call& call) const {
  const std::string* header = call.request.header(options_.header);
  const std::optional<std::string_view> token = header != nullptr ? token_of(*header) : std::nullopt;
  return token && cache_.contains(options_.pepper.digest(*token));
}

void Authenticator::admit_developer(http::Call& call) {
  if (!is_direct(call.request))
    throw ApiError(errors::kAuthUnauthorized, "The dev bypass answers only requests sent straight to this machine")
        .with_header("WWW-Authenticate", "Bearer");
  const std::string* tenant = call.request.header("X-Tenant-Id");
  if (tenant == nullptr || tenant->empty()) {
    throw ApiError(errors::kAuthUnauthorized, "X-Tenant-Id header is required in dev bypass mode")
        .with_header("WWW-Authenticate", "Bearer");
  }
  const std::string* asked = call.request.header("X-Role");
  const std::string role_name = asked != nullptr ? ascii_lower(ascii_trim(*asked)) : "admin";
  const std::optional<Role> role = parse_role(role_name);
  if (!role) throw ApiError(errors::kAuthInvalidRole, "Unsupported role: " + role_name);

  audit::Event event = access_event(call, kAccessSuccess, true);
  event.tenant_id = *tenant;
  event.actor_type = "system";
  event.actor_id = "dev-" + *tenant;
  event.actor_role = role_name;
  event.metadata["auth_mode"] = "dev_bypass";
  call.authenticated({.subject_id = "dev-" + *tenant,
                      .tenant_id = *tenant,
                      .role = *role,
                      .credential_id = "dev-bypass",
                      .method = AuthMethod::kDevBypass},
                     TenantScope(*tenant));
  audit_.record_soon(std::move(event));
}

void Authenticator::admit_key(http::Call& call, std::string_view token) {
  const Pepper::Digest digest = options_.pepper.digest(token);
  if (options_.cache_ttl_s > 0) {
    if (const auto known = cache_.find(digest, clock_.steady_us()); known && still_good(*known, call.now)) {
      hits_.add();
      touch(known, call.now);
      return accept(call, *known, true);
    }
  }
  misses_.add();
  const std::uint64_t generation = cache_.generation();
  const LookUp found = look_up(call, token);
  if (!found.verified) {
    Failure failure;
    if (found.claimed) {
      // The tenant whose key is being guessed at should see it.
      failure.tenant_id = found.claimed->key.tenant_id;
      failure.metadata["claimed_key_id"] = found.claimed->key.id;
    }
    refuse(call, errors::kAuthUnauthorized, "Invalid API key", std::move(failure));
  }
  const KeyRecord& record = *found.verified;
  const Role role = check(call, record);
  auto key = std::make_shared<VerifiedKey>();
  key->key_id = record.key.id;
  key->user_id = record.key.user_id;
  key->tenant_id = record.key.tenant_id;
  key->role = role;
  key->expires_at = record.key.expires_at;
  key->created_at = record.key.created_at;
  const std::int64_t last_used = record.key.last_used_at ? record.key.last_used_at->us : 0;
  key->last_used_us.store(last_used, std::memory_order_relaxed);
  key->last_written_us.store(last_used, std::memory_order_relaxed);
  cache_.insert(digest, key, clock_.steady_us(), generation);
  if (record.hash_version != options_.pepper.version()) upgrade(record, token);
  touch(key, call.now);
  accept(call, *key, false);
}

bool Authenticator::still_good(const VerifiedKey& key, Timestamp now) const {
  if (key.expires_at && *key.expires_at <= now) return false;
  if (!options_.inactive_enforced || options_.inactive_days <= 0) return true;
  const std::int64_t used = key.last_used_us.load(std::memory_order_relaxed);
  const Timestamp alive = used != 0 ? Timestamp{used} : key.created_at;
  return alive > now - options_.inactive_days * Timestamp::kDay;
}

Authenticator::LookUp Authenticator::look_up(http::Call& call, std::string_view token) {
  std::string cause;
  try {
    return database_.read([&](db::Snapshot& db) { return search(db, token); });
  } catch (const db::Error& e) {
    cause = e.what();
  }
  observe::log_error("credential look-up failed", {{"reason", cause}, {"request_id", call.request_id}});
  refuse(call, errors::kAuthUnavailable, "Authentication unavailable", {.actor_type = "system"});
}

Authenticator::LookUp Authenticator::search(db::Snapshot& db, std::string_view token) const {
  LookUp found;
  const auto verifies = [&](const KeyRecord& record) {
    const auto hash = options_.pepper.hash(record.hash_version, token);
    return hash && crypto::constant_time_equal(*hash, record.key_hash);
  };
  if (const auto id = embedded_id(token)) {
    if (auto named = keys_.find_by_id(db, *id)) {
      (verifies(*named) ? found.verified : found.claimed) = std::move(named);
      if (found.verified) return found;
    }
  }
  // Adopted databases may hold keys of any form under any id.
  for (const int version : options_.pepper.known_versions()) {
    auto record = keys_.find_by_hash(db, *options_.pepper.hash(version, token));
    if (record && record->hash_version == version && verifies(*record)) {
      found.verified = std::move(record);
      break;
    }
  }
  return found;
}

/// Table of contract 01 §5.3 step 7, rows b to g.
Role Authenticator::check(http::Call& call, const KeyRecord& record) {
  const Key& key = record.key;
  if (key.revoked_at) refuse(call, errors::kAuthRevokedKey, "API key is revoked", Failure::of(record));
  if (!key.user_active) refuse(call, errors::kAuthUnauthorized, "API key user is inactive", Failure::of(record));
  if (key.is_expired(call.now)) {
    Failure failure = Failure::of(record);
    failure.event_type = kKeyExpired;
    refuse(call, errors::kAuthExpiredKey, "API key expired", std::move(failure));
  }
  if (options_.inactive_enforced && options_.inactive_days > 0 &&
      key.last_sign_of_life() <= call.now - options_.inactive_days * Timestamp::kDay) {
    Failure failure = Failure::of(record);
    failure.metadata["inactive_days_threshold"] = options_.inactive_days;
    refuse(call, errors::kAuthInactiveKey, "API key inactive", std::move(failure));
  }
  if (key.tenant_id != record.user_tenant_id)
    refuse(call, errors::kAuthForbidden, "Tenant mismatch for API key", Failure::of(record));
  const std::optional<Role> role = parse_role(key.role);
  if (!role) refuse(call, errors::kAuthForbidden, "Unsupported role: " + key.role, Failure::of(record));
  return *role;
}

void Authenticator::accept(http::Call& call, VerifiedKey& key, bool cached) {
  audit::Event event = access_event(call, kAccessSuccess, true);
  event.tenant_id = key.tenant_id;
  event.actor_type = "api_key";
  event.actor_id = key.key_id;
  event.actor_role = std::string(to_string(key.role));
  if (cached) {
    event.metadata["auth_cache"] = true;
  } else {
    event.metadata["user_id"] = key.user_id;
  }
  call.authenticated({.subject_id = key.user_id,
                      .tenant_id = key.tenant_id,
                      .role = key.role,
                      .credential_id = key.key_id,
                      .method = AuthMethod::kApiKey},
                     TenantScope(key.tenant_id));
  audit_.record_soon(std::move(event));
}

void Authenticator::refuse(const http::Call& call, const ErrorKind& kind, std::string message, Failure failure) {
  audit::Event event = access_event(call, failure.event_type, false);
  event.tenant_id = std::move(failure.tenant_id);
  event.actor_type = failure.actor_type;
  event.actor_id = std::move(failure.actor_id);
  event.actor_role = std::move(failure.actor_role);
  for (auto& member : failure.metadata) event.metadata[member.key()] = std::move(member.value());
  event.error_code = std::string(kind.code);
  audit_.record_soon(std::move(event));
  metrics_.counter("nexusrag_auth_failures_total", {{"code", std::string(kind.code)}}).add();
  if (kind.status == 401) throw ApiError(kind, std::move(message)).with_header("WWW-Authenticate", "Bearer");
  throw ApiError(kind, std::move(message));
}

audit::Event Authenticator::access_event(const http::Call& call, std::string_view type, bool success) const {
  audit::Event event{.occurred_at = call.now,
                     .event_type = std::string(type),
                     .success = success,
                     .resource_type = "auth",
                     .request_id = call.request_id,
                     .ip_address = call.request.client_ip};
  if (const std::string* agent = call.request.header("User-Agent")) event.user_agent = *agent;
  event.metadata.reserve(4);
  event.metadata.emplace("path", call.request.path);
  event.metadata.emplace("method", call.request.method);
  return event;
}

void Authenticator::require_role(const http::Call& call, Role least) {
  if (call.principal().role >= least) return;
  audit::Event event = audit::event_of(call, "rbac.forbidden");
  event.success = false;
  event.resource_type = "rbac";
  event.metadata = {{"path", call.request.path}, {"method", call.request.method}, {"required_role", to_string(least)}};
  event.error_code = std::string(errors::kAuthForbidden.code);
  audit_.record_soon(std::move(event));
  metrics_.counter("nexusrag_auth_failures_total", {{"code", std::string(errors::kAuthForbidden.code)}}).add();
  throw ApiError(errors::kAuthForbidden, "Insufficient role for this operation");
}

// ---- changes and uses of keys ----

void Authenticator::changed(db::Tx& tx, std::string_view tenant_id) {
  versions_.bump(tx, tenant_id);
  tx.after_commit([this, tenant = std::string(tenant_id)] { cache_.invalidate(tenant); });
}

void Authenticator::refresh() {
  const std::lock_guard lock(refresh_mutex_);
  const auto changes = database_.read([&](db::Snapshot& db) { return versions_.changes(db, seen_version_); });
  seen_version_ = changes.version;
  for (const std::string& tenant : changes.tenants) cache_.invalidate(tenant);
}

void Authenticator::touch(const std::shared_ptr<VerifiedKey>& key, Timestamp now) {
  key->last_used_us.store(now.us, std::memory_order_relaxed);
  std::int64_t written = key->last_written_us.load(std::memory_order_relaxed);
  if (now.us - written < kTouchEveryUs || !key->last_written_us.compare_exchange_strong(written, now.us)) return;
  write_soon([this, id = key->key_id, now](db::Tx& tx) { keys_.touch(tx, id, now); },
             [key, written] { key->last_written_us.store(written); });  // the next use tries again
}

void Authenticator::upgrade(const KeyRecord& record, std::string_view token) {
  const int version = options_.pepper.version();
  write_soon([this, id = record.key.id, old = record.key_hash, fresh = *options_.pepper.hash(version, token),
              version](db::Tx& tx) { keys_.upgrade_hash(tx, id, old, fresh, version); },
             [] {});  // the next miss tries again
}

void Authenticator::write_soon(db::Database::Work work, std::function<void()> failed) {
  {
    const std::lock_guard lock(writes_mutex_);
    ++writes_in_progress_;
  }
  database_.write_async(std::move(work), db::Durability::kRelaxed,
                        [this, on_failure = std::move(failed)](const std::exception_ptr& failure) {
                          if (failure) on_failure();
                          const std::lock_guard lock(writes_mutex_);
                          if (--writes_in_progress_ == 0) writes_done_.notify_all();
                        });
}

void Authenticator::flush() {
  {
    std::unique_lock lock(writes_mutex_);
    writes_done_.wait(lock, [&] { return writes_in_progress_ == 0; });
  }
  std::vector<std::shared_ptr<VerifiedKey>> newer;
  cache_.for_each([&](const std::shared_ptr<VerifiedKey>& key) {
    if (key->last_used_us.load() > key->last_written_us.load()) newer.push_back(key);
  });
  if (newer.empty()) return;
  // Every process locks rows in the same order.
  std::sort(newer.begin(), newer.end(), [](const auto& x, const auto& y) { return x->key_id < y->key_id; });
  std::vector<std::int64_t> used;
  for (const auto& key : newer) used.push_back(key->last_used_us.load());
  database_.write([&](db::Tx& tx) {
    for (std::size_t i = 0; i < newer.size(); ++i) keys_.touch(tx, newer[i]->key_id, Timestamp{used[i]});
  });
  for (std::size_t i = 0; i < newer.size(); ++i) newer[i]->last_written_us.store(used[i]);
}

}  // namespace nexus::auth

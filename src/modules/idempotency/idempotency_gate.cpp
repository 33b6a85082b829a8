#include "modules/idempotency/idempotency_gate.h"

#include "base/encoding.h"
#include "base/error.h"
#include "base/errors.h"
#include "base/ids.h"
#include "crypto/hash.h"
#include "http/idempotency.h"
#include "json/json.h"
#include "modules/idempotency/answer_policy.h"
#include "observe/log.h"

#include <exception>
#include <utility>

namespace nexus::idempotency {
namespace {

constexpr std::string_view kMetric = "nexusrag_idempotency_total";
constexpr std::string_view kCarriedOut = "The request was carried out, but its answer cannot be shown again";

/// A header is bytes; the column is text. Bytes over 0x7F are read as Latin-1, which keeps different keys different.
std::string as_utf8(std::string_view latin1) {
  std::string out;
  out.reserve(latin1.size());
  for (const char c : latin1) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80) {
      out.push_back(c);
    } else {
      out.push_back(static_cast<char>(0xC0 | (byte >> 6)));
      out.push_back(static_cast<char>(0x80 | (byte & 0x3F)));
    }
  }
  return out;
}

std::string context_of(const TenantScope& tenant, const Scope& scope, std::string_view hash) {
  std::string text;
  json::Writer(text)
      .begin_array()
      .value(tenant.id())
      .value(scope.actor_id)
      .value(scope.method)
      .value(scope.path)
      .value(scope.key)
      .value(hash)
      .end_array();
  return text;
}

ApiError conflict() {
  return ApiError(errors::kIdempotencyKeyConflict);
}

ApiError still_running() {
  return ApiError(errors::kIdempotencyInProgress).with_header("Retry-After", "1");
}

/// Not a 5xx: nothing failed, and a retry with this key will not help.
ApiError carried_out(const Record& record) {
  return ApiError(errors::kIdempotencyKeyConflict, std::string(kCarriedOut),
                  {{"reason", record.answer.form == Form::kSealed ? "answer_unreadable" : "answer_not_kept"},
                   {"status", record.answer.status},
                   {"request_id", record.request_id}});
}

/// The contract's original ran such a request as if it had no key. A client that sends a key asks not to run twice, and
/// a database that cannot reserve would hardly carry the handler's change: refusing is safe, running is not. A full
/// disk and a busy writer have answers of their own.
void refuse_unreserved(const db::Error& error) {
  if (error.code() == db::ErrorCode::kFull || error.code() == db::ErrorCode::kBusy) return;
  throw ApiError(errors::kServiceUnavailable, "The Idempotency-Key cannot be reserved now")
      .with_header("Retry-After", "1")
      .with_cause(error.what());
}

}  // namespace

IdempotencyGate::IdempotencyGate(db::Database& database, const Clock& clock, const IdempotencyOptions& options,
                                 observe::Metrics& metrics)
    : database_(database),
      clock_(clock),
      enabled_(options.enabled),
      ttl_us_(options.ttl_us),
      lease_us_(options.lease_us),
      answers_(options.max_body_bytes, options.secret, options.former_secrets),
      fresh_(metrics.counter(kMetric, {{"result", "fresh"}})),
      replayed_(metrics.counter(kMetric, {{"result", "replayed"}})),
      conflicts_(metrics.counter(kMetric, {{"result", "conflict"}})),
      in_progress_(metrics.counter(kMetric, {{"result", "in_progress"}})),
      answer_lost_(metrics.counter(kMetric, {{"result", "answer_lost"}})),
      unavailable_(metrics.counter(kMetric, {{"result", "unavailable"}})) {}

std::optional<http::Reply> IdempotencyGate::begin(const http::Call& call, const http::Decoded& decoded,
                                                  Reservation& reservation) {
  const http::RouteSpec& row = call.endpoint.spec;
  if (!http::reads_idempotency_key(call)) return std::nullopt;
  const std::optional<std::string_view> key = http::idempotency_key(call.request);
  if (!key) {
    if (row.idempotency == http::Idempotency::kRequired) throw ApiError(errors::kIdempotencyKeyRequired);
    return std::nullopt;
  }
  if (!enabled_ || !call.versioned) return std::nullopt;

  const Attempt attempt = attempt_of(call, *key, decoded);
  const Outcome outcome = reserve(call.tenant(), attempt.wish);
  if (!outcome.reserved) return repeat(attempt, outcome.met);
  {
    const std::lock_guard lock(mutex_);
    live_.emplace(attempt.wish.owner, Live{call.tenant(), *outcome.reserved, attempt.wish.now});
  }
  fresh_.add();
  reservation = Reservation(*this, {.tenant = call.tenant(),
                                    .record = *outcome.reserved,
                                    .owner = attempt.wish.owner,
                                    .context = attempt.context,
                                    .secret_answer = row.secret_answer,
                                    .reads_only = row.route_class == http::RouteClass::kRead});
  return std::nullopt;
}

IdempotencyGate::Attempt IdempotencyGate::attempt_of(const http::Call& call, std::string_view key,
                                                     const http::Decoded& decoded) const {
  const Timestamp now = clock_.now();
  Attempt attempt{.wish = {.scope = {.actor_id = call.principal().credential_id,
                                     .method = std::string(http::to_string(call.request.verb)),
                                     .path = call.request.path,
                                     .key = as_utf8(key)},
                           .request_hash = crypto::sha256_hex(http::canonical_request(call, decoded)),
                           .request_id = call.request_id,
                           .owner = hex32(),
                           .now = now,
                           .lease_until = now + lease_us_,
                           .expires_at = now + ttl_us_},
                  .context = {}};
  attempt.context = context_of(call.tenant(), attempt.wish.scope, attempt.wish.request_hash);
  return attempt;
}

IdempotencyGate::Outcome IdempotencyGate::reserve(const TenantScope& tenant, const IdempotencyRepository::Wish& wish) {
  // Relaxed is enough: commits reach the disk in their order, so a durable commit of the handler carries the
  // reservation with it. A power cut that loses the reservation has lost everything the handler wrote after it.
  try {
    return database_.write(
        [&](db::Tx& tx) -> Outcome {
          if (const auto id = records_.reserve(tx, tenant, wish)) return {.reserved = id, .met = {}};
          std::optional<Record> met = records_.find(tx, tenant, wish.scope);
          if (!met) throw db::Error(db::ErrorCode::kBusy, "an idempotency record vanished while it was looked at");
          return {.reserved = std::nullopt, .met = std::move(*met)};
        },
        db::Durability::kRelaxed);
  } catch (const db::Error& error) {
    unavailable_.add();
    refuse_unreserved(error);
    throw;
  }
}

http::Reply IdempotencyGate::repeat(const Attempt& attempt, const Record& record) const {
  if (record.request_hash != attempt.wish.request_hash) {
    conflicts_.add();
    throw conflict();
  }
  if (record.in_progress) {
    in_progress_.add();
    throw still_running();
  }
  std::optional<http::Reply> answer = answers_.unpack(record.answer, attempt.context);
  if (!answer) {
    answer_lost_.add();
    throw carried_out(record);
  }
  replayed_.add();
  answer->headers.emplace_back("Idempotency-Replayed", "true");
  answer->headers.emplace_back("X-Request-Id", record.request_id);
  return std::move(*answer);
}

void IdempotencyGate::complete(const Claim& claim, const http::Reply& sent, std::string_view error_code) noexcept {
  try {
    if (!worth_repeating(sent, error_code)) return release(claim);
    const StoredAnswer answer = answers_.pack(sent, claim.secret_answer, claim.context);
    // As durable as what it answers for. A change is on the disk when the client hears of it, and so must be the record
    // that keeps a retry from changing it again. A refusal or a search wrote nothing: run again, it gives the same.
    const bool durable = sent.status / 100 == 2 && !claim.reads_only;
    const bool stored =
        database_.write([&](db::Tx& tx) { return records_.store(tx, claim.tenant, claim.record, claim.owner, answer); },
                        durable ? db::Durability::kDurable : db::Durability::kRelaxed);
    if (!stored) observe::log_warn("an idempotency reservation was lost while its request ran");
  } catch (const std::exception& e) {
    // The client gets its answer all the same. The key stays reserved until the lease runs out.
    observe::log_error("the answer of an idempotent request was not stored", {{"reason", e.what()}});
  }
  forget(claim.owner);
}

void IdempotencyGate::abandon(const Claim& claim) noexcept {
  try {
    release(claim);
  } catch (const std::exception& e) {
    observe::log_error("an idempotency key was not released", {{"reason", e.what()}});
    forget(claim.owner);
  }
}

void IdempotencyGate::release(const Claim& claim) {
  // Waits for the commit: a client may retry as soon as it has read the refusal.
  database_.write([&](db::Tx& tx) { records_.release(tx, claim.tenant, claim.record, claim.owner); },
                  db::Durability::kRelaxed);
  forget(claim.owner);
}

void IdempotencyGate::forget(const std::string& owner) noexcept {
  const std::lock_guard lock(mutex_);
  live_.erase(owner);
}

std::size_t IdempotencyGate::renew() {
  const Timestamp now = clock_.now();
  std::vector<std::pair<std::string, Live>> old;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& entry : live_)
      if (now - entry.second.renewed_at >= lease_us_ / 3) old.emplace_back(entry);
  }
  if (old.empty()) return 0;
  database_.write(
      [&](db::Tx& tx) {
        for (const auto& [owner, live] : old) records_.renew(tx, live.tenant, live.record, owner, now + lease_us_);
      },
      db::Durability::kRelaxed);
  const std::lock_guard lock(mutex_);
  for (const auto& [owner, live] : old)
    if (const auto entry = live_.find(owner); entry != live_.end()) entry->second.renewed_at = now;
  return old.size();
}

std::int64_t IdempotencyGate::prune_expired() {
  const Timestamp now = clock_.now();
  std::int64_t all = 0;
  for (std::int64_t removed = kPruneBatch; removed == kPruneBatch;) {
    removed = database_.write([&](db::Tx& tx) { return prune(tx, now); }, db::Durability::kRelaxed);
    all += removed;
  }
  return all;
}

}  // namespace nexus::idempotency

#include "modules/audit/audit_log.h"

#include "exec/thread_name.h"
#include "modules/audit/canonical_row.h"
#include "modules/audit/prepared_row.h"
#include "modules/audit/verifier.h"
#include "observe/log.h"
#include "observe/metrics.h"

#include <algorithm>
#include <deque>
#include <map>
#include <utility>

namespace nexus::audit {
namespace {

constexpr std::chrono::milliseconds kTick{1'000};
constexpr std::chrono::milliseconds kFirstBackoff{50};
constexpr std::chrono::milliseconds kMostBackoff{2'000};
constexpr int kAttemptsWhileStopping = 3;
constexpr std::int64_t kPruneStep = 2'000;
constexpr std::size_t kCheckpointsPerCommit = 256;

/// Trying again cannot help: the event itself is refused.
bool is_refusal(const db::Error& error) {
  return error.code() == db::ErrorCode::kConstraint || error.code() == db::ErrorCode::kOther;
}

}  // namespace

AuditLog::AuditLog(db::Database& database, const Clock& clock, AuditOptions options, observe::Metrics& metrics)
    : database_(database),
      clock_(clock),
      options_(std::move(options)),
      checkpoints_(options_.signer, options_.checkpoint_dir),
      success_total_(metrics.counter("nexusrag_audit_events_total", {{"outcome", "success"}})),
      failure_total_(metrics.counter("nexusrag_audit_events_total", {{"outcome", "failure"}})),
      lost_total_(metrics.counter("nexusrag_audit_events_total", {{"outcome", "lost"}})),
      checkpoints_total_(metrics.counter("nexusrag_audit_checkpoints_total")) {
  if (options_.background)
    writer_ = std::jthread([this](const std::stop_token& stop) {
      exec::name_thread("audit");
      run(stop);
    });
}

AuditLog::~AuditLog() {
  stop();
}

void AuditLog::record(db::Tx& tx, const Event& event) {
  append_one(tx, event);
  count_written(event);
}

void AuditLog::append_one(db::Tx& tx, const Event& event) {
  PreparedRow row(event, clock_.now());
  // The chain's end is read where it is locked: in the transaction that appends. It is one probe of the primary key,
  // and no other process, rollback or group commit can make it stale.
  (void)append(tx, row, repository_.take_head(tx, row.chain()));
}

Head AuditLog::append(db::Tx& tx, PreparedRow& row, const Head& head) {
  row.set_id(repository_.insert(tx, row.view()));
  std::string scratch;
  scratch.reserve(1024);
  const Link link{.seq = head.seq + 1,
                  .event_id = row.view().id,
                  .prev_hash = head.hash,
                  .hash = link_hash(head.hash, row.view(), scratch)};
  repository_.link(tx, row.chain(), link);
  note_appended(row.chain(), link.seq);
  return {link.seq, link.hash};
}

void AuditLog::append_batch(db::Tx& tx, std::span<const Event> events) {
  const Timestamp now = clock_.now();
  std::deque<PreparedRow> rows;  // they do not move
  std::map<std::string_view, Head> heads;
  for (const Event& event : events) heads.try_emplace(rows.emplace_back(event, now).chain());
  // Every process takes the chains in the same order, so that two batches do not wait for each other.
  for (auto& [chain, head] : heads) head = repository_.take_head(tx, chain);
  for (PreparedRow& row : rows) {
    Head& head = heads.at(row.chain());
    head = append(tx, row, head);
  }
}

void AuditLog::record_soon(Event event) {
  if (event.occurred_at.us == 0) event.occurred_at = clock_.now();
  std::unique_lock lock(queue_mutex_);
  if (options_.background && !progress_.wait_for(lock, options_.most_wait,
                                                 [&] { return stopped_ || queue_.size() < options_.queue_capacity; })) {
    // Nothing happens unaudited: while the database takes no events, requests are refused.
    throw db::Error(db::ErrorCode::kBusy, "the audit queue is full");
  }
  if (stopped_) {
    lock.unlock();
    database_.write([&](db::Tx& tx) { record(tx, event); }, db::Durability::kRelaxed);
    return;
  }
  queue_.push_back(std::move(event));
  ++queued_count_;
  const std::size_t depth = queue_.size();
  lock.unlock();
  // The writer sleeps while the queue is empty, or lingers until a batch is full; nothing in between concerns it.
  if (depth == 1 || depth == options_.batch_events) work_.notify_one();
}

void AuditLog::run(const std::stop_token& stop) {
  std::vector<Event> taken;
  std::int64_t last_maintenance = clock_.steady_us();
  std::unique_lock lock(queue_mutex_);
  while (true) {
    work_.wait_for(lock, stop, kTick, [&] { return !queue_.empty(); });
    if (queue_.empty() && stop.stop_requested()) return;
    if (!queue_.empty() && flush_waiters_ == 0) {
      work_.wait_for(lock, stop, options_.linger,
                     [&] { return queue_.size() >= options_.batch_events || flush_waiters_ > 0; });
    }
    taken.swap(queue_);
    lock.unlock();
    progress_.notify_all();
    if (!taken.empty()) write_taken(taken, stop.stop_requested());
    if (clock_.steady_us() - last_maintenance >= Timestamp::kSecond && !stop.stop_requested()) {
      last_maintenance = clock_.steady_us();
      try {
        maintain();
      } catch (const std::exception& e) {
        observe::log_error("audit checkpoint failed", {{"reason", e.what()}});
      }
    }
    const std::size_t settled = taken.size();
    taken.clear();
    lock.lock();
    settled_count_ += settled;
    progress_.notify_all();
  }
}

void AuditLog::write_taken(std::vector<Event>& events, bool stopping) {
  std::span<const Event> rest(events);
  auto backoff = kFirstBackoff;
  int attempts = 0;
  while (!rest.empty()) {
    const auto batch = rest.first(std::min(rest.size(), options_.batch_events));
    if (try_write(batch)) {
      rest = rest.subspan(batch.size());
      attempts = 0;
      backoff = kFirstBackoff;
      continue;
    }
    stopping = stopping || writer_.get_stop_token().stop_requested();
    if (stopping && ++attempts >= kAttemptsWhileStopping) {
      lost_total_.add(rest.size());
      observe::log_error("audit events lost: the database refused them until the end", {{"events", rest.size()}});
      return;
    }
    std::unique_lock lock(queue_mutex_);
    work_.wait_for(lock, writer_.get_stop_token(), backoff, [] { return false; });
    backoff = std::min(backoff * 2, kMostBackoff);
  }
}

bool AuditLog::try_write(std::span<const Event> events) {
  try {
    database_.write([&](db::Tx& tx) { append_batch(tx, events); }, db::Durability::kRelaxed);
    for (const Event& event : events) count_written(event);
    return true;
  } catch (const db::Error& e) {
    observe::log_error("audit batch failed", {{"events", events.size()}, {"reason", e.what()}});
    if (!is_refusal(e)) return false;
  } catch (const std::exception& e) {  // out of memory, say: the batch is tried again
    observe::log_error("audit batch failed", {{"events", events.size()}, {"reason", e.what()}});
    return false;
  }
  write_one_by_one(events);
  return true;
}

void AuditLog::write_one_by_one(std::span<const Event> events) {
  for (const Event& event : events) {
    try {
      database_.write([&](db::Tx& tx) { append_one(tx, event); }, db::Durability::kRelaxed);
      count_written(event);
    } catch (const db::Error& e) {
      lost_total_.add();
      observe::log_error(
          "audit event refused",
          {{"event_type", event.event_type}, {"request_id", event.request_id.value_or("")}, {"reason", e.what()}});
    }
  }
}

void AuditLog::flush() {
  std::unique_lock lock(queue_mutex_);
  if (!options_.background || stopped_) {
    std::vector<Event> taken;
    taken.swap(queue_);
    lock.unlock();
    if (!taken.empty()) write_taken(taken, true);
    lock.lock();
    settled_count_ += taken.size();
    return;
  }
  const std::uint64_t target = queued_count_;
  ++flush_waiters_;
  work_.notify_one();
  progress_.wait(lock, [&] { return settled_count_ >= target; });
  --flush_waiters_;
}

void AuditLog::stop() {
  {
    const std::lock_guard lock(queue_mutex_);
    if (stopped_) return;
    stopped_ = true;
  }
  progress_.notify_all();
  if (writer_.joinable()) {
    writer_.request_stop();
    writer_.join();
  }
  try {
    flush();
    checkpoint(due_chains(true));
  } catch (const std::exception& e) {
    observe::log_error("last audit checkpoints failed", {{"reason", e.what()}});
  }
}

// ---- checkpoints ----

void AuditLog::note_appended(std::string_view chain, std::int64_t seq) {
  const std::lock_guard lock(due_mutex_);
  const auto [at, is_new] = due_.try_emplace(std::string(chain));
  if (is_new) at->second.since = clock_.now();
  ++at->second.events;
  at->second.appended_seq = std::max(at->second.appended_seq, seq);
}

void AuditLog::load_unfinished() {
  // What a killed process left without a checkpoint gets one an interval from now.
  std::vector<std::pair<std::string, std::int64_t>> open;
  database_.read([&](db::Snapshot& db) {
    open.clear();
    for (const std::string& chain : repository_.chains(db)) {
      const Head head = repository_.head(db, chain);
      const auto last = repository_.last_checkpoint(db, chain);
      if (head.seq > (last ? last->seq : 0)) open.emplace_back(chain, head.seq);
    }
  });
  const std::lock_guard lock(due_mutex_);
  for (const auto& [chain, seq] : open) {
    const auto [at, is_new] = due_.try_emplace(chain);
    if (is_new) at->second.since = clock_.now();
    at->second.appended_seq = std::max(at->second.appended_seq, seq);
  }
  unfinished_loaded_ = true;
}

std::vector<std::string> AuditLog::due_chains(bool all) {
  const Timestamp now = clock_.now();
  const std::lock_guard lock(due_mutex_);
  std::vector<std::string> chains;
  for (const auto& [chain, due] : due_) {
    const bool old = now - due.since >= options_.checkpoint_interval_s * Timestamp::kSecond;
    if (all || old || due.events >= options_.checkpoint_events) chains.push_back(chain);
  }
  return chains;
}

std::size_t AuditLog::maintain() {
  if (!options_.signer) return 0;
  if (!unfinished_loaded_) load_unfinished();
  return checkpoint(due_chains(false));
}

std::size_t AuditLog::checkpoint(std::span<const std::string> chains) {
  if (!options_.signer) return 0;
  std::size_t made = 0;
  while (!chains.empty()) {
    const auto some = chains.first(std::min(chains.size(), kCheckpointsPerCommit));
    chains = chains.subspan(some.size());
    std::vector<Checkpoint> fresh;
    database_.read([&](db::Snapshot& db) {
      fresh.clear();
      for (const std::string& chain : some) {
        if (auto next = checkpoints_.next(db, chain, clock_.now())) fresh.push_back(std::move(*next));
      }
    });
    if (!fresh.empty()) {
      database_.write([&](db::Tx& tx) {
        for (const Checkpoint& checkpoint : fresh) (void)repository_.insert_checkpoint(tx, checkpoint);
      });
    }
    // Where another process was first, its checkpoint says the same of an earlier head; ours is still true outside.
    for (const Checkpoint& checkpoint : fresh) checkpoints_.publish(checkpoint);
    made += fresh.size();
    checkpoints_total_.add(fresh.size());
    for (const std::string& chain : some) {
      const auto at = std::find_if(fresh.begin(), fresh.end(), [&](const auto& c) { return c.tenant_id == chain; });
      settle(chain, at != fresh.end() ? at->seq : 0);
    }
  }
  return made;
}

void AuditLog::settle(std::string_view chain, std::int64_t checkpoint_seq) {
  const std::lock_guard lock(due_mutex_);
  const auto at = due_.find(std::string(chain));
  if (at == due_.end()) return;
  Due& due = at->second;
  // An event whose transaction was still open is behind the checkpoint: look again; one that was undone never comes.
  if (checkpoint_seq >= due.appended_seq || ++due.fruitless >= 2) {
    due_.erase(at);
  } else {
    due.events = 0;
    due.since = clock_.now();
  }
}

// ---- verification and pruning ----

VerifyReport AuditLog::verify(std::string_view chain) const {
  return database_.read([&](db::Snapshot& db) { return ChainVerifier(checkpoints_).verify(db, chain); });
}

std::vector<std::string> AuditLog::chains() const {
  return database_.read([&](db::Snapshot& db) { return repository_.chains(db); });
}

AuditLog::Pruned AuditLog::prune(std::string_view chain, Timestamp cutoff, const std::stop_token& stop) {
  std::int64_t from = 0;
  const auto through = database_.read([&](db::Snapshot& db) -> std::int64_t {
    from = repository_.first_present(db, chain).value_or(0);
    const auto last = repository_.last_checkpoint(db, chain);
    if (from == 0 || !last || last->seq < from) return 0;
    return repository_.checkpoint_before(db, chain, repository_.last_older(db, chain, cutoff, from, last->seq));
  });
  Pruned pruned;
  if (through < from || through == 0) return pruned;
  pruned.through_seq = through;
  // Said before it is done: a crash in between leaves rows that may be gone, never gaps that nothing explains.
  database_.write([&](db::Tx& tx) {
    Event event{.occurred_at = clock_.now(), .actor_type = "system", .actor_id = "audit_prune"};
    event.event_type = "audit.pruned";
    if (!chain.empty()) event.tenant_id = std::string(chain);
    event.resource_type = "audit";
    event.metadata = {{"through_seq", through}, {"pruned_count", through - from + 1}, {"cutoff", iso(cutoff)}};
    record(tx, event);
  });
  for (std::int64_t at = from; at <= through && !stop.stop_requested(); at += kPruneStep) {
    pruned.events += database_.write(
        [&](db::Tx& tx) { return repository_.prune(tx, chain, at, std::min(through, at + kPruneStep - 1)); });
  }
  return pruned;
}

}  // namespace nexus::audit

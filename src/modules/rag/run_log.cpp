#include "modules/rag/run_log.h"

#include <algorithm>
#include <functional>
#include <iterator>

namespace nexus::rag {
namespace {

/// Unambiguous: lengths before parts, whatever bytes the parts hold.
constexpr std::size_t kLogOverhead = 512;  // map node, key, control block

std::string log_key(std::string_view tenant, std::string_view subject, std::string_view session) {
  std::string key;
  key.reserve(tenant.size() + subject.size() + session.size() + 16);
  for (const std::string_view part : {tenant, subject, session})
    key.append(std::to_string(part.size())).append(1, ':').append(part);
  return key;
}

}  // namespace

void RunLog::append(std::string_view frame) {
  {
    const std::lock_guard lock(mutex_);
    const std::size_t grown = frame.size() + (frames_.empty() ? kLogOverhead : sizeof(std::string));
    frames_.emplace_back(frame);
    bytes_ += grown;
    total_->fetch_add(grown);
  }
  if (shared_) shared_->append(frame);
}

void RunLog::finish(bool complete) {
  {
    const std::lock_guard lock(mutex_);
    if (finished_) return;
    finished_ = true;
    complete_ = complete;
  }
  if (shared_) shared_->finish(complete);
}

RunLog::Tail RunLog::after(std::uint64_t after_seq) const {
  const std::lock_guard lock(mutex_);
  Tail tail{.frames = {}, .finished = finished_, .complete = complete_};
  for (std::size_t i = after_seq; i < frames_.size(); ++i) tail.frames.push_back(frames_[i]);
  return tail;
}

std::size_t RunLog::bytes() const {
  const std::lock_guard lock(mutex_);
  return bytes_;
}

std::shared_ptr<RunLog> RunLogs::open(std::string_view tenant, std::string_view subject, std::string_view session,
                                      Timestamp now, std::string_view question) {
  if (ttl_us_ <= 0 || budget_bytes_ == 0) return nullptr;
  std::string key = log_key(tenant, subject, session);
  const RunIdentity run{.tenant = tenant, .subject = subject, .session = session, .question = question};
  auto log = std::make_shared<RunLog>(total_, store_ != nullptr ? store_->open(run) : nullptr);
  std::vector<std::shared_ptr<RunLog>> evicted;
  {
    const std::lock_guard lock(mutex_);
    if (const auto known = by_key_.find(key); known != by_key_.end()) {
      by_age_.erase(known->second);
      by_key_.erase(known);
    }
    evicted = evict(now);
    by_age_.push_back({key, now, std::hash<std::string_view>{}(question), log});
    by_key_.emplace(std::move(key), std::prev(by_age_.end()));
  }
  for (const std::shared_ptr<RunLog>& gone : evicted)
    if (gone->shared() != nullptr) gone->shared()->withdraw();
  return log;
}

std::shared_ptr<RunLog> RunLogs::find(std::string_view tenant, std::string_view subject, std::string_view session,
                                      Timestamp now, std::string_view question) const {
  const std::string key = log_key(tenant, subject, session);
  const std::lock_guard lock(mutex_);
  const auto known = by_key_.find(key);
  if (known == by_key_.end() || now - known->second->opened > ttl_us_) return nullptr;
  if (known->second->question != std::hash<std::string_view>{}(question)) return nullptr;
  return known->second->log;
}

FoundRun RunLogs::find_anywhere(const RunIdentity& run, Timestamp now) const {
  FoundRun own{.local = find(run.tenant, run.subject, run.session, now, run.question), .shared = nullptr};
  if (store_ == nullptr) return own;
  RunLogStore::Found found = store_->find(run);
  if (!found.answered || found.token.empty()) return own;
  if (own.local) {
    // A session may have asked again elsewhere: then ours is the older answer, even to the same question.
    const SharedRunWriter* shared = own.local->shared();
    if (shared == nullptr || shared->lost() || shared->token() == found.token) return own;
  }
  return {.local = nullptr, .shared = std::move(found.run)};
}

std::vector<std::shared_ptr<RunLog>> RunLogs::evict(Timestamp now) {
  std::vector<std::shared_ptr<RunLog>> early;
  // A log that a stream still writes gives its bytes back only when the stream ends; what is already on its way out
  // counts as gone, or one long stream would empty the whole list.
  std::size_t kept = total_->load();
  while (!by_age_.empty()) {
    const Entry& oldest = by_age_.front();
    const bool expired = now - oldest.opened > ttl_us_;
    if (!expired && kept <= budget_bytes_) break;
    kept -= std::min(kept, oldest.log->bytes());
    if (!expired) early.push_back(oldest.log);
    by_key_.erase(oldest.key);
    by_age_.pop_front();
  }
  return early;
}

}  // namespace nexus::rag

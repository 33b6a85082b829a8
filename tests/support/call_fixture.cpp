#include "support/call_fixture.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace nexus::testing {
namespace {

http::Call make_call(const http::Request& request, const http::Endpoint& endpoint, Timestamp now) {
  http::Call call(request, endpoint);
  call.request_id = "req-1";
  call.now = now;
  return call;
}

void authenticate(http::Call& call, Role role, const std::string& tenant_id, std::string user_id, std::string key_id) {
  call.authenticated({.subject_id = std::move(user_id),
                      .tenant_id = tenant_id,
                      .role = role,
                      .credential_id = std::move(key_id),
                      .method = AuthMethod::kApiKey},
                     TenantScopeFactory::make(tenant_id));
}

}  // namespace

Timestamp FakeClock::now() const {
  const std::lock_guard lock(mutex_);
  return kStart + passed_us_;
}

std::int64_t FakeClock::steady_us() const {
  const std::lock_guard lock(mutex_);
  return passed_us_;
}

void FakeClock::advance_us(std::int64_t us) {
  const std::lock_guard lock(mutex_);
  passed_us_ += us;
}

void RecordingLog::record(db::Tx& tx, const audit::Event& event) {
  tx.after_commit([this, event] { keep(event); });
}

void RecordingLog::record_soon(audit::Event event) {
  keep(std::move(event));
}

void RecordingLog::keep(audit::Event event) {
  const std::lock_guard lock(mutex_);
  events_.push_back(std::move(event));
}

std::vector<audit::Event> RecordingLog::events() const {
  const std::lock_guard lock(mutex_);
  return events_;
}

audit::Event RecordingLog::last() const {
  const std::lock_guard lock(mutex_);
  if (events_.empty()) throw std::logic_error("no audit event was recorded");
  return events_.back();
}

std::size_t RecordingLog::count(std::string_view event_type) const {
  const std::lock_guard lock(mutex_);
  return static_cast<std::size_t>(
      std::count_if(events_.begin(), events_.end(), [&](const auto& event) { return event.event_type == event_type; }));
}

std::size_t RecordingLog::size() const {
  const std::lock_guard lock(mutex_);
  return events_.size();
}

void RecordingLog::clear() {
  const std::lock_guard lock(mutex_);
  events_.clear();
}

http::Request make_request(std::string path) {
  http::Request request;
  request.verb = http::Verb::kGet;
  request.method = "GET";
  request.target = path;
  request.path = std::move(path);
  request.headers = {{"User-Agent", "test/1"}};
  request.peer_ip = "203.0.113.7";
  request.client_ip = "203.0.113.7";
  return request;
}

TestCall::TestCall(Role role, const std::string& tenant_id)
    : database(scratch_database(clock, metrics)),
      request(make_request()),
      call(make_call(request, endpoint, clock.now())) {
  authenticate(call, role, tenant_id, "user-1", "key-1");
}

http::Call TestCall::anonymous_call() const {
  return make_call(request, endpoint, clock.now());
}

http::Call TestCall::call_as(Role role, const std::string& tenant_id, std::string user_id) const {
  http::Call other = anonymous_call();
  authenticate(other, role, tenant_id, std::move(user_id), "key-2");
  return other;
}

}  // namespace nexus::testing

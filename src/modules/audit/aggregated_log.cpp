#include "modules/audit/aggregated_log.h"

#include "http/client_ip.h"
#include "observe/log.h"

#include <algorithm>
#include <exception>
#include <iterator>
#include <optional>
#include <string_view>
#include <utility>

namespace nexus::audit {
namespace {

// What a stranger can cause at will, and a store that comes and goes.
constexpr std::string_view kAggregated[] = {"auth.access.failure", "auth.api_key.expired", "rbac.forbidden",
                                            "security.rate_limited", "system.rate_limit.degraded"};

// More than a stored row shows of these; the rest is not worth memory.
constexpr std::size_t kMostAgent = 1'024;
constexpr std::size_t kMostValue = 4'096;

bool is_aggregated(std::string_view type) {
  return std::find(std::begin(kAggregated), std::end(kAggregated), type) != std::end(kAggregated);
}

void append(std::string& kind, std::string_view part) {
  kind.append(part).push_back('\x1F');
}

void append_member(std::string& kind, const boost::json::object& metadata, std::string_view name) {
  const boost::json::value* value = metadata.if_contains({name.data(), name.size()});
  const boost::json::string* text = value != nullptr ? value->if_string() : nullptr;
  append(kind, text != nullptr ? std::string_view(text->data(), text->size()) : std::string_view());
}

void shorten(Event& event) {
  if (event.user_agent && event.user_agent->size() > kMostAgent) event.user_agent->resize(kMostAgent);
  for (auto& member : event.metadata)
    if (auto* text = member.value().if_string(); text != nullptr && text->size() > kMostValue) text->resize(kMostValue);
}

}  // namespace

AggregatedLog::AggregatedLog(Log& log, const Clock& clock, AggregateOptions options)
    : log_(log), clock_(clock), options_(options) {}

AggregatedLog::~AggregatedLog() {
  try {
    stop();
  } catch (const std::exception& e) {
    std::int64_t lost = 0;
    for (const auto& [kind, entry] : entries_) lost += entry.count;
    observe::log_error("summaries of audit events were not written", {{"events", lost}, {"reason", e.what()}});
  }
}

std::string AggregatedLog::kind_of(const Event& event) {
  std::string kind;
  append(kind, event.event_type);
  append(kind, event.tenant_id.value_or(""));
  if (event.actor_id) {
    append(kind, *event.actor_id);
  } else {
    const std::string& text = event.ip_address ? *event.ip_address : std::string();
    const auto address = http::IpAddress::parse(text);
    append(kind, address ? address->network().to_string() : text);
  }
  append(kind, event.error_code.value_or(""));
  append_member(kind, event.metadata, "scope");
  append_member(kind, event.metadata, "route_class");
  return kind;
}

std::string AggregatedLog::overflow_kind(const Event& event) {
  return event.event_type;  // without the separator that all other kinds contain
}

Event AggregatedLog::summary(const Entry& entry) {
  Event event = entry.last;
  if (entry.overflow) {
    event = {.occurred_at = entry.last.occurred_at,
             .actor_type = "system",
             .actor_id = "audit",
             .event_type = entry.last.event_type,
             .success = entry.last.success,
             .resource_type = entry.last.resource_type};
    event.metadata["overflow"] = true;
  }
  event.metadata["count"] = entry.count;
  event.metadata["first_at"] = iso(entry.first_at);
  event.metadata["last_at"] = iso(entry.last.occurred_at);
  return event;
}

void AggregatedLog::count_in(Entry& entry, Event event) {
  // Threads that wait for the lock may come in another order than their events.
  entry.first_at = entry.count == 0 ? event.occurred_at : std::min(entry.first_at, event.occurred_at);
  if (entry.count == 0 || event.occurred_at >= entry.last.occurred_at) {
    entry.last = std::move(event);
    shorten(entry.last);
  }
  ++entry.count;
}

bool AggregatedLog::is_over(const Entry& entry, std::int64_t now_us) const {
  return now_us - entry.since_us >= options_.window_s * Timestamp::kSecond;
}

AggregatedLog::Entry AggregatedLog::take(Entry& entry, std::int64_t now_us) {
  Entry taken = std::move(entry);
  entry = {.since_us = now_us, .overflow = taken.overflow};
  return taken;
}

AggregatedLog::Entry& AggregatedLog::entry_of(const Event& event, bool& is_new) {
  const std::string kind = kind_of(event);
  if (const auto at = entries_.find(kind); at != entries_.end()) {
    is_new = false;
    return at->second;
  }
  const bool overflow = entries_.size() >= options_.most_kinds;
  const auto [at, added] = entries_.try_emplace(overflow ? overflow_kind(event) : kind);
  is_new = added;
  if (added) at->second = {.since_us = clock_.steady_us(), .overflow = overflow};
  return at->second;
}

void AggregatedLog::record_soon(Event event) {
  if (!is_aggregated(event.event_type)) return log_.record_soon(std::move(event));
  if (event.occurred_at.us == 0) event.occurred_at = clock_.now();
  std::vector<Entry> over;
  std::optional<Event> at_once;
  {
    const std::lock_guard lock(mutex_);
    bool is_new = false;
    if (stopped_) {
      at_once = std::move(event);
    } else {
      Entry& entry = entry_of(event, is_new);
      const std::int64_t now_us = clock_.steady_us();
      if (!is_new && is_over(entry, now_us)) {
        // Where the last window counted something, this is more of the same; else it is news again.
        is_new = entry.count == 0;
        Entry last_window = take(entry, now_us);
        if (last_window.count > 0) over.push_back(std::move(last_window));
      }
      if (is_new) {
        at_once = std::move(event);
      } else {
        count_in(entry, std::move(event));
      }
    }
  }
  write(std::move(over));
  if (!at_once) return;
  try {
    log_.record_soon(*at_once);
  } catch (...) {
    Entry unwritten;
    count_in(unwritten, std::move(*at_once));
    give_back(std::move(unwritten));
    throw;
  }
}

void AggregatedLog::write(std::vector<Entry> entries) {
  for (auto entry = entries.begin(); entry != entries.end(); ++entry) {
    try {
      log_.record_soon(summary(*entry));
    } catch (...) {
      for (; entry != entries.end(); ++entry) give_back(std::move(*entry));
      throw;
    }
  }
}

void AggregatedLog::give_back(Entry entry) {
  const std::lock_guard lock(mutex_);
  // Its place may be gone or, for a first event, may be the overflow's; a count may exceed the bound, never vanish.
  const std::string kind = entry.overflow ? overflow_kind(entry.last) : kind_of(entry.last);
  const auto [at, added] = entries_.try_emplace(kind);
  Entry& here = at->second;
  if (added) {
    here = {.since_us = clock_.steady_us(), .overflow = entry.overflow};
  }
  if (here.count == 0) {
    here.first_at = entry.first_at;
    here.last = std::move(entry.last);
  } else {
    here.first_at = std::min(here.first_at, entry.first_at);
    if (entry.last.occurred_at > here.last.occurred_at) here.last = std::move(entry.last);
  }
  here.count += entry.count;
}

void AggregatedLog::flush() {
  std::vector<Entry> over;
  {
    const std::lock_guard lock(mutex_);
    const std::int64_t now_us = clock_.steady_us();
    for (auto at = entries_.begin(); at != entries_.end();) {
      if (!is_over(at->second, now_us)) {
        ++at;
      } else if (at->second.count == 0) {
        at = entries_.erase(at);
      } else {
        over.push_back(take(at->second, now_us));
        ++at;
      }
    }
  }
  write(std::move(over));
}

void AggregatedLog::stop() {
  std::vector<Entry> rest;
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    for (auto& [kind, entry] : entries_)
      if (entry.count > 0) rest.push_back(std::move(entry));
    entries_.clear();
  }
  write(std::move(rest));
}

std::size_t AggregatedLog::size() const {
  const std::lock_guard lock(mutex_);
  return entries_.size();
}

}  // namespace nexus::audit

#include "modules/quotas/quota_notes.h"

#include "base/errors.h"

#include <boost/json/object.hpp>

#include <iterator>
#include <limits>
#include <utility>

namespace nexus::quotas {
namespace {

constexpr std::string_view kSoftCapMetric = "requests";
constexpr std::string_view kOverageMetric = "requests_overage";

boost::json::value number_or_null(const std::optional<std::int64_t>& value) {
  return value ? boost::json::value(*value) : boost::json::value(nullptr);
}

audit::Event quota_event(const http::Call& call, std::string_view type) {
  audit::Event event = audit::event_of(call, type);
  event.resource_type = "quota";
  return event;
}

void add_totals(boost::json::object& fields, const Standing& standing) {
  fields["day_used"] = standing.day_requests;
  fields["day_limit"] = number_or_null(standing.limits.daily_requests);
  fields["month_used"] = standing.month_requests;
  fields["month_limit"] = number_or_null(standing.limits.monthly_requests);
}

}  // namespace

void Notes::granted(const http::Call& call, const Periods& periods, const Standing& after) {
  for (const Period period : {Period::kDay, Period::kMonth}) {
    const auto index = static_cast<std::size_t>(period);
    const Timestamp start = periods.start(period);
    if (soft_noted_[index] != start && after.soft_cap_reached(period)) {
      soft_noted_[index] = start;
      Note note{.event = quota_event(call, "quota.soft_cap_reached"), .period = period, .start = start};
      note.once = kSoftCapMetric;
      note.webhook = true;
      note.event.metadata = {{"period", to_string(period)},
                             {"used", after.requests(period)},
                             {"limit", *after.limits.requests(period)},
                             {"soft_cap_ratio", after.limits.soft_cap_ratio}};
      ready_.push_back(std::move(note));
    }
    if (over_noted_[index] != start && after.over_limit(period)) {
      over_noted_[index] = start;
      Note note{.event = quota_event(call, "quota.overage_observed"), .period = period, .start = start};
      note.once = kOverageMetric;
      add_totals(note.event.metadata, after);
      ready_.push_back(std::move(note));
    }
  }
  if (++charged_ % kSampleEvery == 0) {
    Note note{.event = quota_event(call, "billing.usage_recorded")};
    add_totals(note.event.metadata, after);
    note.event.metadata["hard_cap_enabled"] = after.limits.hard_cap_enabled;
    ready_.push_back(std::move(note));
  }
}

void Notes::blocked(const http::Call& call, const Periods& periods, const Standing& now, const Refusal& why) {
  const Block block{why.period, periods.start(why.period), why.tokens};
  if (last_block_ != block) {
    last_block_ = block;
    blocked_due_us_ = std::numeric_limits<std::int64_t>::min();
    if (blocked_) ready_.push_back(std::move(*blocked_));
    blocked_.reset();
  }
  if (blocked_) {
    ++blocked_->count;
    return;
  }
  Note note{.event = quota_event(call, "quota.hard_cap_blocked"), .period = why.period, .start = block.start};
  note.event.success = false;
  note.event.error_code = std::string(errors::kQuotaExceeded.code);
  note.event.metadata["period"] = to_string(why.period);
  if (why.tokens) {
    note.event.metadata["day_used"] = now.day_tokens;
    note.event.metadata["day_limit"] = number_or_null(now.limits.daily_tokens);
    note.event.metadata["month_used"] = now.month_tokens;
    note.event.metadata["month_limit"] = number_or_null(now.limits.monthly_tokens);
    note.event.metadata["metric"] = "tokens";
  } else {
    add_totals(note.event.metadata, now);
  }
  note.webhook = true;
  note.tokens = why.tokens;
  note.count = 1;
  blocked_ = std::move(note);
}

bool Notes::due(std::int64_t steady_us) const {
  return !ready_.empty() || (blocked_ && steady_us >= blocked_due_us_);
}

std::vector<Note> Notes::take(std::int64_t steady_us, bool everything) {
  std::vector<Note> taken = std::exchange(ready_, {});
  if (blocked_ && (everything || steady_us >= blocked_due_us_)) {
    taken.push_back(std::move(*blocked_));
    blocked_.reset();
    blocked_due_us_ = steady_us + kBlockedEveryUs;
  }
  return taken;
}

void Notes::give_back(std::vector<Note> notes) {
  notes.insert(notes.end(), std::make_move_iterator(ready_.begin()), std::make_move_iterator(ready_.end()));
  ready_ = std::move(notes);
}

void NoteWriter::write(db::Tx& tx, const TenantScope& tenant, const std::vector<Note>& notes) const {
  for (const Note& note : notes) {
    audit::Event event = note.event;
    if (!note.once.empty() && !repository_.mark_once(tx, tenant, note.period, note.start, note.once, event.occurred_at))
      continue;
    if (note.webhook) {
      std::string key = std::string(to_string(note.period)) + ':' + period_name(note.period, note.start);
      if (note.tokens) key += ":tokens";
      outbox_.enqueue(tx, tenant, event.event_type, event.metadata, key);
    }
    if (note.count > 0) event.metadata["count"] = note.count;
    audit_.record(tx, event);
  }
}

}  // namespace nexus::quotas

#include "db/postgres/contention.h"

#include "db/database.h"

namespace nexus::db::postgres {

bool Contention::may_enter(Level level) const {
  switch (level) {
    case Level::kFree:
      return !alone_ && wanting_alone_ == 0;
    case Level::kInTurn:
      return !alone_ && wanting_alone_ == 0 && !turn_taken_;
    case Level::kAlone:
      return running_ == 0;
  }
  return false;
}

Contention::Pass Contention::enter(Level level, Steady::time_point deadline) {
  std::unique_lock lock(mutex_);
  const bool alone = level == Level::kAlone;
  if (alone) ++wanting_alone_;
  const bool entered = changed_.wait_until(lock, deadline, [&] { return may_enter(level); });
  if (alone) --wanting_alone_;
  if (!entered) {
    changed_.notify_all();  // those who waited for us only
    throw Error(ErrorCode::kBusy, "writes that were in each other's way took too long");
  }
  ++running_;
  if (alone) alone_ = true;
  if (level == Level::kInTurn) turn_taken_ = true;
  return {*this, level};
}

void Contention::leave(Level level) noexcept {
  const std::lock_guard lock(mutex_);
  --running_;
  if (level == Level::kAlone) alone_ = false;
  if (level == Level::kInTurn) turn_taken_ = false;
  // First attempts come and go without anybody waiting; waking is for the rare others.
  changed_.notify_all();
}

}  // namespace nexus::db::postgres

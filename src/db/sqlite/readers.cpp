#include "db/sqlite/readers.h"

#include <algorithm>
#include <utility>

namespace nexus::db::sqlite {

Readers::Lease Readers::take() {
  return {*this, take_session()};
}

std::unique_ptr<SqliteSession> Readers::take_session() {
  std::unique_lock lock(mutex_);
  const unsigned most = std::max(options_.readers, 1u);
  if (free_.empty() && open_ >= most) {
    const std::int64_t start_us = clock_.steady_us();
    ++waiting_;
    const bool got = returned_.wait_for(lock, options_.busy_limit, [&] { return !free_.empty() || open_ < most; });
    --waiting_;
    probe_.read_waited(clock_.steady_us() - start_us);
    if (!got) throw Error(ErrorCode::kBusy, "every reading connection is taken");
  }
  if (!free_.empty()) {
    auto session = std::move(free_.back());
    free_.pop_back();
    return session;
  }
  if (free_.capacity() < most) free_.reserve(most);  // so that put_back cannot fail
  probe_.readers(++open_);
  lock.unlock();
  try {
    return std::make_unique<SqliteSession>(options_, Connection::Role::kReader);
  } catch (...) {
    put_back(nullptr);
    throw;
  }
}

void Readers::put_back(std::unique_ptr<SqliteSession> session) noexcept {
  bool wake = false;
  {
    const std::lock_guard lock(mutex_);
    if (session != nullptr) {
      free_.push_back(std::move(session));
    } else {
      probe_.readers(--open_);
    }
    wake = waiting_ > 0;
  }
  if (wake) returned_.notify_one();
}

}  // namespace nexus::db::sqlite

#include "db/postgres/listener.h"

#include "base/ids.h"
#include "exec/backoff.h"
#include "exec/dice.h"
#include "exec/thread_name.h"
#include "observe/log.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <utility>
#include <vector>

namespace nexus::db::postgres {
namespace {

/// A payload holds less than 8000 bytes; more slots than this are sent as "all of them".
constexpr std::size_t kMostSlots = 1000;
/// The listener's questions are trivial: who does not answer them is gone.
constexpr Connection::Limit kAnswerLimit{2'000};

std::int64_t steady_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

}  // namespace

Listener::Listener(const ConnInfo& info, const PostgresOptions& options, Changes& changes, Probe& probe)
    : info_(info), options_(options), changes_(changes), probe_(probe), origin_(hex32()) {
  connect();
  wake_ = eventfd(0, EFD_CLOEXEC);
  if (wake_ < 0) throw Error(ErrorCode::kUnavailable, "listen: no eventfd");
  thread_ = std::thread([this] {
    exec::name_thread("db-listener");
    loop();
  });
}

Listener::~Listener() {
  stopping_ = true;
  eventfd_write(wake_, 1);
  thread_.join();
  close(wake_);
}

bool Listener::is_current() const {
  return steady_ns() < current_until_ns_.load(std::memory_order_acquire);
}

std::uint64_t Listener::version() {
  return is_current() ? version_.load(std::memory_order_acquire) : version_.fetch_add(1, std::memory_order_acq_rel) + 1;
}

std::uint64_t Listener::generation() {
  return is_current() ? generation_.load(std::memory_order_acquire)
                      : generation_.fetch_add(1, std::memory_order_acq_rel) + 1;
}

std::string Listener::notice(std::span<const Changes::Slot> touched) const {
  if (touched.empty()) return "";
  std::vector<Changes::Slot> slots(touched.begin(), touched.end());
  std::sort(slots.begin(), slots.end());
  slots.erase(std::unique(slots.begin(), slots.end()), slots.end());
  if (slots.size() > kMostSlots) return origin_ + ":*";
  return fmt::format("{}:{}", origin_, fmt::join(slots, ","));
}

void Listener::connect() {
  connection_ = std::make_unique<Connection>(info_, kAnswerLimit);
  connection_->queue("LISTEN nexusrag_changes");
  static_cast<void>(connection_->exchange("listen"));
  generation_.fetch_add(1, std::memory_order_acq_rel);  // before the news count as fresh
  poll();
  probe_.listening(true);
}

void Listener::poll() {
  const std::int64_t asked_ns = steady_ns();
  connection_->queue("SELECT pg_current_snapshot()::text");
  const Result row = connection_->exchange("snapshot");
  take_notifications();
  std::string now = PQgetvalue(row.get(), 0, 0);
  if (std::exchange(snapshot_, now) != now) version_.fetch_add(1, std::memory_order_acq_rel);
  const auto limit = std::chrono::duration_cast<std::chrono::nanoseconds>(options_.foreign_limit).count();
  current_until_ns_.store(asked_ns + limit, std::memory_order_release);
}

void Listener::take_notifications() {
  while (const std::optional<std::string> payload = connection_->take_notification()) apply(*payload);
}

void Listener::apply(std::string_view payload) {
  const std::size_t colon = payload.find(':');
  if (payload.substr(0, colon) == origin_ && !heeds_own_.load(std::memory_order_acquire)) return;
  std::string_view slots = colon == std::string_view::npos ? "*" : payload.substr(colon + 1);
  version_.fetch_add(1, std::memory_order_acq_rel);
  while (!slots.empty()) {
    Changes::Slot slot = 0;
    const auto [end, error] = std::from_chars(slots.data(), slots.data() + slots.size(), slot);
    if (error != std::errc() || slot >= Changes::kSlots) {  // "*", or something that is not ours
      generation_.fetch_add(1, std::memory_order_acq_rel);
      return;
    }
    changes_.bump(slot);
    slots.remove_prefix(static_cast<std::size_t>(end - slots.data()));
    if (!slots.empty()) slots.remove_prefix(1);
  }
}

void Listener::wait_until(Steady::time_point when, int socket) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(when - Steady::now()).count();
  pollfd entries[] = {{wake_, POLLIN, 0}, {socket, POLLIN, 0}};
  ::poll(entries, socket < 0 ? 1 : 2, static_cast<int>(std::clamp<std::int64_t>(left, 0, 60'000)));
}

/// Follows the news until the connection is lost or the end.
void Listener::follow() {
  auto next_poll = Steady::now() + options_.foreign_poll;
  while (!stopping_) {
    wait_until(next_poll, connection_->socket());
    if (!connection_->alive()) throw lost_error("listen", "the server has hung up");
    take_notifications();
    if (Steady::now() < next_poll || stopping_) continue;
    poll();
    next_poll = Steady::now() + options_.foreign_poll;
  }
}

void Listener::loop() {
  using std::chrono::microseconds;
  exec::Backoff backoff({.first_us = microseconds(options_.reconnect_first).count(),
                         .most_us = microseconds(options_.reconnect_most).count(),
                         .factor = 2,
                         .jitter = 0.5},
                        exec::dice());
  while (!stopping_) {
    try {
      if (!connection_) connect();
      backoff.reset();
      follow();
    } catch (const Error& e) {
      connection_.reset();
      current_until_ns_.store(0, std::memory_order_release);
      version_.fetch_add(1, std::memory_order_acq_rel);
      probe_.listening(false);
      if (backoff.attempts() == 0) observe::log_warn("listening to other processes failed", {{"reason", e.what()}});
      wait_until(Steady::now() + microseconds(backoff.next_us()), -1);
    }
  }
}

}  // namespace nexus::db::postgres

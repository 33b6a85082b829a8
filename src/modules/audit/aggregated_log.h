#pragma once

#include "base/time.h"
#include "modules/audit/ports.h"

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

namespace nexus::audit {

struct AggregateOptions {
  std::int64_t window_s = 60;    ///< AUDIT_AGGREGATE_WINDOW_S
  std::size_t most_kinds = 512;  ///< AUDIT_AGGREGATE_MAX_KINDS
};

/// A log in front of the log, for the events that a stranger can cause as fast as he can send: refused credentials,
/// refused roles, refused rates. The first event of a kind is written at once; those that follow within the window are
/// counted and written as one event, the last of them, with `count`, `first_at` and `last_at` in its metadata. So the
/// number of refusals is the sum of `count` over the events, where an event without one counts 1.
///
/// A kind is who (tenant; credential, or the network of the address) and what (type, error code, scope, route class).
/// Beyond `most_kinds`, all others of a type share one entry, which goes to the platform's chain and says `overflow`. A
/// window therefore writes at most two events per entry, whatever arrives. All other types pass straight through.
///
/// Nothing counted is lost: what the log does not take stays counted, and stop() writes what is left. Thread-safe.
class AggregatedLog final : public Log {
 public:
  /// Both outlive this.
  AggregatedLog(Log& log, const Clock& clock, AggregateOptions options);
  /// Stops. Counts that the log refuses even then are given up, with a line in the server's log.
  ~AggregatedLog() override;
  AggregatedLog(const AggregatedLog&) = delete;
  AggregatedLog& operator=(const AggregatedLog&) = delete;

  /// Passes through: an event of a transaction is never aggregated.
  void record(db::Tx& tx, const Event& event) override { log_.record(tx, event); }
  /// Throws what the log throws; the event is counted then.
  void record_soon(Event event) override;

  /// Writes the summaries of windows that are over; to be called every few seconds. Throws what the log throws.
  void flush();
  /// Writes all summaries; later events pass straight through. May be called again. Throws what the log throws.
  void stop();

  /// Kinds that are remembered, overflow entries included.
  [[nodiscard]] std::size_t size() const;

 private:
  /// Events of one kind. `count` of them are not written yet; `first_at` and `last` describe those.
  struct Entry {
    std::int64_t since_us = 0;  ///< start of the window, by the steady clock
    bool overflow = false;
    std::int64_t count = 0;
    Timestamp first_at;
    Event last;
  };

  [[nodiscard]] static std::string kind_of(const Event& event);
  [[nodiscard]] static std::string overflow_kind(const Event& event);
  [[nodiscard]] static Event summary(const Entry& entry);
  static void count_in(Entry& entry, Event event);
  [[nodiscard]] bool is_over(const Entry& entry, std::int64_t now_us) const;
  [[nodiscard]] static Entry take(Entry& entry, std::int64_t now_us);
  /// The entry for an event, added when its kind is new.
  [[nodiscard]] Entry& entry_of(const Event& event, bool& is_new);
  void give_back(Entry entry);
  /// To be called without the lock, as the log may wait for the database.
  void write(std::vector<Entry> entries);

  Log& log_;
  const Clock& clock_;
  const AggregateOptions options_;
  mutable std::mutex mutex_;
  std::unordered_map<std::string, Entry> entries_;
  bool stopped_ = false;
};

}  // namespace nexus::audit

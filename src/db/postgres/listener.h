#pragma once

#include "db/changes.h"
#include "db/postgres/connection.h"
#include "db/postgres/probe.h"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <thread>

namespace nexus::db::postgres {

/// What other processes have committed. A connection of its own LISTENs for the scopes they touch, and asks every
/// foreign_poll for PostgreSQL's transaction snapshot, which moves with every commit of anybody: writers of other
/// programs, who notify nobody, are noticed by that.
/// Without fresh news (connection lost, server silent for foreign_limit) nothing is known: every count is a new one
/// until the connection is back, and what was known before counts as changed. Thread-safe.
class Listener {
 public:
  /// Connects and listens before it returns; throws Error{kUnavailable}.
  Listener(const ConnInfo& info, const PostgresOptions& options, Changes& changes, Probe& probe);
  ~Listener();
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  /// What commits send for the scopes they touched: "origin:slot,slot" or "origin:*"; empty for none. The origin keeps
  /// a process from hearing itself.
  [[nodiscard]] std::string notice(std::span<const Changes::Slot> touched) const;

  /// Nobody knows whether a commit of this process took place: from now on its own notices count like those of others.
  void heed_own() noexcept { heeds_own_.store(true, std::memory_order_release); }

  /// Grows when anybody has committed, this process included; without fresh news, every time it is asked.
  [[nodiscard]] std::uint64_t version();
  /// Grows when everything that was known must be doubted: a reconnect, and every question without fresh news.
  [[nodiscard]] std::uint64_t generation();

 private:
  using Steady = std::chrono::steady_clock;

  [[nodiscard]] bool is_current() const;
  void connect();
  void loop();
  void follow();
  void wait_until(Steady::time_point when, int socket);
  void poll();
  void take_notifications();
  void apply(std::string_view payload);

  const ConnInfo& info_;
  const PostgresOptions& options_;
  Changes& changes_;
  Probe& probe_;
  const std::string origin_;
  std::unique_ptr<Connection> connection_;
  std::string snapshot_;
  std::atomic<std::int64_t> current_until_ns_{0};
  std::atomic<std::uint64_t> version_{0};
  std::atomic<std::uint64_t> generation_{0};
  std::atomic<bool> heeds_own_{false};
  std::atomic<bool> stopping_{false};
  int wake_ = -1;  // an eventfd
  std::thread thread_;
};

}  // namespace nexus::db::postgres

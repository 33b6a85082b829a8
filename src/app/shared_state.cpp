#include "app/shared_state.h"

#include "base/encoding.h"
#include "base/ids.h"
#include "config/settings_table.h"
#include "exec/dice.h"
#include "observe/log.h"
#include "redis/client.h"
#include "redis/heartbeats.h"
#include "redis/shared_breakers.h"
#include "redis/wake_ups.h"

#include <algorithm>
#include <stdexcept>

namespace nexus::app {
namespace {

constexpr std::int64_t kUsPerMs = 1000;
constexpr const char* kChannel = "nexusrag:wake";

redis::ClientOptions client_options(const config::Settings& settings) {
  redis::ClientOptions options;
  options.connect_timeout_us = settings.get(config::kRedisConnectTimeoutMs) * kUsPerMs;
  options.command_timeout_us = settings.get(config::kRedisCommandTimeoutMs) * kUsPerMs;
  options.tls = {.ca_file = settings.get(config::kRedisCaFile),
                 .cert_file = settings.get(config::kRedisCertFile),
                 .key_file = settings.get(config::kRedisKeyFile),
                 .server_name = settings.get(config::kRedisServerName)};
  options.sentinel_user = settings.get(config::kRedisSentinelUser);
  options.sentinel_password = settings.get(config::kRedisSentinelPassword);
  return options;
}

std::unique_ptr<redis::Client> connect(const config::Settings& settings, observe::Metrics& metrics) {
  const std::string_view url = ascii_trim(settings.get(config::kRedisUrl));
  if (url.empty()) return nullptr;
  const redis::ClientOptions options = client_options(settings);
  std::unique_ptr<redis::Client> client;
  try {
    client = std::make_unique<redis::Client>(redis::parse_url(url), options, metrics);
  } catch (const std::invalid_argument& e) {
    throw config::ConfigError({std::string("REDIS_URL: ") + e.what()});
  } catch (const std::runtime_error& e) {
    throw config::ConfigError({std::string("REDIS_CA_FILE, REDIS_CERT_FILE, REDIS_KEY_FILE: ") + e.what()});
  }
  if (!client->wait_until_up(options.connect_timeout_us))
    observe::log_warn("Redis does not answer; this server goes on by itself until it does", {});
  return client;
}

}  // namespace

SharedState::SharedState(const config::Settings& settings, const Clock& clock, observe::Metrics& metrics)
    : settings_(settings), clock_(clock), process_(uuid4()), client_(connect(settings, metrics)) {
  if (!client_) return;
  wakes_ = std::make_unique<redis::WakeUps>(*client_, kChannel, [this](std::string_view kind) { wake(kind); });
  beats_ = std::make_unique<redis::Heartbeats>(*client_, clock_);
  beating_ = std::make_unique<exec::Periodic>(clock_, exec::dice());
  beating_->add({.name = "workers.beat",
                 .interval_us = settings.get(config::kWorkerHeartbeatIntervalS) * Timestamp::kSecond,
                 .jitter = 0,
                 .run = [this](const std::stop_token&) { beat(); }});
  beating_->start();
}

SharedState::~SharedState() {
  close();
}

std::unique_ptr<outbound::BreakerStore> SharedState::breakers() const {
  if (!client_) return std::make_unique<outbound::LocalBreakerStore>(clock_);
  const std::int64_t keep_s = std::max<std::int64_t>(4 * settings_.get(config::kCbOpenSeconds), 60);
  return std::make_unique<redis::SharedBreakers>(*client_, clock_, settings_.get(config::kCbRedisPrefix),
                                                 keep_s * Timestamp::kSecond);
}

SharedState::Listening::Listening(SharedState& shared, jobs::Waker& worker, std::string_view kind, bool beats)
    : shared_(shared), worker_(worker) {
  {
    const std::lock_guard lock(shared_.mutex_);
    shared_.sleepers_.push_back({&worker, std::string(kind), beats});
  }
  if (beats) shared_.beat();
}

SharedState::Listening::~Listening() {
  const std::lock_guard lock(shared_.mutex_);
  std::erase_if(shared_.sleepers_, [&](const Sleeper& sleeper) {
    if (sleeper.worker != &worker_) return false;
    if (sleeper.beats && shared_.beats_) shared_.beats_->leave(sleeper.kind, shared_.process_);
    return true;
  });
}

void SharedState::publish(std::string_view kind) {
  if (wakes_) wakes_->publish(kind);
}

bool SharedState::announces() const {
  return wakes_ && wakes_->live();
}

void SharedState::wake(std::string_view kind) {
  const std::lock_guard lock(mutex_);
  for (const Sleeper& sleeper : sleepers_)
    if (kind.empty() || kind == sleeper.kind) sleeper.worker->wake(sleeper.kind);
}

void SharedState::beat() {
  if (!beats_) return;
  const std::lock_guard lock(mutex_);
  for (const Sleeper& sleeper : sleepers_)
    if (sleeper.beats) beats_->beat(sleeper.kind, process_);
}

void SharedState::close() noexcept {
  if (beating_) beating_->stop();
  if (client_) client_->close();
}

}  // namespace nexus::app

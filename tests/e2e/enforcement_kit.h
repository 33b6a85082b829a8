#pragma once

#include "e2e/stored_state.h"
#include "e2e/traffic.h"

#include <fmt/format.h>

#include <chrono>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

/// What the tests of quotas, repeated requests and attacks share.
namespace nexus::e2e {

inline constexpr std::string_view kCheap = "/v1/corpora";  // a read: one unit
inline constexpr std::string_view kUpgrade = "/v1/self-serve/plan/upgrade-request";
inline constexpr std::string_view kWebhookTest = "/v1/self-serve/billing/webhook-test";
inline constexpr std::string_view kToday =
    "SELECT coalesce(sum(requests_count), 0) FROM usage_counters WHERE period_type = ";

inline std::int64_t number_in(const Response& answer, std::string_view header) {
  const std::string* value = answer.header(header);
  if (value == nullptr) throw std::runtime_error("no header " + std::string(header) + ": " + answer.body);
  return std::stoll(*value);
}

inline std::int64_t used_today(const Response& answer) {
  return number_in(answer, "X-Quota-Day-Used");
}

/// What the database says, behind the server's back.
inline std::int64_t stored(Server& server, std::string_view sql) {
  return StoredState(server.installation().database()).number(sql);
}
inline std::int64_t counted(Server& server, std::string_view period) {
  return stored(server, fmt::format("{}'{}'", kToday, period));
}

/// Gives t1 a hard cap; returns the units that are used already, those of this request included.
inline std::int64_t cap(TestClient& client, std::int64_t daily) {
  const Response set = client.patch("/v1/admin/quotas/t1", fmt::format(R"({{"daily_requests_limit":{}}})", daily));
  if (set.status != 200) throw std::runtime_error("no limit was set: " + set.body);
  return used_today(set);
}

/// Lets every client run on a thread of its own until it is done.
template <class Body>
void at_once(std::vector<TestClient> clients, const Body& body) {
  std::vector<std::jthread> threads;
  for (std::size_t i = 0; i < clients.size(); ++i)
    threads.emplace_back([&body, i, client = std::move(clients[i])]() mutable { body(client, static_cast<int>(i)); });
}

inline TestClient client_of(std::uint16_t port, const std::string& key) {
  TestClient made(port, std::chrono::seconds(60));
  made.bearer(key);
  return made;
}

}  // namespace nexus::e2e

#include "redis/wake_ups.h"

#include <utility>

namespace nexus::redis {

WakeUps::WakeUps(Client& client, std::string channel, Wake wake) : client_(client), channel_(std::move(channel)) {
  client_.subscribe({.channel = channel_,
                     .message = [wake](std::string_view kind) { wake(kind); },
                     .heard =
                         [wake, live = live_] {
                           live->store(true, std::memory_order_relaxed);
                           wake({});
                         },
                     .lost =
                         [wake, live = live_] {
                           live->store(false, std::memory_order_relaxed);
                           wake({});  // whoever sleeps long must not wait for a message now
                         }});
}

void WakeUps::publish(std::string_view kind) {
  {
    const std::lock_guard lock(publishing_->mutex);
    const auto [at, fresh] = publishing_->under_way.emplace(kind, false);
    if (!fresh) {
      at->second = true;
      return;
    }
  }
  send(client_, channel_, std::string(kind), publishing_);
}

void WakeUps::send(Client& client, const std::string& channel, const std::string& kind,
                   const std::shared_ptr<Publishing>& publishing) {
  client.send(Command({"PUBLISH", channel, kind}), [&client, channel, kind, publishing](const Reply& reply) {
    {
      const std::lock_guard lock(publishing->mutex);
      const auto found = publishing->under_way.find(kind);
      // What was committed after the message left may have been overlooked. While Redis is away nobody listens either.
      if (!std::exchange(found->second, false) || reply.fault != Fault::kNone) {
        publishing->under_way.erase(found);
        return;
      }
    }
    send(client, channel, kind, publishing);
  });
}

}  // namespace nexus::redis

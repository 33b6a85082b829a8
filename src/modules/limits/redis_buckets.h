#pragma once

#include "modules/limits/bucket_store.h"
#include "modules/limits/local_buckets.h"

#include <cstdint>
#include <memory>
#include <string>

namespace nexus::redis {
class Client;
}

namespace nexus::limits {

/// Buckets that all replicas share. One script call per decision, on the server's clock, with the arithmetic of Bucket
/// (the script adds up whole tokens and what is left in two numbers, because Lua's numbers are exact to 2^53 only).
///
/// A bucket is a string "tokens units at_us" under
///
///     <prefix>:{<tenant>}:tenant:<class>   and   <prefix>:{<tenant>}:key:<credential>:<class>
///
/// so that both lie in one slot of a cluster. It expires when it is full: a full bucket says the same as none.
///
/// What is granted here is taken from `shadow` as well, and only what both have is granted. So the local buckets, which
/// decide while Redis is lost, begin where this replica stands and not with a full burst; and when Redis comes back
/// with buckets that are full again, or empty of all it knew, nobody gets a burst for it. In any stretch of time,
/// whatever happens to Redis, one replica grants at most a burst and what the rate yields. Thread-safe; blocks for one
/// round trip, at most the client's command timeout.
class RedisBuckets final : public BucketStore {
 public:
  /// Whose clock counts. kCaller is for tests that own the time: Take::now_us decides, and buckets stay for an hour.
  enum class Time : std::uint8_t { kServer, kCaller };

  /// Both outlive this. `prefix` is RL_REDIS_PREFIX; without braces, which would put all buckets into one slot.
  RedisBuckets(redis::Client& client, LocalBuckets& shadow, std::string prefix, Time time = Time::kServer);
  ~RedisBuckets() override;

  [[nodiscard]] Decision decide(const Take& take) override;

 private:
  struct Scripts;

  redis::Client& client_;
  LocalBuckets& shadow_;
  const std::string prefix_;
  const std::unique_ptr<Scripts> scripts_;
};

}  // namespace nexus::limits

#pragma once

#include "base/secret.h"
#include "modules/rag/run_log_store.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace nexus::redis {
class Client;
}
namespace nexus::observe {
class Metrics;
}

namespace nexus::rag {

struct RedisRunLogOptions {
  std::string prefix = "nexusrag:run";  ///< without braces, which would put all runs into one slot
  /// All replicas have the same one; what lies in Redis is encrypted under keys made from it. Not empty.
  Secret secret;
  std::int64_t ttl_us = 300'000'000;          ///< a run is kept this long after it began
  std::int64_t silence_us = 25'000'000;       ///< a run that says nothing for so long has lost its replica: more than a
                                              ///< heartbeat and the longest commit
  std::size_t max_run_bytes = 64U << 20U;     ///< frames of one run; a longer one is not shared any more
  std::size_t max_waiting_bytes = 1U << 20U;  ///< frames of one run that Redis has not taken yet
  std::size_t max_batch_bytes = 128U << 10U;  ///< of one command; below ClientOptions::max_command_bytes
  std::int64_t write_timeout_us = 1'000'000;  ///< nobody waits for it: a pause of the server loses no run
};

/// Runs shared through Redis. The latest run of a session is one list,
///
///     <prefix>:{<tenant>}:<HMAC of subject and session>
///
/// whose first element is "token proof state time": the run's random name, the HMAC of all that a resumed request must
/// repeat (RunIdentity), R(unning), C(omplete) or (cut) X, and the server's time of the last change in milliseconds.
/// Each further element is a batch of frames (run_batches.h), sealed by AES-256-GCM under a key of this run alone and
/// bound to its key and place: Redis holds no readable word of an answer, question, session or principal, and elements
/// moved to another run, place or tenant do not open.
///
/// A run has one command under way; what is said meanwhile leaves together with the next. A command that fails ends
/// the sharing of that run, for good: a gap would be worse. The list expires `ttl_us` after the run began.
class RedisRunLog final : public RunLogStore {
 public:
  /// The client may close earlier than this goes, but outlives it. Throws std::invalid_argument without a secret.
  RedisRunLog(redis::Client& client, RedisRunLogOptions options, observe::Metrics& metrics);
  /// Writers and readers that live on find the store away.
  ~RedisRunLog() override;
  RedisRunLog(const RedisRunLog&) = delete;
  RedisRunLog& operator=(const RedisRunLog&) = delete;

  [[nodiscard]] std::shared_ptr<SharedRunWriter> open(const RunIdentity& run) override;
  [[nodiscard]] Found find(const RunIdentity& run) override;

 private:
  class Shared;
  class Writer;
  class Reader;

  const std::shared_ptr<Shared> shared_;
};

}  // namespace nexus::rag

// Sends requests to a server on one thread and measures how long the answers take.
//
// Closed loop: as many connections as `concurrency`, each sends its next request when the last answer is complete.
// Open loop: request i is due at start + i / rate, whatever the server does. Latency counts from that moment: a request
// that waits because every connection is busy or the server stands still is late by all of that time, so a stall is
// not hidden by the requests it prevented ("coordinated omission").
#pragma once

#include "bench/load/histogram.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace nexus::bench {

// A request is sent as it stands here, apart from the placeholder.
struct Request {
  std::string bytes;
  // Where a run of kSessionDigits '#' stands, which becomes the number of a conversation.
  std::optional<std::size_t> session;
};

inline constexpr std::size_t kSessionDigits = 12;
inline constexpr std::uint64_t kTurnsPerSession = 4;

struct Plan {
  std::uint32_t address = 0x7F000001;  // IPv4, host byte order
  std::uint16_t port = 0;
  std::vector<Request> requests;  // taken in turn; not empty
  std::size_t concurrency = 1;    // connections; in the open loop the most there may be
  double rate = 0;                // requests per second; 0: closed loop
  std::chrono::nanoseconds warmup{};
  std::chrono::nanoseconds duration{std::chrono::seconds(5)};
  std::uint64_t count = 0;                                  // > 0: stop after so many, whatever the time; no warm-up
  std::uint64_t first_session = 0;                          // conversations are numbered from here
  std::chrono::nanoseconds grace{std::chrono::seconds(3)};  // for what is still on its way at the end
};

struct Result {
  Histogram latency;       // of good answers, to the last byte
  Histogram first_byte;    // of good event streams, to the first byte
  std::uint64_t good = 0;  // counted after the warm-up only, like everything here
  std::uint64_t errors = 0;
  std::uint64_t unfinished = 0;                  // among the errors: due, but not answered when the grace was over
  std::map<std::string, std::uint64_t> reasons;  // of the errors
  std::chrono::nanoseconds elapsed{};            // from the end of the warm-up to the last answer that counts
  std::chrono::nanoseconds cpu{};                // of this process, warm-up included
  std::uint64_t sent = 0;                        // warm-up included
};

// Throws std::system_error when the server cannot be reached.
[[nodiscard]] Result generate(const Plan& plan);

}  // namespace nexus::bench

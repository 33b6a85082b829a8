#pragma once

#include "base/time.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace nexus::rag {

/// Builds the frames of one run (contract 02 §2.3): `event`, `id` and `data` lines with a sequence that starts at 1.
/// The views it returns live until the next call.
class RunFrames {
 public:
  /// `after_seq`: the first frame takes the next number.
  RunFrames(std::string_view run_id, std::string_view session_id, std::uint64_t after_seq = 0);

  /// A frame of `type` under the event name "message". `data` is a JSON object.
  std::string_view message(std::string_view type, std::string_view data) { return frame("message", type, data); }
  /// A frame whose event name equals its type (guardrail events).
  std::string_view named(std::string_view type, std::string_view data) { return frame(type, type, data); }
  std::string_view heartbeat(Timestamp now);
  /// A frame of the stream that refuses to resume: there `seq` stands before `data` (contract 02 §2.6).
  std::string_view refusal(std::string_view type, std::string_view data);

  [[nodiscard]] std::uint64_t last_seq() const { return seq_; }

 private:
  std::string_view frame(std::string_view event, std::string_view type, std::string_view data);
  /// Event name, id and the payload's members up to the session's id.
  void begin(std::string_view event, std::string_view type);

  std::string run_id_json_;
  std::string ids_json_;  // `"request_id":…,"session_id":…`
  std::string buffer_;
  std::uint64_t seq_ = 0;
};

}  // namespace nexus::rag

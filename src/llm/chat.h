#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <string_view>

namespace nexus::llm {

struct Message {
  std::string role;  ///< "system", "user", "assistant"
  std::string content;
};

/// What the provider says it charged for; absent when it said nothing.
struct Usage {
  std::optional<std::int64_t> input_tokens;
  std::optional<std::int64_t> output_tokens;
};

/// Why an answer ended.
enum class Finish : std::uint8_t {
  kStop,      ///< the model was done
  kLength,    ///< its limit of tokens
  kFiltered,  ///< the provider's safety rules cut it off
  kStopped,   ///< the reader or the stop token wanted no more
  kUnknown,   ///< the provider gave a reason that has no name here
};
/// "stop", "length", "content_filter", "cancelled", "unknown".
[[nodiscard]] std::string_view to_string(Finish finish);

struct Completion {
  Usage usage;
  Finish finish = Finish::kStop;
};

enum class Failure : std::uint8_t {
  kConfig,   ///< settings are missing or the provider does not know the model
  kAuth,     ///< credentials are missing or refused
  kLimited,  ///< 429 or its like: the provider wants less traffic
  kTimeout,  ///< the deadline, or a silence longer than allowed
  kBlocked,  ///< the provider refused the question itself
  kInvalid,  ///< the provider refused the request, e.g. too long
  kBroken,   ///< reset, 5xx, an answer that cannot be read, one without an end
};
[[nodiscard]] std::string_view to_string(Failure failure);

/// No answer, or half of one. `what()` is for people and names no secret and no text that the provider sent.
class Error : public std::runtime_error {
 public:
  Error(Failure failure, const std::string& message, bool said_something = false)
      : std::runtime_error(message), failure_(failure), said_something_(said_something) {}
  [[nodiscard]] Failure failure() const noexcept { return failure_; }
  /// Part of an answer reached the sink, so another model must not start over.
  [[nodiscard]] bool said_something() const noexcept { return said_something_; }

 private:
  Failure failure_;
  bool said_something_;
};

/// Takes one piece of the answer, never an empty one; blocks while the reader is behind. False: stop.
using TextSink = std::function<bool(std::string_view)>;

struct ChatRequest {
  std::span<const Message> messages;   ///< system messages first, then alternating turns, the question last
  std::int64_t max_output_tokens = 0;  ///< 0: the provider's own limit, or the model's option
  std::int64_t deadline_ms = 0;        ///< of the whole answer; 0: the model's option
  std::stop_token stop;                ///< stops the answer and the remote call
  std::string_view tenant = {};        ///< whose share of the provider's places it takes; empty: the platform's own
};

/// A model of some provider. Thread-safe. complete() blocks on the caller's thread, on which it calls the sink.
class ChatModel {
 public:
  virtual ~ChatModel() = default;
  /// Provider and model, e.g. "openai:gpt-4o-mini": for logs, metrics and the query log.
  [[nodiscard]] virtual std::string_view name() const = 0;
  /// Throws Error. A sink that says stop ends it with Finish::kStopped.
  virtual Completion complete(const ChatRequest& request, const TextSink& sink) const = 0;
};

}  // namespace nexus::llm

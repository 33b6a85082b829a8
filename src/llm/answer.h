#pragma once

#include "llm/chat.h"

#include <cstddef>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

namespace nexus::llm {

/// One answer while it arrives: what a provider's wire format was read as. Of one thread.
class Answer {
 public:
  /// `name` and `sink` are borrowed. `max_bytes` bounds the text of the whole answer.
  Answer(std::string_view name, const TextSink& sink, std::stop_token stop, std::size_t max_bytes)
      : name_(name), sink_(sink), stop_(std::move(stop)), max_bytes_(max_bytes) {}
  Answer(const Answer&) = delete;
  Answer& operator=(const Answer&) = delete;

  /// Hands a piece to the reader, unless it is empty or the reader has enough. Throws Error when the answer is longer
  /// than allowed, and what the reader throws.
  void say(std::string_view text);
  /// The provider said why the answer ends: from now on it is whole. The last reason counts.
  void end(Finish finish) noexcept { finish_ = finish; }
  /// What is absent in `usage` stays as it was: providers report in parts, later figures replace earlier ones.
  void spend(const Usage& usage) noexcept;

  /// Nobody wants to hear more: the sink or the stop token said so.
  [[nodiscard]] bool unwanted() const noexcept { return sink_has_enough_ || stop_.stop_requested(); }
  [[nodiscard]] bool whole() const noexcept { return finish_.has_value(); }
  /// Of a whole or an unwanted answer.
  [[nodiscard]] Completion completion() const noexcept;

  /// Throws Error: "<name> <what>", with what the sink has heard so far.
  [[noreturn]] void fail(Failure failure, std::string_view what) const;

 private:
  const std::string_view name_;
  const TextSink& sink_;
  const std::stop_token stop_;
  const std::size_t max_bytes_;
  std::size_t said_bytes_ = 0;
  bool sink_has_enough_ = false;
  std::optional<Finish> finish_;
  Usage usage_;
};

}  // namespace nexus::llm

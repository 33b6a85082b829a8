#pragma once

#include "http/stream.h"
#include "modules/rag/run_frames.h"
#include "modules/rag/run_plan.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace nexus::rag {

/// The stream of a run (contract 02 §2.3): accepted, deltas while the model writes on the outbound lane, the stored
/// answer with its citations, done. Heartbeats while nothing else is sent. A lost reader stops the model.
class RunStream final : public http::EventStream {
 public:
  RunStream(const RunServices& services, std::shared_ptr<const RunPlan> plan);
  ~RunStream() override;

  [[nodiscard]] const http::Pairs& headers() const override { return plan_->headers; }
  boost::asio::awaitable<void> run(http::EventSink& sink) override;

 private:
  struct Generation;

  boost::asio::awaitable<void> produce(http::EventSink& sink);
  boost::asio::awaitable<void> generate(http::EventSink& sink);
  boost::asio::awaitable<void> pace(http::EventSink& sink);
  boost::asio::awaitable<void> wait_for_news(http::EventSink& sink, Generation& generation);
  boost::asio::awaitable<void> store_answer();
  void emit(http::EventSink& sink, std::string_view frame);
  void emit_failure(http::EventSink& sink, const RunFailure& failure);
  void store_cancelled();
  void count_tokens();
  void log_query(std::string_view status);

  const RunServices& services_;
  std::shared_ptr<const RunPlan> plan_;
  RunFrames frames_;
  std::string answer_;
  llm::Completion completion_;
  std::optional<RunFailure> failure_;
  bool settled_ = false;  // the outcome is stored: a reader who leaves now changes nothing
  std::int64_t begun_us_ = 0;
  std::int64_t last_frame_us_ = 0;
};

/// Answers a run that asks to go on after an event: the rest of the recorded frames, as they come while the run is
/// going on here or at another replica; then `resume.unsupported` when it was cut short, is unknown or expired
/// (contract 02 §2.6).
class ResumeStream final : public http::EventStream {
 public:
  ResumeStream(FoundRun found, std::uint64_t after_seq, std::string run_id, std::string session_id);

  [[nodiscard]] const http::Pairs& headers() const override { return headers_; }
  boost::asio::awaitable<void> run(http::EventSink& sink) override;

 private:
  /// True when the run's last frame was replayed.
  boost::asio::awaitable<bool> follow_local(http::EventSink& sink);
  boost::asio::awaitable<bool> follow_shared(http::EventSink& sink);

  FoundRun found_;
  std::uint64_t after_seq_;  // last event that the reader has
  std::string run_id_;
  std::string session_id_;
  http::Pairs headers_;
};

/// Sequence number of a `Last-Event-ID` header; empty when it is not a number of ours.
[[nodiscard]] std::optional<std::uint64_t> parse_last_event_id(std::string_view text);

/// `data` of message.final: the text, its citations with spans that can be checked, and the effective top_k; with
/// `usage` when the model's provider counted tokens, and `finish_reason` when the answer is not what the model meant to
/// say in full.
[[nodiscard]] std::string final_data(const RunPlan& plan, std::string_view answer,
                                     const llm::Completion& completion = {});

}  // namespace nexus::rag

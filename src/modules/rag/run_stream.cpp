#include "modules/rag/run_stream.h"

#include "base/errors.h"
#include "base/ids.h"
#include "exec/channel.h"
#include "json/json.h"
#include "modules/rag/citations.h"
#include "observe/log.h"
#include "observe/metrics.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>
#include <exception>

namespace nexus::rag {
namespace {

namespace asio = boost::asio;

constexpr auto kTuple = asio::as_tuple(asio::use_awaitable);
constexpr std::size_t kDeltaQueue = 64;  // deltas the model may be ahead of the reader

std::string delta_data(std::string_view delta) {
  std::string data = R"({"delta":)";
  json::append_string(data, delta);
  data.push_back('}');
  return data;
}

RunFailure failure_of(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const LlmError& e) {
    return {std::string(e.kind().code), e.what()};
  } catch (const std::exception& e) {
    observe::log_error("generation failed", {{"reason", e.what()}});
    return {"UNKNOWN_ERROR", "Internal error during generation."};
  }
}

/// The state of a run that outlives nothing: what is kept is what a later run or a person can use, by reference.
std::string checkpoint_json(const RunPlan& plan, std::string_view answer_id) {
  std::string out;
  json::Writer w(out);
  w.begin_object();
  w.field("session_id", plan.session_id).field("tenant_id", plan.tenant.id()).field("corpus_id", plan.corpus_id);
  w.field("run_id", plan.run_id).field("answer_message_id", answer_id);
  w.field("history_to_seq", plan.history.empty() ? std::int64_t{0} : plan.history.back().seq);
  w.key("retrieved").begin_array();
  for (const retrieval::Passage& passage : plan.context)
    w.begin_object().field("chunk_id", passage.chunk_id).field("score", passage.score).end_object();
  w.end_array().end_object();
  return out;
}

asio::awaitable<SharedRun::Part> next_part(std::shared_ptr<SharedRun> run) {
  const auto part = std::make_shared<SharedRun::Part>();
  std::function<void(http::Completion)> look = [run = std::move(run), part](http::Completion done) {
    run->next([part, done = std::move(done)](SharedRun::Part got) {
      *part = std::move(got);
      done(nullptr);
    });
  };
  co_await http::await_callback(look);
  co_return std::move(*part);
}

}  // namespace

/// The model at work: its channel, and the timer that the reader sleeps on. Shared with the lane's task, which may end
/// after the stream has gone.
struct RunStream::Generation {
  Generation(const asio::any_io_executor& executor, const std::stop_token& stopped)
      : timer(std::make_shared<asio::steady_timer>(executor)),
        channel(std::make_shared<exec::Channel<std::string>>(kDeltaQueue)),
        completion(std::make_shared<llm::Completion>()),
        wake(stopped, Wake{timer, executor}) {
    channel->set_ready(Wake{timer, executor});
  }
  ~Generation() { channel->cancel(); }
  Generation(const Generation&) = delete;
  Generation& operator=(const Generation&) = delete;

  struct Wake {
    std::shared_ptr<asio::steady_timer> timer;
    asio::any_io_executor executor;
    void operator()() const {
      asio::post(executor, [t = timer] { t->cancel(); });
    }
  };

  std::shared_ptr<asio::steady_timer> timer;
  std::shared_ptr<exec::Channel<std::string>> channel;
  std::shared_ptr<llm::Completion> completion;  // written before the channel finishes, read afterwards
  std::stop_callback<Wake> wake;
};

RunStream::RunStream(const RunServices& services, std::shared_ptr<const RunPlan> plan)
    : services_(services), plan_(std::move(plan)), frames_(plan_->run_id, plan_->session_id) {}

RunStream::~RunStream() {
  plan_->slot.reset();
}

asio::awaitable<void> RunStream::run(http::EventSink& sink) {
  begun_us_ = services_.clock.steady_us();
  bool gone = false;
  try {
    co_await produce(sink);
  } catch (const http::ClientGone&) {
    gone = true;
  }
  if (gone) {
    services_.metrics.counter("nexusrag_sse_streams_disconnected_total").add();
    if (!settled_) store_cancelled();
  }
  if (plan_->log) plan_->log->finish(!gone || settled_);
  services_.segments.sse_completion.record(plan_->trace, begun_us_);
  const double seconds = static_cast<double>(services_.clock.now() - plan_->started_at) / 1e6;
  services_.metrics.counter("nexusrag_sse_streams_completed_total").add();
  services_.metrics
      .counter("nexusrag_runs_total", {{"outcome", gone && !settled_ ? "cancelled"
                                                   : failure_        ? "error"
                                                                     : "ok"}})
      .add();
  services_.metrics.histogram("nexusrag_sse_stream_seconds").observe(seconds);
}

asio::awaitable<void> RunStream::produce(http::EventSink& sink) {
  std::string accepted = R"({"accepted_at":")";
  accepted.append(iso(plan_->started_at)).append("\"}");
  emit(sink, frames_.message("request.accepted", accepted));
  if (services_.options.debug_events && !plan_->failure) {
    std::string data;
    json::Writer(data)
        .begin_object()
        .field("provider", plan_->provider)
        .field("num_chunks", static_cast<std::int64_t>(plan_->context.size()))
        .end_object();
    emit(sink, frames_.message("debug.retrieval", data));
  }
  failure_ = plan_->failure;
  if (!failure_) co_await generate(sink);
  if (!failure_) co_await store_answer();
  if (failure_) {
    emit_failure(sink, *failure_);
  } else {
    emit(sink, frames_.message("message.final", final_data(*plan_, answer_, completion_)));
    emit(sink, frames_.message("done", "{}"));
  }
  co_await sink.drain();
}

asio::awaitable<void> RunStream::generate(http::EventSink& sink) {
  const auto timer = services_.segments.generation_stream.time(plan_->trace);
  Generation generation(sink.executor(), sink.stopped());
  const bool posted =
      services_.outbound.try_post([plan = plan_, channel = generation.channel, completion = generation.completion,
                                   &model = services_.llm, stop = sink.stopped()] {
        const observe::TraceScope scope(plan->trace);
        try {
          const Prompt prompt{.messages = plan->messages,
                              .question = plan->question,
                              .context = plan->context,
                              .tenant = plan->tenant.id()};
          *completion = model.generate(
              prompt, [&](std::string delta) { return channel->push(std::move(delta), stop); }, stop);
          channel->finish();
        } catch (const std::exception&) {
          channel->finish(std::current_exception());
        }
      });
  if (!posted) {
    failure_ = RunFailure{std::string(errors::kServiceBusy.code), "Service is at capacity; retry shortly."};
    co_return;
  }
  for (;;) {
    std::optional<std::string> delta = generation.channel->try_pop();
    if (delta) {
      if (answer_.empty()) {
        services_.segments.sse_first_token.record(plan_->trace, begun_us_);
        services_.metrics.histogram("nexusrag_run_first_token_seconds")
            .observe(static_cast<double>(services_.clock.now() - plan_->started_at) / 1e6);
      }
      answer_.append(*delta);
      emit(sink, frames_.message("token.delta", delta_data(*delta)));
      co_await sink.drain();
      if (services_.options.pace_us > 0) {
        co_await pace(sink);
      }
      continue;
    }
    if (generation.channel->finished()) break;
    co_await wait_for_news(sink, generation);
  }
  if (sink.stopped().stop_requested()) throw http::ClientGone();
  if (const std::exception_ptr error = generation.channel->failure()) failure_ = failure_of(error);
  completion_ = *generation.completion;
}

/// The least time between two deltas; a reader that is lost meanwhile ends it.
asio::awaitable<void> RunStream::pace(http::EventSink& sink) {
  const auto timer = std::make_shared<asio::steady_timer>(sink.executor());
  timer->expires_after(std::chrono::microseconds(services_.options.pace_us));
  const std::stop_callback lost(sink.stopped(), Generation::Wake{timer, sink.executor()});
  co_await timer->async_wait(kTuple);
  if (sink.stopped().stop_requested()) throw http::ClientGone();
}

asio::awaitable<void> RunStream::wait_for_news(http::EventSink& sink, Generation& generation) {
  const std::int64_t due = last_frame_us_ + services_.options.heartbeat_us;
  const std::int64_t left = due - services_.clock.steady_us();
  if (left <= 0) {
    emit(sink, frames_.heartbeat(services_.clock.now()));
    co_await sink.drain();
    co_return;
  }
  if (sink.stopped().stop_requested()) throw http::ClientGone();
  generation.timer->expires_after(std::chrono::microseconds(left));
  // The producer may have pushed between the look and this line; its wake-up is then queued behind us and cancels.
  co_await generation.timer->async_wait(kTuple);
}

asio::awaitable<void> RunStream::store_answer() {
  const auto timer = services_.segments.persistence_post_stream.time(plan_->trace);
  std::function<void(http::Completion)> commit = [this](http::Completion done) {
    const Timestamp now = services_.clock.now();
    std::string message_id = uuid7(now);
    std::string state;
    {
      const auto snapshot = services_.segments.checkpoint_snapshot.time(plan_->trace);
      state = checkpoint_json(*plan_, message_id);
    }
    // By value: a shut-down may take the stream away while the write still waits for its turn.
    auto work = [rows = services_.sessions, plan = plan_, answer = answer_, now, message_id = std::move(message_id),
                 state = std::move(state), checkpoint_id = uuid7(now), log_id = uuid7(now)](db::Tx& tx) {
      rows.append(tx, plan->tenant, plan->session_id, message_id, "assistant", answer, "complete", now);
      rows.add_checkpoint(tx, plan->tenant, plan->session_id, checkpoint_id, state, now);
      rows.add_query_log(tx, {.id = log_id,
                              .query_id = plan->run_id,
                              .started_at = plan->started_at,
                              .completed_at = now,
                              .retrieved_chunks = static_cast<std::int64_t>(plan->context.size()),
                              .status = "ok"});
    };
    services_.db.write_async(std::move(work), services_.options.answer_durability, std::move(done));
  };
  try {
    co_await http::await_callback(commit);
    settled_ = true;
    count_tokens();
  } catch (const db::Error& e) {
    observe::log_error("answer could not be stored", {{"request_id", plan_->http_request_id}, {"reason", e.what()}});
    failure_ = RunFailure{std::string(errors::kDbError.code), "Database error during run. Check server logs."};
  }
}

/// What the run cost, in tokens: as the provider counted them, else estimated from the bytes (contract 01 §18, point
/// 35).
void RunStream::count_tokens() {
  if (services_.tokens == nullptr) return;
  const llm::Usage& usage = completion_.usage;
  std::size_t bytes = 0;  // of what the provider did not count
  if (!usage.input_tokens) {
    bytes += plan_->question.size();
    for (const ChatMessage& message : plan_->messages) bytes += message.content.size();
  }
  if (!usage.output_tokens) bytes += answer_.size();
  const double ratio = std::max(services_.options.chars_per_token, 0.1);
  const auto estimated = static_cast<std::int64_t>(std::ceil(static_cast<double>(bytes) / ratio));
  services_.tokens->add(plan_->tenant, usage.input_tokens.value_or(0) + usage.output_tokens.value_or(0) + estimated,
                        services_.clock.now());
}

void RunStream::emit(http::EventSink& sink, std::string_view frame) {
  if (plan_->log) plan_->log->append(frame);
  sink.write(frame);
  last_frame_us_ = services_.clock.steady_us();
}

void RunStream::emit_failure(http::EventSink& sink, const RunFailure& failure) {
  std::string data;
  json::Writer(data).begin_object().field("code", failure.code).field("message", failure.message).end_object();
  emit(sink, frames_.message("error", data));
  emit(sink, frames_.message("done", "{}"));
  log_query("error");
  if (!answer_.empty()) count_tokens();
  settled_ = true;
}

void RunStream::log_query(std::string_view status) {
  auto work = [sessions = services_.sessions, plan = plan_, status, now = services_.clock.now(),
               id = uuid7(services_.clock.now())](db::Tx& tx) {
    sessions.add_query_log(tx, {.id = id,
                                .query_id = plan->run_id,
                                .started_at = plan->started_at,
                                .completed_at = now,
                                .retrieved_chunks = static_cast<std::int64_t>(plan->context.size()),
                                .status = status});
  };
  services_.db.write_async(std::move(work), db::Durability::kRelaxed, [plan = plan_](const std::exception_ptr& error) {
    if (error) observe::log_warn("query log row was not written", {{"request_id", plan->http_request_id}});
  });
}

void RunStream::store_cancelled() {
  log_query("cancelled");
  if (answer_.empty() || !plan_->opened) return;
  count_tokens();  // the model was paid for what it said
  auto work = [sessions = services_.sessions, plan = plan_, answer = answer_, now = services_.clock.now(),
               id = uuid7(services_.clock.now())](db::Tx& tx) {
    sessions.append(tx, plan->tenant, plan->session_id, id, "assistant", answer, "partial", now);
  };
  services_.db.write_async(std::move(work), db::Durability::kRelaxed, [plan = plan_](const std::exception_ptr& error) {
    if (error) observe::log_warn("partial answer was not stored", {{"request_id", plan->http_request_id}});
  });
}

ResumeStream::ResumeStream(FoundRun found, std::uint64_t after_seq, std::string run_id, std::string session_id)
    : found_(std::move(found)), after_seq_(after_seq), run_id_(std::move(run_id)), session_id_(std::move(session_id)) {}

asio::awaitable<void> ResumeStream::run(http::EventSink& sink) {
  const bool known = found_.local || found_.shared;
  bool complete = false;
  if (found_.local) {
    complete = co_await follow_local(sink);
  } else if (found_.shared) {
    complete = co_await follow_shared(sink);
  }
  if (complete) co_return;
  // Behind replayed frames the numbers go on; without any they start at 1.
  RunFrames frames(run_id_, session_id_, known ? after_seq_ : 0);
  sink.write(frames.refusal("resume.unsupported", R"({"message":"Resume is not supported; restart the request."})"));
  sink.write(frames.refusal("done", "{}"));
  co_await sink.drain();
}

asio::awaitable<bool> ResumeStream::follow_local(http::EventSink& sink) {
  constexpr std::chrono::milliseconds kLook{20};
  asio::steady_timer pause(sink.executor());
  for (;;) {
    const RunLog::Tail tail = found_.local->after(after_seq_);
    for (const std::string& frame : tail.frames) sink.write(frame);
    after_seq_ += tail.frames.size();
    co_await sink.drain();
    if (tail.finished) co_return tail.complete;
    if (sink.stopped().stop_requested()) throw http::ClientGone();
    pause.expires_after(kLook);
    co_await pause.async_wait(kTuple);
  }
}

asio::awaitable<bool> ResumeStream::follow_shared(http::EventSink& sink) {
  constexpr std::chrono::milliseconds kFirstLook{50};
  constexpr std::chrono::milliseconds kSeldomLook{250};  // while nothing new comes
  asio::steady_timer pause(sink.executor());
  std::chrono::milliseconds wait = kFirstLook;
  std::uint64_t seen = 0;
  for (;;) {
    const SharedRun::Part part = co_await next_part(found_.shared);
    for (const std::string& frame : part.frames)
      if (++seen > after_seq_) sink.write(frame);
    after_seq_ = std::max(after_seq_, seen);
    co_await sink.drain();
    if (part.state != SharedRun::State::kRunning) co_return part.state == SharedRun::State::kComplete;
    if (sink.stopped().stop_requested()) throw http::ClientGone();
    if (part.more) continue;
    wait = part.frames.empty() ? std::min(2 * wait, kSeldomLook) : kFirstLook;
    pause.expires_after(wait);
    co_await pause.async_wait(kTuple);
  }
}

std::optional<std::uint64_t> parse_last_event_id(std::string_view text) {
  std::uint64_t seq = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seq);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return seq;
}

}  // namespace nexus::rag

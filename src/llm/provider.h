#pragma once

#include "base/secret.h"
#include "llm/answer.h"
#include "llm/chat.h"
#include "llm/sse_parser.h"
#include "outbound/client.h"

#include <boost/json/object.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace nexus::llm {

/// What an operator says about one remote model.
struct ProviderOptions {
  std::string base_url;  ///< without the paths that a provider's API defines; a "/" at the end does no harm
  std::string model;
  Secret api_key;                                        ///< of the providers that have keys
  std::int64_t max_output_tokens = 0;                    ///< 0: the provider's own limit
  std::int64_t first_byte_ms = 30'000;                   ///< until the answer begins
  std::int64_t idle_ms = 30'000;                         ///< the longest silence inside an answer
  std::int64_t deadline_ms = 90'000;                     ///< of the whole answer
  std::size_t max_answer_bytes = std::size_t{1} << 20;   ///< of text
  std::size_t max_stream_bytes = std::size_t{64} << 20;  ///< of what is sent around the text
  std::size_t max_event_bytes = std::size_t{1} << 20;    ///< of one event of the stream
};

/// What all remote models share: request set-up, bounds, the exchange, and what its failures mean. A provider's own
/// file knows its wire format alone. Thread-safe.
class Provider {
 public:
  using PieceReader = std::function<void(std::string_view piece)>;
  using EventReader = std::function<void(const SseEvent& event)>;

  /// `label` makes the name: "openai" and model "m" give "openai:m". `integration` is a literal, see outbound::Request.
  /// `client` must outlive it.
  Provider(outbound::Client& client, std::string_view integration, std::string_view label, ProviderOptions options);

  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  [[nodiscard]] const ProviderOptions& options() const noexcept { return options_; }
  /// The caller's limit, else the option's; 0: none.
  [[nodiscard]] std::int64_t max_output_tokens(const ChatRequest& chat) const noexcept;

  /// `sink` is borrowed.
  [[nodiscard]] Answer answer(const ChatRequest& chat, const TextSink& sink) const;
  /// A POST of JSON to `path` below the base address. Throws Error: kConfig without model or base address.
  [[nodiscard]] outbound::Request request(const ChatRequest& chat, std::string_view path, std::string body,
                                          std::string_view accept = "text/event-stream") const;
  /// The key as it may stand in a header. Throws Error: kAuth when it is missing and `required`, or cannot be one.
  [[nodiscard]] std::string key(bool required) const;

  /// Sends, and reads a 2xx body. Throws Error, and what the reader throws. An answer that nobody wants any more and
  /// one that was whole before the connection broke are returned, not thrown.
  [[nodiscard]] outbound::Response stream(const outbound::Request& request, Answer& answer,
                                          const PieceReader& read) const;
  /// What became of it. Throws Error for any status but 2xx and for an answer without an end.
  [[nodiscard]] Completion conclude(const outbound::Response& response, const Answer& answer) const;
  /// stream() and conclude() of an event stream.
  [[nodiscard]] Completion converse(const outbound::Request& request, Answer& answer, const EventReader& read) const;
  /// A reader of an event stream for stream(). `answer` is borrowed.
  [[nodiscard]] PieceReader events(Answer& answer, EventReader read) const;

  /// No answer came. Returns when the answer needs none: it is whole, or unwanted.
  void explain(const outbound::Error& error, const Answer& answer) const;

 private:
  const std::string name_;
  const std::string_view integration_;
  const ProviderOptions options_;
  outbound::Client& client_;
};

/// The object in an event's data. Throws Error: kBroken when it is none.
void read_object(std::string_view data, const Answer& answer,
                 const std::function<void(const boost::json::object&)>& read);
/// Ends the answer with what an error object of the stream says. Throws Error.
[[noreturn]] void fail_with(const boost::json::object& error, const Answer& answer);
/// Throws what the event's `error` member says, if there is one: an object, or in some compatible servers a text beside
/// other members.
void require_no_error(const boost::json::object& event, const Answer& answer);
/// As fail_with(), for a bare error code.
[[noreturn]] void fail_with_code(std::string_view code, const Answer& answer);

}  // namespace nexus::llm

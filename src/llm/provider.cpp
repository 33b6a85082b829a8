#include "llm/provider.h"

#include "json/json.h"
#include "llm/provider_errors.h"

#include <boost/json/monotonic_resource.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <memory>
#include <utility>

namespace nexus::llm {
namespace {

constexpr std::size_t kEventRoom = 4096;  // an event's value is built here; a longer one takes from the heap

bool fits_header(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < '\x7f'; });
}

std::string_view reading_of(Failure failure) {
  switch (failure) {
    case Failure::kConfig:
      return "does not know the model, or its address is wrong";
    case Failure::kAuth:
      return "refused the credentials";
    case Failure::kLimited:
      return "wants less traffic";
    case Failure::kTimeout:
      return "took too long by its own measure";
    case Failure::kBlocked:
      return "refused the question";
    case Failure::kInvalid:
      return "refused the request";
    case Failure::kBroken:
      break;
  }
  return "failed";
}

[[noreturn]] void fail_as(const Fault& fault, int status, const Answer& answer) {
  std::string what(reading_of(fault.failure));
  if (status != 0) what += fmt::format(", status {}", status);
  if (!fault.code.empty()) what += fmt::format(" ({})", fault.code);
  answer.fail(fault.failure, what);
}

bool is_success(int status) {
  return status >= 200 && status < 300;
}

bool is_event_stream(const outbound::Response& response) {
  return std::any_of(response.headers.begin(), response.headers.end(), [](const auto& header) {
    return header.first == "content-type" && header.second.find("event") != std::string::npos;
  });
}

}  // namespace

Provider::Provider(outbound::Client& client, std::string_view integration, std::string_view label,
                   ProviderOptions options)
    : name_(fmt::format("{}:{}", label, options.model)),
      integration_(integration),
      options_(std::move(options)),
      client_(client) {}

std::int64_t Provider::max_output_tokens(const ChatRequest& chat) const noexcept {
  return chat.max_output_tokens > 0 ? chat.max_output_tokens : options_.max_output_tokens;
}

Answer Provider::answer(const ChatRequest& chat, const TextSink& sink) const {
  return Answer(name_, sink, chat.stop, options_.max_answer_bytes);
}

outbound::Request Provider::request(const ChatRequest& chat, std::string_view path, std::string body,
                                    std::string_view accept) const {
  if (options_.model.empty()) throw Error(Failure::kConfig, name_ + " has no name of a model");
  std::string_view base = options_.base_url;
  while (base.ends_with('/')) base.remove_suffix(1);
  if (base.empty()) throw Error(Failure::kConfig, name_ + " has no base address");
  outbound::Request out{.integration = integration_, .url = fmt::format("{}{}", base, path)};
  out.headers = {{"Content-Type", "application/json"}, {"Accept", std::string(accept)}};
  out.body = std::move(body);
  out.timeout_ms = options_.first_byte_ms;
  out.idle_timeout_ms = options_.idle_ms;
  out.deadline_ms = chat.deadline_ms > 0 ? chat.deadline_ms : options_.deadline_ms;
  out.max_response_bytes = options_.max_stream_bytes;
  out.stop = chat.stop;
  out.tenant = chat.tenant;
  return out;
}

std::string Provider::key(bool required) const {
  if (required && options_.api_key.empty()) throw Error(Failure::kAuth, name_ + " has no key");
  if (!fits_header(options_.api_key.reveal())) {
    throw Error(Failure::kAuth, name_ + " has a key with spaces or other characters that no key has");
  }
  return std::string(options_.api_key.reveal());
}

outbound::Response Provider::stream(const outbound::Request& request, Answer& answer, const PieceReader& read) const {
  if (answer.unwanted()) return {.status = 200, .stopped = true};
  try {
    return client_.stream(request, [&](std::string_view piece) {
      if (answer.unwanted()) return false;
      try {
        read(piece);
      } catch (const Error&) {
        if (!answer.whole()) throw;
        return false;  // what is wrong behind the end costs the usage figures at most
      }
      return !answer.unwanted();
    });
  } catch (const outbound::Error& error) {
    explain(error, answer);
    return {.status = 200, .stopped = !answer.whole()};
  }
}

Completion Provider::conclude(const outbound::Response& response, const Answer& answer) const {
  if (answer.whole() || answer.unwanted() || response.stopped) return answer.completion();
  if (!is_success(response.status)) fail_as(fault_of_response(response), response.status, answer);
  if (!is_event_stream(response)) answer.fail(Failure::kBroken, "answered with something else than an event stream");
  answer.fail(Failure::kBroken, "broke off: the answer has no end");
}

Completion Provider::converse(const outbound::Request& request, Answer& answer, const EventReader& read) const {
  return conclude(stream(request, answer, events(answer, read)), answer);
}

Provider::PieceReader Provider::events(Answer& answer, EventReader read) const {
  const SseLimits limits{.max_line = options_.max_event_bytes, .max_event = options_.max_event_bytes};
  return [parser = std::make_shared<SseParser>(limits), read = std::move(read), &answer](std::string_view piece) {
    try {
      parser->feed(piece, [&](const SseEvent& event) {
        read(event);
        return !answer.unwanted();
      });
    } catch (const SseError&) {
      answer.fail(Failure::kBroken, "sent an event that is longer than allowed");
    }
  };
}

void Provider::explain(const outbound::Error& error, const Answer& answer) const {
  if (answer.whole() || answer.unwanted()) return;
  switch (error.fault()) {
    case outbound::Fault::kTimeout:
      answer.fail(Failure::kTimeout, "did not answer in time, or fell silent");
    case outbound::Fault::kNetwork:
      answer.fail(Failure::kBroken, "cannot be reached, or the connection broke");
    case outbound::Fault::kRefusedAddress:
      answer.fail(Failure::kConfig, "has an address that must not be called");
    case outbound::Fault::kBadUrl:
      answer.fail(Failure::kConfig, "has a base address that is no URL");
    case outbound::Fault::kTooLarge:
      answer.fail(Failure::kBroken, "sent more than is allowed");
    case outbound::Fault::kBreakerOpen:
      answer.fail(Failure::kBroken, "is left alone for a while after failures (its breaker is open)");
    case outbound::Fault::kBusy:
      answer.fail(Failure::kBroken, "was not asked: too many calls wait for it already");
    case outbound::Fault::kCancelled:
      break;
  }
  answer.fail(Failure::kBroken, "was not heard out: this server is closing");
}

void read_object(std::string_view data, const Answer& answer,
                 const std::function<void(const boost::json::object&)>& read) {
  std::array<unsigned char, kEventRoom> room;  // NOLINT: filled by the resource
  boost::json::monotonic_resource memory(room.data(), room.size());
  boost::json::value value(nullptr, &memory);
  try {
    value = json::parse(data, {.max_bytes = data.size()}, &memory);
  } catch (const json::ParseError&) {
    answer.fail(Failure::kBroken, "sent an event that is no JSON");
  }
  const boost::json::object* object = value.if_object();
  if (object == nullptr) answer.fail(Failure::kBroken, "sent an event that is no object");
  read(*object);
}

void fail_with(const boost::json::object& error, const Answer& answer) {
  fail_as(fault_of_object(error), 0, answer);
}

void require_no_error(const boost::json::object& event, const Answer& answer) {
  const boost::json::value* error = event.if_contains("error");
  if (error == nullptr || error->is_null()) return;
  fail_with(error->is_object() ? error->get_object() : event, answer);
}

void fail_with_code(std::string_view code, const Answer& answer) {
  fail_as(fault_of_code(code), 0, answer);
}

}  // namespace nexus::llm

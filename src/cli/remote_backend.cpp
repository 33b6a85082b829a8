#include "cli/remote_backend.h"

#include "base/encoding.h"
#include "base/ids.h"
#include "cli/event_parser.h"
#include "cli/failure.h"
#include "cli/json_access.h"
#include "json/json.h"

#include <boost/json/object.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <thread>

namespace nexus::cli {
namespace {

boost::json::object parse_object(std::string_view text) {
  try {
    boost::json::value value = json::parse(text);
    if (value.is_object()) return std::move(value.get_object());
  } catch (const json::ParseError& e) {
    throw Failure(fmt::format("the server sent JSON that cannot be read: {}", e.what()));
  }
  throw Failure("the server sent JSON that is no object");
}

/// The payload inside the envelope.
boost::json::object data_of(const HttpReply& reply) {
  boost::json::object envelope = parse_object(reply.body);
  boost::json::value* data = envelope.if_contains("data");
  if (data == nullptr || !data->is_object()) throw Failure("the server sent an answer without data");
  return std::move(data->get_object());
}

DocumentState document_of(const boost::json::object& data) {
  DocumentState out{.id = text_member(data, "id"), .status = text_member(data, "status")};
  if (std::string reason = text_member(data, "failure_reason"); !reason.empty()) out.failure_reason = std::move(reason);
  if (std::string sum = text_member(data, "sha256"); !sum.empty()) out.sha256 = std::move(sum);
  if (const boost::json::value* count = data.if_contains("num_chunks"); count != nullptr && count->is_int64())
    out.chunks = count->get_int64();
  return out;
}

std::string disposition_text(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '"') {
      out.append("%22");
    } else if (c == '\r' || c == '\n') {
      out.push_back(' ');
    } else {
      out.push_back(c);
    }
  }
  return out;
}

class RemoteBackend final : public Backend {
 public:
  RemoteBackend(const BaseUrl& server, HttpHeaders headers, bool has_key)
      : client_(server, std::move(headers)), has_key_(has_key) {}

  [[nodiscard]] std::string name() const override {
    return "http://" + to_string(client_.server().address) + client_.server().prefix;
  }

  Answer ask(const Ask& question, const std::function<void(std::string_view)>& on_delta) override {
    std::string body;
    json::Writer w(body);
    w.begin_object().field("session_id", question.session).field("corpus_id", question.corpus);
    w.field("message", question.question);
    if (question.top_k) w.field("top_k", *question.top_k);
    w.end_object();

    Answer answer;
    bool finished = false;
    std::optional<ErrorText> failure;
    EventParser events([&](const EventParser::Event& event) {
      const boost::json::object frame = parse_object(event.data);
      const std::string type = text_member(frame, "type");
      const boost::json::value* data = frame.if_contains("data");
      if (data == nullptr || !data->is_object()) return;
      if (type == "token.delta") on_delta(text_member(data->get_object(), "delta"));
      if (type == "error")
        failure = ErrorText{.message = text_member(data->get_object(), "message"),
                            .code = text_member(data->get_object(), "code")};
      if (type != "message.final") return;
      finished = true;
      answer.text = text_member(data->get_object(), "text");
      if (const boost::json::value* list = data->get_object().if_contains("citations");
          list != nullptr && list->is_array())
        answer.citations = list->get_array();
    });
    const HttpReply reply = patiently(
        [&] { return client_.post_for_events("/v1/run", body, [&](std::string_view p) { events.feed(p); }); });
    require(reply);
    if (failure) {
      if (failure->message == "corpus not found") throw Failure(no_corpus(question.corpus, name()));
      throw Failure(fmt::format("{} ({})", failure->message, failure->code));
    }
    if (!finished) throw Failure("the answer broke off");
    return answer;
  }

  [[nodiscard]] bool has_corpus(std::string_view corpus) override {
    const HttpReply reply = patiently([&] { return client_.get("/v1/corpora/" + percent_encode(corpus)); });
    if (reply.status == 404) return false;
    require(reply);
    return true;
  }

  void create_corpus(std::string_view corpus) override {
    std::string body;
    json::Writer(body).begin_object().field("id", corpus).field("name", corpus).end_object();
    require(patiently([&] { return client_.post_json("/v1/corpora", body); }));
  }

  [[nodiscard]] std::optional<DocumentState> find(std::string_view id) override {
    const HttpReply reply = patiently([&] { return client_.get("/v1/documents/" + percent_encode(id)); });
    if (reply.status == 404) return std::nullopt;
    require(reply);
    return document_of(data_of(reply));
  }

  void submit(const NewFile& file) override {
    const std::string boundary = "nexusrag-" + hex32();
    FileBody body{.file = file.path, .size = file.size};
    for (const auto& [name, value] : {std::pair<std::string_view, std::string_view>{"corpus_id", file.corpus},
                                      {"document_id", file.document_id},
                                      {"overwrite", "true"}})
      body.before +=
          fmt::format("--{}\r\nContent-Disposition: form-data; name=\"{}\"\r\n\r\n{}\r\n", boundary, name, value);
    body.before += fmt::format(
        "--{}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{}\"\r\n"
        "Content-Type: application/octet-stream\r\n\r\n",
        boundary, disposition_text(file.filename));
    body.after = "\r\n--" + boundary + "--\r\n";
    const HttpReply reply = patiently(
        [&] { return client_.post_file("/v1/documents", "multipart/form-data; boundary=" + boundary, body); });
    if (reply.status == 413 || reply.status == 415 || reply.status == 422)
      throw Refused(error_of(reply.status, reply.body).message);
    require(reply);
  }

 private:
  /// Waits as the server asks while it is busy or we are too fast, for a minute at most.
  template <class Request>
  HttpReply patiently(const Request& request) const {
    constexpr int kMostWaits = 60;
    for (int waits = 0;; ++waits) {
      HttpReply reply = request();
      const bool busy = reply.status == 429 || reply.status == 503;
      if (!busy || reply.header("retry-after").empty() || waits == kMostWaits) return reply;
      int seconds = 1;
      const std::string_view text = reply.header("retry-after");
      std::from_chars(text.data(), text.data() + text.size(), seconds);
      std::this_thread::sleep_for(std::chrono::seconds(std::clamp(seconds, 1, 10)));
    }
  }

  void require(const HttpReply& reply) const {
    if (reply.status >= 200 && reply.status < 300) return;
    if (reply.status == 401 && !has_key_)
      throw Failure(
          fmt::format("the server at {} wants a key: give one with --key or NEXUSRAG_API_KEY "
                      "(`nexusrag keys create` makes one), or work in this process with --local",
                      name()));
    const ErrorText error = error_of(reply.status, reply.body);
    throw Failure(fmt::format("{} answered: {}{}", name(), error.message,
                              error.code.empty() ? std::string{} : " (" + error.code + ")"));
  }

  HttpClient client_;
  bool has_key_;
};

}  // namespace

ErrorText error_of(int status, std::string_view body) {
  try {
    const boost::json::value document = json::parse(body);
    const boost::json::object* envelope = document.if_object();
    const boost::json::value* error = envelope != nullptr ? envelope->if_contains("error") : nullptr;
    if (error != nullptr && error->is_object()) {
      const boost::json::object& fields = error->get_object();
      ErrorText out{.message = text_member(fields, "message"), .code = text_member(fields, "code")};
      if (const boost::json::value* details = fields.if_contains("details"); details != nullptr && details->is_object())
        if (const std::string reason = text_member(details->get_object(), "reason"); !reason.empty())
          out.message += ": " + reason;
      if (!out.message.empty()) return out;
    }
  } catch (const json::ParseError&) {
    return {.message = fmt::format("status {}", status)};  // a proxy's page, say
  }
  return {.message = fmt::format("status {}", status)};
}

std::unique_ptr<Backend> make_remote_backend(const BaseUrl& server, const std::string& key, const std::string& tenant) {
  HttpHeaders headers;
  if (key.empty()) {
    headers.emplace_back("X-Tenant-Id", tenant);
  } else {
    headers.emplace_back("Authorization", "Bearer " + key);
  }
  return std::make_unique<RemoteBackend>(server, std::move(headers), !key.empty());
}

}  // namespace nexus::cli

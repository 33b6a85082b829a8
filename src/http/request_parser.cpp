#include "http/request_parser.h"

#include "base/encoding.h"

#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>

namespace nexus::http {
namespace {

namespace beast = boost::beast;

constexpr std::size_t kMaxFields = 200;
constexpr std::size_t kMaxChunkHead = 16 * 1024;  // chunk line, or last chunk with trailers
constexpr std::size_t kLeastLastChunk = 5;        // "0\r\n\r\n"

std::string_view view(beast::string_view text) {
  return {text.data(), text.size()};
}

void parse_query(std::string_view text, Pairs& query) {
  while (!text.empty()) {
    const auto end = text.find('&');
    const auto item = text.substr(0, end);
    if (!item.empty()) {
      const auto equals = item.find('=');
      const auto value = equals == std::string_view::npos ? std::string_view() : item.substr(equals + 1);
      query.emplace_back(percent_decode(item.substr(0, equals), true), percent_decode(value, true));
    }
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
}

/// Fills path and query; returns the authority of an absolute-form target. False when the form is none of RFC 9112 §3.2
/// that a server answers.
bool split_target(Request& request, std::string& authority) {
  std::string_view target = request.target;
  if (target != "*" && (target.empty() || target.front() != '/')) {
    const auto scheme_end = target.find("://");
    if (scheme_end == std::string_view::npos) return false;
    const auto scheme = target.substr(0, scheme_end);
    if (!ascii_iequals(scheme, "http") && !ascii_iequals(scheme, "https")) return false;
    target.remove_prefix(scheme_end + 3);
    const auto path = target.find_first_of("/?");
    authority = std::string(target.substr(0, path));
    if (authority.empty()) return false;
    target = path == std::string_view::npos ? std::string_view() : target.substr(path);
  }
  const auto mark = target.find('?');
  request.path = std::string(target.substr(0, mark));
  if (request.path.empty()) request.path = "/";
  if (mark != std::string_view::npos) parse_query(target.substr(mark + 1), request.query);
  return true;
}

/// Beast waits for CR LF for ever; a head with bare line feeds would only end by timeout.
bool has_bare_line_feed(std::string_view text) {
  for (auto at = text.find('\n'); at != std::string_view::npos; at = text.find('\n', at + 1))
    if (at == 0 || text[at - 1] != '\r') return true;
  return false;
}

}  // namespace

Verb parse_verb(std::string_view method) {
  if (method == "GET") return Verb::kGet;
  if (method == "POST") return Verb::kPost;
  if (method == "PUT") return Verb::kPut;
  if (method == "PATCH") return Verb::kPatch;
  if (method == "DELETE") return Verb::kDelete;
  if (method == "HEAD") return Verb::kHead;
  if (method == "OPTIONS") return Verb::kOptions;
  return Verb::kOther;
}

/// Receives the events of one message and keeps what Beast does not: totals, and the fields that decide framing.
class RequestParser::Impl final {
 public:
  class Message final : public beast::http::basic_parser<true> {
   public:
    Message(Impl& owner, Request& request) : owner_(owner), request_(request) {}

   private:
    void on_request_impl(beast::http::verb, beast::string_view method, beast::string_view target, int version,
                         beast::error_code&) override {
      request_.method = view(method);
      request_.verb = parse_verb(request_.method);
      request_.target = view(target);
      owner_.http11 = version >= 11;
    }
    void on_response_impl(int, beast::string_view, int, beast::error_code&) override {}
    void on_field_impl(beast::http::field field, beast::string_view name, beast::string_view value,
                       beast::error_code& ec) override {
      if (owner_.head_done) return;  // trailers are checked and forgotten
      if (request_.headers.size() >= kMaxFields) {
        owner_.fail(Problem::kHeadTooLarge, "Too many header fields");
        ec = beast::http::error::header_limit;
        return;
      }
      owner_.note(field, view(value));
      request_.headers.emplace_back(view(name), view(value));
    }
    void on_header_impl(beast::error_code&) override { owner_.head_done = true; }
    void on_body_init_impl(const boost::optional<std::uint64_t>&, beast::error_code&) override {}
    std::size_t on_body_impl(beast::string_view body, beast::error_code&) override { return owner_.take(body); }
    void on_chunk_header_impl(std::uint64_t, beast::string_view, beast::error_code&) override {}
    std::size_t on_chunk_body_impl(std::uint64_t, beast::string_view body, beast::error_code&) override {
      return owner_.take(body);
    }
    void on_finish_impl(beast::error_code&) override {}

    Impl& owner_;
    Request& request_;
  };

  void note(beast::http::field field, std::string_view value) {
    if (field == beast::http::field::content_length) {
      ++lengths;
    } else if (field == beast::http::field::transfer_encoding) {
      ++codings;
      plain_chunks = ascii_iequals(ascii_trim(value), "chunked");
    } else if (field == beast::http::field::host) {
      ++hosts;
    } else if (field == beast::http::field::expect) {
      expects_continue = ascii_iequals(ascii_trim(value), "100-continue");
    }
  }

  std::size_t take(beast::string_view body) {
    body_bytes += body.size();
    if (body_target != nullptr) body_target->append(body.data(), body.size());
    return body.size();
  }

  void fail(Problem kind, std::string_view text) {
    if (problem != Problem::kNone) return;
    problem = kind;
    explanation = text;
  }

  void check_head() {
    if (codings > 0 && (lengths > 0 || codings > 1 || !plain_chunks || !http11)) {
      fail(Problem::kMalformed, "Unsupported or conflicting Transfer-Encoding");
    } else if (lengths > 1) {
      fail(Problem::kMalformed, "More than one Content-Length");
    } else if (hosts > 1 || (hosts == 0 && http11)) {
      fail(Problem::kMalformed, "Exactly one Host header is required");
    }
    std::string authority;
    if (!split_target(*request, authority)) {
      fail(Problem::kMalformed, "Malformed request target");
    } else if (!authority.empty()) {
      for (auto& [name, value] : request->headers)  // RFC 9112 §3.2.2: the target's authority wins over Host
        if (ascii_iequals(name, "host")) value = authority;
    }
  }

  std::size_t feed_head(std::string_view bytes) {
    beast::error_code error;
    const std::size_t used = message->put({bytes.data(), bytes.size()}, error);
    head_bytes += used;
    const bool incomplete = error == beast::http::error::need_more;
    starved = incomplete;
    if (incomplete && has_bare_line_feed(bytes.substr(used)))
      fail(Problem::kMalformed, "Malformed request: bad line ending");
    if (head_bytes + (incomplete ? bytes.size() - used : 0) > max_head_bytes ||
        error == beast::http::error::header_limit) {
      fail(Problem::kHeadTooLarge, "Request head is too large");
    } else if (error && !incomplete) {
      fail(Problem::kMalformed, "Malformed request: " + error.message());
    } else if (head_done) {
      check_head();
    }
    return used;
  }

  std::size_t feed_body(std::string_view bytes) {
    // Beast asserts that a last chunk it has seen the line of comes back with its end in sight.
    if (starved && bytes.front() == '0' && bytes.size() < kLeastLastChunk) return 0;
    std::size_t used = 0;
    starved = false;
    while (used < bytes.size() && !message->is_done()) {
      beast::error_code error;
      const std::size_t n = message->put({bytes.data() + used, bytes.size() - used}, error);
      used += n;
      if (error && error != beast::http::error::need_more) {
        fail(Problem::kMalformed, "Malformed body: " + error.message());
        break;
      }
      if (error == beast::http::error::need_more) {
        starved = true;
        if (bytes.size() - used > kMaxChunkHead) fail(Problem::kMalformed, "Chunk header is too large");
        break;
      }
    }
    return used;
  }

  std::optional<Message> message;
  Request* request = nullptr;
  std::size_t max_head_bytes = 0;
  std::size_t head_bytes = 0;
  bool head_done = false;
  bool http11 = true;
  bool expects_continue = false;
  int lengths = 0;
  int codings = 0;
  int hosts = 0;
  bool plain_chunks = false;
  bool starved = false;
  std::uint64_t body_bytes = 0;
  std::string* body_target = nullptr;
  Problem problem = Problem::kNone;
  std::string explanation;
};

RequestParser::RequestParser() : impl_(std::make_unique<Impl>()) {}
RequestParser::~RequestParser() = default;

void RequestParser::start(Request& into, std::size_t max_head_bytes) {
  Impl& s = *impl_;
  s.message.emplace(s, into);
  s.message->header_limit(static_cast<std::uint32_t>(std::min<std::size_t>(max_head_bytes, UINT32_MAX)));
  s.message->body_limit(boost::none);
  s.request = &into;
  s.max_head_bytes = max_head_bytes;
  s.head_bytes = 0;
  s.head_done = false;
  s.http11 = true;
  s.expects_continue = false;
  s.lengths = s.codings = s.hosts = 0;
  s.plain_chunks = s.starved = false;
  s.body_bytes = 0;
  s.body_target = nullptr;
  s.problem = Problem::kNone;
  s.explanation.clear();
}

std::size_t RequestParser::feed(std::string_view bytes) {
  if (!impl_->message || impl_->problem != Problem::kNone || bytes.empty() || done()) return 0;
  return impl_->head_done ? impl_->feed_body(bytes) : impl_->feed_head(bytes);
}

RequestParser::Problem RequestParser::problem() const {
  return impl_->problem;
}
const std::string& RequestParser::explanation() const {
  return impl_->explanation;
}
bool RequestParser::head_done() const {
  return impl_->head_done;
}
bool RequestParser::done() const {
  return impl_->message && impl_->head_done && impl_->message->is_done();
}
bool RequestParser::starved() const {
  return impl_->starved;
}
bool RequestParser::has_body() const {
  if (!impl_->head_done) return false;
  const auto length = content_length();
  return impl_->codings > 0 || (length && *length > 0);
}
std::optional<std::uint64_t> RequestParser::content_length() const {
  if (!impl_->head_done) return std::nullopt;
  const auto length = impl_->message->content_length();
  return length ? std::optional<std::uint64_t>(*length) : std::nullopt;
}
bool RequestParser::keep_alive() const {
  return impl_->head_done && impl_->message->keep_alive();
}
bool RequestParser::http11() const {
  return impl_->http11;
}
bool RequestParser::expects_continue() const {
  return impl_->http11 && impl_->expects_continue;
}
void RequestParser::body_into(std::string* target) {
  impl_->body_target = target;
}
std::uint64_t RequestParser::body_bytes() const {
  return impl_->body_bytes;
}

}  // namespace nexus::http

// Sends the recorded calls of the original and compares what comes back. Differences that are meant stand in a table
// with their reason; any other difference fails, and so does a row of the table that no longer applies.
#include "base/encoding.h"
#include "http/contract_kit.h"
#include "http/router.h"
#include "modules/demo/seed.h"
#include "modules/plans/plans_service.h"
#include "modules/quotas/quotas_repository.h"
#include "support/call_fixture.h"
#include "support/reference_kit.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <iostream>
#include <regex>
#include <set>
#include <sstream>

namespace nexus::testing {
namespace {

struct Recorded {
  std::string name;
  std::string verb;
  std::string path;
  Pairs headers;
  std::string body;
  Response answer;
};

constexpr Intended kIntended[] = {
    // everywhere
    {"*", "body: envelope added", "every JSON success under /v1 is enveloped (00-decisions §2)"},
    {"*", "header sunset: *", "a fixed date (00-decisions §2)"},
    {"*", "header x-quota-*-used: * -> *",
     "a request refused at validation gives its units back (00-decisions §2, what is charged)"},
    {"*", "header x-quota-*-remaining: * -> *", "as above"},
    {"*", "header x-cost-*: missing", "budgets arrive with the area of costs"},
    {"method not allowed", "header allow: GET -> GET, POST", "corpora can be created (00-decisions §3)"},
    {"editor POST /v1/documents/text", "header x-sla-*: missing", "service levels of ingestion arrive with their area"},
    {"text *", "header x-sla-*: missing", "as above"},
    {"upload *", "header x-sla-*: missing", "as above"},
    {"reindex*", "header x-sla-*: missing", "as above"},

    // run
    {"run tenant in body, no credential", "status: 400 -> 401 AUTH_UNAUTHORIZED",
     "authentication comes before the body (00-decisions §2, order of gates)"},
    {"run form content type", "status: 500 -> 422 REQUEST_VALIDATION_ERROR", "a body of another type is no failure"},
    {"run no content type", "status: 500 -> 200", "a missing content type counts as JSON"},
    {"run*", "new $.data.top_k", "the effective value is reported (00-decisions §2)"},
    {"run*", "new $.data.citations[].*", "citations carry what proves them (design §9)"},
    {"run*", "length of $.data.citations: 5 -> 0", "zero similarity is no match (00-decisions §2)"},
    {"run*", "length of $.data.citations: 3 -> 0", "as above"},
    {"run*", "value of $.data.citations[].*",
     "our demo corpus has words of its own, and hybrid ranking is the default"},
    {"run*", "missing $.data.citations[].metadata.*", "the recording's database holds one more document"},
    {"run audio", "events: *audio.ready,done -> *message.final,done", "speech arrives with its area"},

    // documents
    {"text create replay", "order of the members of $.data",
     "the answer is kept as it was sent; the original's database sorts the members (00-decisions §2, Idempotency-Key)"},
    {"*document*", "new $.chunks_*", "progress is visible on the document"},
    {"*document*", "new $.version", "so that citations can be checked"},
    {"*document*", "new $.byte_count", "as above"},
    {"*document*", "new $.sha256", "as above"},
    {"documents list", "new $[].*", "as above"},
    {"documents list", "length of $: 1 -> 2", "document permissions, which hide the editor's document, arrive later"},
    {"documents list", "value of $[].*", "as above"},
    {"text overlap >= size", "status: 202 -> 422 INGEST_VALIDATION_ERROR", "refused at once (02, last section)"},
    {"upload pdf refused", "status: 415 -> 202", "PDF is read now; this one ends as failed"},
    {"upload charset refused", "status: 415 -> 202", "parameters of content types are understood (02, last section)"},
    {"upload broken multipart", "status: 422 -> 400 BAD_REQUEST",
     "a body that breaks off is malformed (01 §1.3); the original took it for an empty form"},

    // keys
    {"keys list", "new $.data.next_cursor", "long lists have pages (00-decisions §1: optional fields extend)"},
    {"keys list", "type of $.data.items[].last_used_at: string -> null",
     "two keys of the recording had been used before it began"},

    // audit
    {"audit list", "new $.next_cursor", "pages that do not shift (01 §18)"},
    {"audit list", "type of $.items[].request_id: null -> string", "the effective id everywhere (00-decisions §2)"},
    {"audit list", "value of $.items[].id: *", "the recording's database was older"},
    {"audit list", "* $.items[].metadata_json*",
     "sign-ins are written behind the requests, so the newest three may be earlier ones; members are sorted, as the "
     "chain hashes them (00-decisions §5)"},
};

Pairs pairs_of(const boost::json::value& value) {
  Pairs out;
  if (value.is_object())
    for (const auto& member : value.as_object()) out.emplace_back(member.key(), text_of(member.value()));
  if (value.is_array())
    for (const boost::json::value& pair : value.as_array()) out.emplace_back(text_of(pair.at(0)), text_of(pair.at(1)));
  return out;
}

std::vector<Recorded> read_transcripts(std::istream& in) {
  std::vector<Recorded> out;
  for (std::string line; std::getline(in, line);) {
    const boost::json::value row = json::parse(line);
    const boost::json::value& request = row.at("request");
    const boost::json::value& response = row.at("response");
    Recorded call{.name = text_of(row.at("name")),
                  .verb = text_of(request.at("method")),
                  .path = text_of(request.at("path")),
                  .headers = pairs_of(request.at("headers")),
                  .body = request.at("body").is_null() ? "" : text_of(request.at("body")),
                  .answer = {}};
    call.answer.status = static_cast<int>(response.at("status").as_int64());
    call.answer.headers = pairs_of(response.at("headers"));
    call.answer.body = text_of(response.at("body"));
    out.push_back(std::move(call));
  }
  return out;
}

// --- comparison

/// Ids, keys, times and ports, which differ from run to run, by their kind.
std::string without_chance(std::string text) {
  static const std::regex kUuid("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}");
  static const std::regex kTime(R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?\+00:00)");
  static const std::regex kHex("[0-9a-f]{32}");
  static const std::regex kKey("(nrgk_<hex>_[A-Za-z0-9_-]+)|(<(reader|editor) key>)");
  static const std::regex kPrefix("nrgk_[0-9a-f]{7}(?![0-9a-f])");
  static const std::regex kAuthority(R"(http://127\.0\.0\.1:\d+)");
  text = std::regex_replace(text, kUuid, "<uuid>");
  text = std::regex_replace(text, kTime, "<time>");
  text = std::regex_replace(text, kHex, "<hex>");
  text = std::regex_replace(text, kKey, "<a key>");
  text = std::regex_replace(text, kPrefix, "<prefix>");
  return std::regex_replace(text, kAuthority, "<server>");
}

class Comparison {
 public:
  Comparison(const Recorded& call, const Response& ours) : call_(call), ours_(ours) {}

  std::vector<std::string> run() {
    if (call_.answer.status != ours_.status) {
      note(fmt::format("status: {} -> {} {}", call_.answer.status, ours_.status, ours_.status >= 400 ? code() : ""));
      return std::move(found_);
    }
    compare_headers();
    check_quota();
    const std::string* type = call_.answer.header("content-type");
    if (call_.answer.body.empty() || type == nullptr) {
      if (call_.answer.body != ours_.body) note("body: not empty");
    } else if (*type == "text/event-stream") {
      compare_streams();
    } else {
      compare_documents();
    }
    return std::move(found_);
  }

 private:
  void note(std::string what) {
    while (!what.empty() && what.back() == ' ') what.pop_back();
    found_.push_back(std::move(what));
  }
  [[nodiscard]] std::string code() const {
    const boost::json::value body = ours_.json();
    if (const auto* error = body.as_object().if_contains("error")) return text_of(error->at("code"));
    return {};
  }

  void compare_headers() {
    for (const auto& [name, value] : call_.answer.headers) {
      if (name == "content-length" || name == "x-request-id") continue;
      const std::string* got = ours_.header(name);
      if (got == nullptr) {
        note(fmt::format("header {}: missing", name));
      } else if (without_chance(*got) != without_chance(value)) {
        note(fmt::format("header {}: {} -> {}", name, without_chance(value), without_chance(*got)));
      }
    }
    if (ours_.header("x-request-id") == nullptr) note("header x-request-id: missing");
    for (const char* name : {"www-authenticate", "retry-after", "allow", "deprecation", "location"})
      if (ours_.header(name) != nullptr && call_.answer.header(name) == nullptr)
        note(fmt::format("header {}: new", name));
  }

  /// Values of the counters differ by intention; that they add up does not.
  void check_quota() {
    for (const char* period : {"day", "month"}) {
      const auto figure = [&](const char* name) {
        const std::string* text = ours_.header(fmt::format("x-quota-{}-{}", period, name));
        return text == nullptr ? -1 : std::stoll(*text);
      };
      if (figure("limit") >= 0 && figure("limit") != figure("used") + figure("remaining"))
        note(fmt::format("quota of the {} does not add up", period));
    }
  }

  void compare_documents() {
    const boost::json::value theirs = json::parse(call_.answer.body);
    const boost::json::value ours = ours_.json();
    const bool bare = !theirs.is_object() || !theirs.as_object().contains("meta");
    const bool wrapped = ours.is_object() && ours.as_object().contains("meta") && ours.as_object().contains("data");
    if (bare && wrapped) {
      note("body: envelope added");
      compare("$", theirs, ours.at("data"));
    } else {
      compare("$", theirs, ours);
    }
  }

  static std::vector<SseFrame> frames_of(const std::string& text) {
    std::vector<SseFrame> frames;
    SseFrame frame;
    std::istringstream in(text);
    for (std::string line; std::getline(in, line);) {
      if (!line.empty() && line.back() == '\r') line.pop_back();
      if (line.empty()) {
        if (!frame.data.empty()) frames.push_back(frame);
        frame = SseFrame();
      } else if (line.starts_with("event: ")) {
        frame.event = line.substr(7);
      } else if (line.starts_with("id: ")) {
        frame.id = line.substr(4);
      } else if (line.starts_with("data: ")) {
        frame.data += line.substr(6);
      }
    }
    return frames;
  }

  static std::string types_of(const std::vector<SseFrame>& frames) {
    std::string out;
    for (const std::string& type : event_types(frames)) out.append(out.empty() ? "" : ",").append(type);
    return out;
  }

  void compare_streams() {
    std::vector<SseFrame> theirs = frames_of(call_.answer.body);
    std::vector<SseFrame> ours = frames_of(ours_.body);
    const std::string before = types_of(theirs);
    const std::string after = types_of(ours);
    if (before != after) {
      note(fmt::format("events: {} -> {}", before, after));
      return;
    }
    for (std::size_t i = 0; i < theirs.size(); ++i) {
      if (theirs[i].event != ours[i].event) note(fmt::format("event name {} -> {}", theirs[i].event, ours[i].event));
      if (theirs[i].id != ours[i].id) note(fmt::format("event id {} -> {}", theirs[i].id, ours[i].id));
      compare("$", theirs[i].json(), ours[i].json());
    }
  }

  static std::string_view kind_of(const boost::json::value& value) {
    switch (value.kind()) {
      case boost::json::kind::null:
        return "null";
      case boost::json::kind::bool_:
        return "boolean";
      case boost::json::kind::int64:
      case boost::json::kind::uint64:
        return "integer";
      case boost::json::kind::double_:
        return "number";
      case boost::json::kind::string:
        return "string";
      case boost::json::kind::array:
        return "array";
      case boost::json::kind::object:
        return "object";
    }
    return "?";
  }

  void compare(const std::string& at, const boost::json::value& theirs, const boost::json::value& ours) {
    if (kind_of(theirs) != kind_of(ours)) {
      note(fmt::format("type of {}: {} -> {}", at, kind_of(theirs), kind_of(ours)));
    } else if (theirs.is_object()) {
      for (const auto& member : theirs.as_object()) {
        const boost::json::value* same = ours.as_object().if_contains(member.key());
        const std::string path = at + "." + std::string(member.key());
        if (same == nullptr) {
          note("missing " + path);
        } else {
          compare(path, member.value(), *same);
        }
      }
      for (const auto& member : ours.as_object())
        if (!theirs.as_object().contains(member.key())) note("new " + at + "." + std::string(member.key()));
      if (common_keys(theirs, ours) != common_keys(ours, theirs)) note("order of the members of " + at);
    } else if (theirs.is_array()) {
      const boost::json::array& a = theirs.as_array();
      const boost::json::array& b = ours.as_array();
      if (a.size() != b.size()) note(fmt::format("length of {}: {} -> {}", at, a.size(), b.size()));
      for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) compare(at + "[]", a[i], b[i]);
    } else {
      compare_values(at, theirs, ours);
    }
  }

  /// Keys of `object` that `other` has too, in the order of `object`.
  static std::string common_keys(const boost::json::value& object, const boost::json::value& other) {
    std::string out;
    for (const auto& member : object.as_object())
      if (other.as_object().contains(member.key())) out.append(member.key()).append(",");
    return out;
  }

  void compare_values(const std::string& at, const boost::json::value& theirs, const boost::json::value& ours) {
    if (at.ends_with(".score") || at.ends_with(".request_id")) return;
    const std::string before = without_chance(json::write(theirs));
    const std::string after = without_chance(json::write(ours));
    if (before != after) note(fmt::format("value of {}: {} -> {}", at, before, after));
  }

  const Recorded& call_;
  const Response& ours_;
  std::vector<std::string> found_;
};

// --- replay

/// The state in which the recording found the original's tenant, and the calls on it.
class Replay {
 public:
  Replay() {
    const TenantScope tenant = TenantScopeFactory::make("t1");
    app::Core& core = app_.core();
    demo::seed_demo(*core.db, tenant, core.embedders, *core.index, core.clock);
    core.entitled->plans.assign(tenant, "enterprise", plans::Actor::tool("test"));
    core.db->write([&](db::Tx& tx) {
      const quotas::QuotasRepository quotas;
      const Timestamp now = core.clock.now();
      quotas.set_limits(tx, tenant, {.daily_requests = 500'000, .monthly_requests = 10'000'000}, now);
      quotas.add(tx, tenant, quotas::periods_of(now), kUsedBefore, 0, now);
    });
    core.keys->create(tenant, {.role = "admin", .name = "baseline-admin"});
    core.keys->revoke(core.keys->create(tenant, {.role = "editor", .name = "ci-bot"}).key.id);
    admin_key_ = core.keys->create(tenant, {.role = "admin", .name = "baseline-admin"}).plaintext.reveal();
  }

  /// The call's path has a row, or the recording is about a path that has none.
  bool covers(const Recorded& call) const {
    static const http::Router kRouter(app_endpoints());
    const std::string path = call.path.substr(0, call.path.find('?'));
    const int status = call.answer.status;
    if (status == 405 || status == 307) return true;
    if (status == 404 && call.answer.body.find("\"Not Found\"") != std::string::npos) return true;
    return kRouter.match(verb_of(call.verb), path).kind == http::Match::Kind::kFound;
  }

  Response send(const Recorded& call) {
    TestClient client = app_.anonymous();
    Pairs headers;
    for (auto [name, value] : call.headers) {
      replace(value, "<key>", admin_key_);
      for (const Made& made : made_) replace(value, made.placeholder, made.key);
      headers.emplace_back(name, value);
    }
    std::string path = call.path;
    for (const Made& made : made_) replace(path, made.recorded_id, made.id);
    // Sign-ins and usage are written behind the requests, in no fixed order; the recording's newest three were
    // sign-ins.
    if (call.name == "audit list") path += "&event_type=auth.access.success";
    if (call.verb == "HEAD") return head(path);
    Response answer = client.request(call.verb, path, headers, call.body);
    settle(answer);
    remember(call, answer);
    return answer;
  }

 private:
  /// A key that the recorded calls made and use later.
  struct Made {
    std::string placeholder;
    std::string recorded_id;
    std::string key;
    std::string id;
  };
  /// Units that the recorded tenant had used before the first charged call.
  static constexpr std::int64_t kUsedBefore = 178;

  void remember(const Recorded& call, const Response& ours) {
    if (call.path != "/v1/self-serve/api-keys" || call.verb != "POST" || ours.status != 200) return;
    const boost::json::value theirs = json::parse(call.answer.body).at("data");
    const boost::json::value made = data_of(ours);
    made_.push_back({.placeholder = text_of(theirs.at("api_key")),
                     .recorded_id = text_of(theirs.at("key_id")),
                     .key = text_of(made.at("api_key")),
                     .id = text_of(made.at("key_id"))});
  }
  static void replace(std::string& text, std::string_view what, const std::string& by) {
    if (const auto at = text.find(what); at != std::string::npos) text.replace(at, what.size(), by);
  }
  static http::Verb verb_of(std::string_view name) {
    for (const http::Verb verb : {http::Verb::kGet, http::Verb::kHead, http::Verb::kPost, http::Verb::kPut,
                                  http::Verb::kPatch, http::Verb::kDelete, http::Verb::kOptions})
      if (http::to_string(verb) == name) return verb;
    return http::Verb::kOther;
  }
  std::vector<http::Endpoint> app_endpoints() const { return const_cast<TestApp&>(app_).app().endpoints(); }

  Response head(const std::string& path) {
    RawConnection connection(app_.port());
    connection.send("HEAD " + path + " HTTP/1.1\r\nHost: a\r\n\r\n");
    return connection.read_response(true);
  }
  /// The recording was made slowly enough for every ingestion to have ended before the next call.
  void settle(const Response& answer) {
    if (answer.status != 202) return;
    const boost::json::value body = answer.json();
    const boost::json::value& payload = body.as_object().contains("data") ? body.at("data") : body;
    TestClient admin = app_.client(admin_key_);
    (void)app_.wait_for_document(admin, text_of(payload.at("document_id")));
  }

  TestApp app_;
  std::string admin_key_;
  std::vector<Made> made_;
};

TEST(Replay, AnswersAsTheOriginalDid) {
  const std::filesystem::path file = reference_file("transcripts.jsonl");
  std::ifstream in(file);
  if (!in) GTEST_SKIP() << "the recorded calls are not here: " << file;
  const std::vector<Recorded> calls = read_transcripts(in);
  ASSERT_FALSE(calls.empty());

  Replay replay;
  IntendedTable intended(kIntended);
  std::vector<std::string> later;
  std::size_t compared = 0;
  for (std::size_t i = 0; i < calls.size(); ++i) {
    const Recorded& call = calls[i];
    if (!replay.covers(call)) {
      later.push_back(call.name);
      continue;
    }
    ++compared;
    const Response ours = replay.send(call);
    const std::vector<std::string> found = Comparison(call, ours).run();
    for (const std::string& difference : std::set<std::string>(found.begin(), found.end())) {
      if (intended.covers(call.name, difference)) continue;
      ADD_FAILURE() << "call " << i << " [" << call.name << "] " << call.verb << " " << call.path << "\n  "
                    << difference;
    }
  }
  intended.expect_all_used();
  std::cout << fmt::format("{} calls compared; {} belong to areas that come later:", compared, later.size());
  for (const std::string& name : later) std::cout << " [" << name << "]";
  std::cout << "\n";
}

}  // namespace
}  // namespace nexus::testing

// Compares the OpenAPI document of this server with the one that the original serves, operation by operation: generated
// clients of the original must go on to work. What we add (parameters, members of answers) is no difference; what is
// gone, renamed, retyped or newly asked for is. Differences that are meant stand in a table with their reason.
#include "http/contract_kit.h"
#include "http/openapi.h"
#include "support/reference_kit.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <algorithm>
#include <iostream>
#include <set>

namespace nexus::testing {
namespace {

namespace bj = boost::json;

constexpr Intended kIntended[] = {
    // everywhere
    {"*", "parameter header Idempotency-Key: null|string* -> string*", "a header that is sent is never null"},
    {"*", "answer*: * -> *format=date-time*", "times say that they are (01 §0); the text is the same"},

    // admin
    {"POST /v1/admin/maintenance/run", "parameter query task: string pattern=* -> string enum=*",
     "the tasks that exist so far; the others arrive with their areas"},

    // audit
    {"GET /v1/audit/events*", "answer*.metadata_json: null|object -> any",
     "rows of an adopted database are shown as they are"},

    // documents
    {"POST /v1/documents", "body.file: string -> string format=binary", "a file is bytes"},
    {"POST /v1/documents/{document_id}/reindex", "body: null|object -> object", "a body may be left out, as before"},

    // health
    {"GET /v1/health", "answer: object -> any", "the handler writes its constant text itself"},

    // run
    {"POST /v1/run", "body.top_k: integer minimum=1 maximum=50 default=5 -> integer|null minimum=1 maximum=50",
     "optional; the corpus decides when it is absent (00-decisions §2, top_k)"},
    {"POST /v1/run", "answer: application/json -> text/event-stream", "the original forgot to say that it streams"},
};

/// The text of a gzip file; empty when it cannot be opened.
std::string read_gzip(const std::filesystem::path& file) {
  const std::unique_ptr<gzFile_s, int (*)(gzFile)> in(::gzopen(file.c_str(), "rb"), &::gzclose);
  std::string out;
  if (in == nullptr) return out;
  char block[1 << 14];
  for (int n = 0; (n = ::gzread(in.get(), block, sizeof block)) > 0;) out.append(block, static_cast<std::size_t>(n));
  return out;
}

/// One side of the comparison.
class Document {
 public:
  explicit Document(bj::value text) : text_(std::move(text)) {}

  [[nodiscard]] const bj::object& paths() const { return text_.at("paths").as_object(); }

  /// Follows references.
  [[nodiscard]] const bj::object& resolve(const bj::value& schema) const {
    const bj::object& object = schema.as_object();
    const bj::value* target = object.if_contains("$ref");
    if (target == nullptr) return object;
    const std::string path = text_of(*target);
    return resolve(text_.at("components").at("schemas").at(path.substr(path.rfind('/') + 1)));
  }

  /// The schema beside null, where that is one: `anyOf: [X, null]` is X.
  [[nodiscard]] const bj::object& without_null(const bj::value& schema) const {
    const bj::object& object = resolve(schema);
    const bj::value* options = object.if_contains("anyOf");
    if (options == nullptr) return object;
    const bj::object* only = nullptr;
    for (const bj::value& option : options->as_array()) {
      const bj::object& inside = resolve(option);
      if (inside.contains("type") && inside.at("type") == "null") continue;
      if (only != nullptr) return object;
      only = &inside;
    }
    return only == nullptr ? object : *only;
  }

  /// Type and bounds in one line, the same for both ways of writing them: `integer|null minimum=1`.
  [[nodiscard]] std::string kind(const bj::value& schema) const {
    const bj::object& object = resolve(schema);
    std::set<std::string> types;
    std::string bounds;
    collect(object, types, bounds);
    if (const bj::value* fallback = object.if_contains("default"); fallback != nullptr && !fallback->is_null())
      bounds += " default=" + json::write(*fallback);
    std::string out;
    for (const std::string& type : types) out.append(out.empty() ? "" : "|").append(type);
    return out + bounds;
  }

 private:
  void collect(const bj::object& object, std::set<std::string>& types, std::string& bounds) const {
    if (const bj::value* options = object.if_contains("anyOf")) {
      for (const bj::value& option : options->as_array()) collect(resolve(option), types, bounds);
      return;
    }
    std::string type = object.contains("type") ? text_of(object.at("type")) : "any";
    if (type == "array") type += "<" + (object.contains("items") ? kind(object.at("items")) : "any") + ">";
    types.insert(type);
    for (const char* name : {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "minLength", "maxLength"})
      if (const bj::value* bound = object.if_contains(name))
        bounds += fmt::format(" {}={}", name, bound->to_number<double>());
    for (const char* name : {"enum", "pattern", "format"})
      if (const bj::value* word = object.if_contains(name))
        bounds += fmt::format(" {}={}", name, word->is_string() ? text_of(*word) : json::write(*word));
  }

  bj::value text_;
};

bool requires_member(const bj::object& schema, std::string_view name) {
  const bj::value* required = schema.if_contains("required");
  if (required == nullptr) return false;
  return std::any_of(required->as_array().begin(), required->as_array().end(),
                     [&](const bj::value& one) { return one.as_string() == name; });
}

bool flag(const bj::object& object, const char* name) {
  const bj::value* value = object.if_contains(name);
  return value != nullptr && value->is_bool() && value->get_bool();
}

class OperationComparison {
 public:
  OperationComparison(const Document& theirs, const Document& ours) : theirs_(theirs), ours_(ours) {}

  std::vector<std::string> run(const bj::object& theirs, const bj::object& ours) {
    if (theirs.at("operationId") != ours.at("operationId"))
      note(fmt::format("operation id: {} -> {}", text_of(theirs.at("operationId")), text_of(ours.at("operationId"))));
    compare_parameters(theirs, ours);
    compare_bodies(theirs, ours);
    compare_answers(theirs.at("responses").as_object(), ours.at("responses").as_object());
    return std::move(found_);
  }

 private:
  enum class Side { kBody, kAnswer };

  void note(std::string difference) { found_.push_back(std::move(difference)); }

  static const bj::array& parameters_of(const bj::object& operation) {
    static const bj::array kNone;
    const bj::value* parameters = operation.if_contains("parameters");
    return parameters == nullptr ? kNone : parameters->as_array();
  }
  static const bj::object* find(const bj::array& parameters, const bj::value& like) {
    for (const bj::value& one : parameters)
      if (one.at("in") == like.at("in") && one.at("name") == like.at("name")) return &one.as_object();
    return nullptr;
  }

  void compare_parameters(const bj::object& theirs, const bj::object& ours) {
    for (const bj::value& one : parameters_of(theirs)) {
      const std::string what = fmt::format("parameter {} {}", text_of(one.at("in")), text_of(one.at("name")));
      const bj::object* same = find(parameters_of(ours), one);
      if (same == nullptr) {
        note(what + ": missing");
        continue;
      }
      if (flag(one.as_object(), "required") != flag(*same, "required")) note(what + ": required differs");
      compare_kinds(what, one.at("schema"), same->at("schema"));
    }
    for (const bj::value& one : parameters_of(ours))
      if (flag(one.as_object(), "required") && find(parameters_of(theirs), one) == nullptr)
        note(fmt::format("parameter {} {}: newly required", text_of(one.at("in")), text_of(one.at("name"))));
  }

  void compare_bodies(const bj::object& theirs, const bj::object& ours) {
    const bj::value* before = theirs.if_contains("requestBody");
    const bj::value* after = ours.if_contains("requestBody");
    if (before == nullptr || after == nullptr) {
      if (before != after) note(fmt::format("body: {}", before == nullptr ? "new" : "missing"));
      return;
    }
    if (flag(before->as_object(), "required") != flag(after->as_object(), "required")) note("body: required differs");
    compare_content(Side::kBody, before->as_object(), after->as_object());
  }

  static std::string success_of(const bj::object& responses) {
    for (const auto& response : responses)
      if (response.key().starts_with('2')) return response.key();
    return "none";
  }

  void compare_answers(const bj::object& theirs, const bj::object& ours) {
    const std::string before = success_of(theirs);
    const std::string after = success_of(ours);
    if (before != after) return note(fmt::format("success: {} -> {}", before, after));
    compare_content(Side::kAnswer, theirs.at(before).as_object(), ours.at(after).as_object());
    for (const auto& response : theirs)
      if (!ours.contains(response.key())) note(fmt::format("answer {}: missing", std::string(response.key())));
  }

  void compare_content(Side side, const bj::object& theirs, const bj::object& ours) {
    const std::string what = side == Side::kBody ? "body" : "answer";
    const bj::value* before = theirs.if_contains("content");
    const bj::value* after = ours.if_contains("content");
    if (before == nullptr || after == nullptr) {
      if (before != after) note(what + ": content differs");
      return;
    }
    const auto& [type, media] = *before->as_object().begin();
    const auto& [our_type, our_media] = *after->as_object().begin();
    if (type != our_type) return note(fmt::format("{}: {} -> {}", what, std::string(type), std::string(our_type)));
    // The original documents each success as enveloped or bare; its first option is the one of /v1.
    const bj::object& schema = theirs_.resolve(media.at("schema"));
    const bj::value* options = side == Side::kAnswer ? schema.if_contains("anyOf") : nullptr;
    const bj::value& shape = options == nullptr ? media.at("schema") : options->as_array().front();
    if (side == Side::kAnswer && theirs_.resolve(shape).contains("properties") &&
        requires_member(theirs_.resolve(shape), "meta")) {
      const bj::object& inside = ours_.resolve(our_media.at("schema"));
      if (!requires_member(inside, "data")) return note("answer: not enveloped");
      compare(side, what, theirs_.resolve(shape).at("properties").at("data"), inside.at("properties").at("data"));
    } else {
      compare(side, what, shape, our_media.at("schema"));
    }
  }

  void compare_kinds(const std::string& what, const bj::value& theirs, const bj::value& ours) {
    const std::string before = theirs_.kind(theirs);
    const std::string after = ours_.kind(ours);
    if (before != after) note(fmt::format("{}: {} -> {}", what, before, after));
  }

  void compare(Side side, const std::string& at, const bj::value& theirs, const bj::value& ours) {
    compare_kinds(at, theirs, ours);
    const bj::object& before = theirs_.without_null(theirs);
    const bj::object& after = ours_.without_null(ours);
    if (before.contains("items") && after.contains("items")) {
      compare_items(side, at + "[]", before.at("items"), after.at("items"));
    } else if (before.contains("properties") && after.contains("properties")) {
      compare_members(side, at, before, after);
    }
  }
  /// The kind of a list says that of its items.
  void compare_items(Side side, const std::string& at, const bj::value& theirs, const bj::value& ours) {
    const bj::object& before = theirs_.without_null(theirs);
    const bj::object& after = ours_.without_null(ours);
    if (before.contains("properties") && after.contains("properties")) compare_members(side, at, before, after);
  }

  void compare_members(Side side, const std::string& at, const bj::object& theirs, const bj::object& ours) {
    const bj::object& before = theirs.at("properties").as_object();
    const bj::object& after = ours.at("properties").as_object();
    for (const auto& member : before) {
      const std::string path = at + "." + std::string(member.key());
      const bj::value* same = after.if_contains(member.key());
      if (same == nullptr) {
        note(path + ": missing");
        continue;
      }
      const bool was = requires_member(theirs, member.key());
      const bool is = requires_member(ours, member.key());
      // An answer may promise more than it did, a request may not ask for more.
      if (was != is && (side == Side::kBody || was)) note(fmt::format("{}: required {} -> {}", path, was, is));
      compare(side, path, member.value(), *same);
    }
    if (side == Side::kAnswer) return;
    for (const auto& member : after)
      if (!before.contains(member.key()) && requires_member(ours, member.key()))
        note(at + "." + std::string(member.key()) + ": newly required");
  }

  const Document& theirs_;
  const Document& ours_;
  std::vector<std::string> found_;
};

std::string upper(std::string_view verb) {
  std::string out(verb);
  for (char& c : out) c = static_cast<char>(c - 'a' + 'A');
  return out;
}

TEST(OriginalOpenApi, OperationsKeepTheirIdsParametersBodiesAndAnswers) {
  const std::filesystem::path file = reference_file("openapi.original.json.gz");
  const std::string text = read_gzip(file);
  if (text.empty()) GTEST_SKIP() << "the original's OpenAPI document is not here: " << file;
  TestApp app;
  const Document theirs(json::parse(text));
  const Document ours(http::openapi_document(app.app().endpoints()));

  IntendedTable intended(kIntended);
  std::size_t compared = 0;
  std::size_t later = 0;
  for (const auto& path : theirs.paths()) {
    const bj::value* same = ours.paths().if_contains(path.key());
    for (const auto& operation : path.value().as_object()) {
      const bj::value* our_operation = same == nullptr ? nullptr : same->as_object().if_contains(operation.key());
      if (our_operation == nullptr) {
        ++later;
        continue;
      }
      ++compared;
      const std::string where = upper(operation.key()) + " " + std::string(path.key());
      for (const std::string& difference :
           OperationComparison(theirs, ours).run(operation.value().as_object(), our_operation->as_object()))
        if (!intended.covers(where, difference)) ADD_FAILURE() << where << "\n  " << difference;
    }
  }
  EXPECT_GT(compared, 0U);
  intended.expect_all_used();
  std::cout << fmt::format("{} operations compared; {} belong to areas that come later\n", compared, later);
}

}  // namespace
}  // namespace nexus::testing

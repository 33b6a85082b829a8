#include "opensearch/answers.h"

#include "json/json.h"
#include "opensearch/error.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace nexus::opensearch {
namespace {

constexpr std::size_t kLongestFault = 80;
constexpr std::size_t kMostAnswerBytes = std::size_t{256} << 20;  // the client bounds the body before this

[[noreturn]] void bad(std::string_view what) {
  throw Error(ErrorKind::kBadAnswer, fmt::format("an answer without {}", what));
}

const boost::json::value& member(const boost::json::object& object, std::string_view key) {
  const boost::json::value* found = object.if_contains(key);
  if (found == nullptr) bad(key);
  return *found;
}

bool is_fault_name(std::string_view text) {
  return !text.empty() && text.size() <= kLongestFault &&
         std::all_of(text.begin(), text.end(), [](char c) { return (c >= 'a' && c <= 'z') || c == '_'; });
}

BulkItem::Fate fate_of(std::string_view action, std::int64_t status) {
  using Fate = BulkItem::Fate;
  if (status >= 200 && status < 300) return Fate::kDone;
  if (action == "delete" && status == 404) return Fate::kDone;  // nothing to delete is what was wanted
  if (status == 409) return Fate::kNewer;
  // A missing right and a blocked index are faults of the cluster, not of the document.
  if (status == 401 || status == 403 || status == 429 || status >= 500) return Fate::kLater;
  return Fate::kImpossible;
}

}  // namespace

boost::json::value parse_answer(std::string_view body) {
  try {
    return json::parse(body, {.max_bytes = kMostAnswerBytes, .max_depth = 64});
  } catch (const json::ParseError& e) {
    throw Error(ErrorKind::kBadAnswer, fmt::format("an answer that is no JSON ({})", e.what()));
  }
}

const boost::json::object& as_object(const boost::json::value& value) {
  const boost::json::object* object = value.if_object();
  if (object == nullptr) bad("an object");
  return *object;
}
const boost::json::object& object_at(const boost::json::value& value, std::string_view key) {
  return object_at(as_object(value), key);
}
const boost::json::object& object_at(const boost::json::object& object, std::string_view key) {
  const boost::json::object* found = member(object, key).if_object();
  if (found == nullptr) bad(key);
  return *found;
}
const boost::json::array& array_at(const boost::json::object& object, std::string_view key) {
  const boost::json::array* found = member(object, key).if_array();
  if (found == nullptr) bad(key);
  return *found;
}
std::string text_at(const boost::json::object& object, std::string_view key) {
  const boost::json::string* found = member(object, key).if_string();
  if (found == nullptr) bad(key);
  return {found->data(), found->size()};
}
std::string text_or(const boost::json::object& object, std::string_view key, std::string_view otherwise) {
  const boost::json::value* found = object.if_contains(key);
  if (found == nullptr || !found->is_string()) return std::string(otherwise);
  return {found->get_string().data(), found->get_string().size()};
}
std::int64_t integer_at(const boost::json::object& object, std::string_view key) {
  const boost::json::value& found = member(object, key);
  if (const std::int64_t* number = found.if_int64()) return *number;
  constexpr double kMost = 9.0e18;
  if (const double* number = found.if_double(); number != nullptr && std::abs(*number) < kMost)
    return std::llround(*number);
  bad(key);
}
bool flag_or(const boost::json::object& object, std::string_view key, bool otherwise) {
  const boost::json::value* found = object.if_contains(key);
  return found != nullptr && found->is_bool() ? found->get_bool() : otherwise;
}

std::string fault_name(const boost::json::object& answer) {
  const boost::json::value* error = answer.if_contains("error");
  if (error == nullptr || !error->is_object()) return "error";
  std::string name = text_or(error->get_object(), "type", "error");
  return is_fault_name(name) ? name : "error";
}

ErrorKind kind_of_status(int status) noexcept {
  switch (status) {
    case 404:
      return ErrorKind::kMissing;
    case 408:
      return ErrorKind::kTimeout;
    case 413:
      return ErrorKind::kTooLarge;
    case 429:
    case 502:
    case 503:
    case 504:
      return ErrorKind::kBusy;
    default:
      return ErrorKind::kRefused;
  }
}

std::vector<BulkItem> parse_bulk(std::string_view body, std::size_t actions) {
  const boost::json::value answer = parse_answer(body);
  const boost::json::array& items = array_at(as_object(answer), "items");
  if (items.size() != actions) bad("an item for each action");
  std::vector<BulkItem> out;
  out.reserve(actions);
  for (const boost::json::value& item : items) {
    const boost::json::object& outer = as_object(item);
    if (outer.size() != 1) bad("one action in each item");
    const auto& [action, result] = *outer.begin();
    const boost::json::object& inner = as_object(result);
    const std::string_view name{action.data(), action.size()};
    BulkItem read{.fate = fate_of(name, integer_at(inner, "status")), .fault = {}};
    if (read.fate == BulkItem::Fate::kLater || read.fate == BulkItem::Fate::kImpossible) read.fault = fault_name(inner);
    out.push_back(std::move(read));
  }
  return out;
}

void check_complete(const boost::json::object& answer) {
  if (answer.contains("error")) {
    const boost::json::value* status = answer.if_contains("status");
    const std::int64_t code = status != nullptr && status->is_int64() ? status->get_int64() : 400;
    throw Error(kind_of_status(static_cast<int>(code)), fmt::format("a search was refused: {}", fault_name(answer)));
  }
  if (flag_or(answer, "timed_out", false)) throw Error(ErrorKind::kTimeout, "a search ran out of time");
  const boost::json::object& shards = object_at(answer, "_shards");
  const std::int64_t failed = integer_at(shards, "failed");
  if (failed > 0 || integer_at(shards, "successful") < integer_at(shards, "total"))
    throw Error(ErrorKind::kPartial, fmt::format("{} shards did not answer", std::max<std::int64_t>(failed, 1)));
}

std::vector<const boost::json::object*> complete_searches(const boost::json::value& answer, std::size_t searches) {
  const boost::json::array& responses = array_at(as_object(answer), "responses");
  if (responses.size() != searches) bad("an answer for each search");
  std::vector<const boost::json::object*> out;
  for (const boost::json::value& response : responses) {
    const boost::json::object& one = as_object(response);
    check_complete(one);
    out.push_back(&one);
  }
  return out;
}

}  // namespace nexus::opensearch

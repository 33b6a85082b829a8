#include "redis/resp.h"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <utility>

namespace nexus::redis {
namespace {

constexpr std::size_t kCompactAt = 64 * 1024;

std::int64_t number(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || text.empty())
    throw ProtocolError("a number of an answer is malformed");
  return value;
}

void append_number(std::string& out, std::size_t value) {
  char digits[20];
  const auto end = std::to_chars(std::begin(digits), std::end(digits), value).ptr;
  out.append(std::begin(digits), end);
}

}  // namespace

std::string_view Value::error_code() const {
  if (!is_error()) return {};
  const std::string_view all(text);
  const std::string_view word = all.substr(0, all.find(' '));
  const bool plain = !word.empty() && word.size() <= 32 &&
                     std::all_of(word.begin(), word.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
  return plain ? word : std::string_view("ERROR");
}

void RespParser::feed(std::string_view bytes) {
  if (at_ == buffer_.size() || at_ >= kCompactAt) {
    buffer_.erase(0, at_);
    scanned_ -= std::min(scanned_, at_);
    at_ = 0;
  }
  buffer_.append(bytes);
}

std::optional<Value> RespParser::next() {
  std::optional<Value> complete;
  while (!complete && read_one(complete)) {
  }
  if (complete) charged_ = 0;
  return complete;
}

std::optional<std::string_view> RespParser::line() {
  scanned_ = std::max(scanned_, at_);
  const std::size_t end = buffer_.find("\r\n", scanned_);
  if (end == std::string::npos) {
    if (buffer_.size() - at_ > limits_.max_line) throw ProtocolError("a line of an answer is too long");
    scanned_ = buffer_.empty() ? 0 : std::max(at_, buffer_.size() - 1);  // the CR may be there already
    return std::nullopt;
  }
  if (end - at_ > limits_.max_line) throw ProtocolError("a line of an answer is too long");
  const std::string_view found(buffer_.data() + at_, end - at_);
  at_ = end + 2;
  return found;
}

/// One element; false when its bytes are not there yet.
bool RespParser::read_one(std::optional<Value>& complete) {
  if (bulk_) {
    if (buffer_.size() - at_ < bulk_->size + 2) return false;
    if (buffer_.compare(at_ + bulk_->size, 2, "\r\n") != 0) throw ProtocolError("a string of an answer has no end");
    // A verbatim string begins with its format and a colon: "txt:".
    const std::size_t skip = bulk_->verbatim ? std::min<std::size_t>(4, bulk_->size) : 0;
    Value value{.kind = bulk_->kind, .text = buffer_.substr(at_ + skip, bulk_->size - skip)};
    at_ += bulk_->size + 2;
    bulk_.reset();
    add(std::move(value), complete);
    return true;
  }
  const std::optional<std::string_view> header = line();
  if (!header) return false;
  if (header->empty()) throw ProtocolError("an answer has no type");
  read_header(*header, complete);
  return true;
}

void RespParser::read_header(std::string_view header, std::optional<Value>& complete) {
  using enum Value::Kind;
  const std::string_view rest = header.substr(1);
  charge(sizeof(Value));
  switch (header.front()) {
    case '+':
    case ',':
    case '(':
      charge(rest.size());
      return add({.kind = kText, .text = std::string(rest)}, complete);
    case '-':
      charge(rest.size());
      return add({.kind = kError, .text = std::string(rest)}, complete);
    case ':':
      return add({.kind = kInteger, .integer = number(rest)}, complete);
    case '#':
      if (rest != "t" && rest != "f") throw ProtocolError("a truth value of an answer is malformed");
      return add({.kind = kInteger, .integer = rest == "t" ? 1 : 0}, complete);
    case '_':
      return add({}, complete);
    case '$':
      return begin_bulk(kText, rest, false, complete);
    case '=':
      return begin_bulk(kText, rest, true, complete);
    case '!':
      return begin_bulk(kError, rest, false, complete);
    case '*':
    case '~':
      return open_aggregate(kArray, rest, 1, false, complete);
    case '>':
      return open_aggregate(kPush, rest, 1, false, complete);
    case '%':
      return open_aggregate(kArray, rest, 2, false, complete);
    case '|':
      return open_aggregate(kArray, rest, 2, true, complete);
    default:
      throw ProtocolError("an answer has an unknown type");
  }
}

void RespParser::begin_bulk(Value::Kind kind, std::string_view length, bool verbatim, std::optional<Value>& complete) {
  const std::int64_t size = number(length);
  if (size == -1) return add({}, complete);
  if (size < 0) throw ProtocolError("a length of an answer is negative");
  charge(static_cast<std::size_t>(size));
  bulk_ = Bulk{.kind = kind, .size = static_cast<std::size_t>(size), .verbatim = verbatim};
}

void RespParser::open_aggregate(Value::Kind kind, std::string_view count, std::size_t per_item, bool attribute,
                                std::optional<Value>& complete) {
  const std::int64_t items = number(count);
  if (items == -1 && !attribute) return add({}, complete);
  if (items < 0) throw ProtocolError("a length of an answer is negative");
  // Elements are charged as they come, so a large count alone costs nothing; one that cannot fit is refused at once.
  if (static_cast<std::uint64_t>(items) > limits_.max_bytes / sizeof(Value))
    throw ProtocolError("an answer has too many elements");
  if (open_.size() >= limits_.max_depth) throw ProtocolError("an answer is nested too deeply");
  Value value{.kind = kind};
  const std::size_t missing = static_cast<std::size_t>(items) * per_item;
  if (missing > 0) {
    open_.push_back({.value = std::move(value), .missing = missing, .attribute = attribute});
  } else if (!attribute) {
    add(std::move(value), complete);
  }
}

void RespParser::add(Value value, std::optional<Value>& complete) {
  while (!open_.empty()) {
    Frame& frame = open_.back();
    frame.value.items.push_back(std::move(value));
    if (--frame.missing > 0) return;
    value = std::move(frame.value);
    const bool dropped = frame.attribute;
    open_.pop_back();
    if (dropped) return;
  }
  complete = std::move(value);
}

void RespParser::charge(std::size_t bytes) {
  if (bytes > limits_.max_bytes - charged_) throw ProtocolError("an answer is too large");
  charged_ += bytes;
}

void append_array_header(std::string& out, std::size_t count) {
  out += '*';
  append_number(out, count);
  out += "\r\n";
}

void append_bulk(std::string& out, std::string_view text) {
  out += '$';
  append_number(out, text.size());
  out += "\r\n";
  out += text;
  out += "\r\n";
}

}  // namespace nexus::redis

#include "modules/idempotency/answer_store.h"

#include "base/encoding.h"
#include "crypto/hash.h"
#include "json/json.h"
#include "modules/idempotency/answer_policy.h"

#include <boost/json/array.hpp>
#include <boost/json/value.hpp>

namespace nexus::idempotency {
namespace {

namespace bj = boost::json;

constexpr std::string_view kPurpose = "nexusrag idempotency answers v1";
constexpr std::string_view kHidden = "[REDACTED]";
constexpr std::string_view kContentType = "Content-Type";

/// Names a key without telling anything about it.
std::string key_id(const crypto::AesKey& key) {
  const crypto::Digest digest = crypto::hmac_sha256(as_text(key), "key id");
  return "idem-" + hex_encode(std::span(digest).first(4));
}

void hide(bj::value& value) {
  if (value.is_array()) {
    for (bj::value& item : value.get_array()) hide(item);
  } else if (value.is_object()) {
    for (bj::key_value_pair& member : value.get_object()) hide(member.value());
  } else if (!value.is_null() && !value.is_bool()) {
    value = bj::string_view(kHidden.data(), kHidden.size());
  }
}

std::optional<bj::value> parsed(std::string_view text) {
  try {
    return json::parse(text, {.max_bytes = text.size()});
  } catch (const json::ParseError&) {
    return std::nullopt;
  }
}

std::string headers_of(const http::Reply& reply) {
  std::string text;
  json::Writer out(text);
  out.begin_array();
  const auto add = [&](std::string_view name, std::string_view value) {
    out.begin_array().value(name).value(value).end_array();
  };
  if (!reply.content_type.empty()) add(kContentType, reply.content_type);
  for (const auto& [name, value] : reply.headers)
    if (is_repeated_header(name)) add(name, value);
  out.end_array();
  return text;
}

void read_headers(const std::string& headers_json, http::Reply& reply) {
  reply.content_type.clear();
  const std::optional<bj::value> headers = parsed(headers_json);
  if (!headers || !headers->is_array()) return;
  for (const bj::value& pair : headers->get_array()) {
    const std::string name(pair.at(0).as_string());
    std::string value(pair.at(1).as_string());
    if (name == kContentType) {
      reply.content_type = std::move(value);
    } else {
      reply.headers.emplace_back(name, std::move(value));
    }
  }
}

std::vector<std::byte> bytes_of(std::string_view text) {
  const auto bytes = as_bytes(text);
  return {bytes.begin(), bytes.end()};
}

}  // namespace

AnswerStore::AnswerStore(std::size_t max_body_bytes, const Secret& secret, const std::vector<Secret>& former)
    : max_body_bytes_(max_body_bytes) {
  if (secret.empty()) return;
  const crypto::AesKey current = crypto::derive_key(secret.reveal(), kPurpose);
  box_.emplace(key_id(current), current);
  for (const Secret& old : former) {
    const crypto::AesKey key = crypto::derive_key(old.reveal(), kPurpose);
    box_->add_former_key(key_id(key), key);
  }
}

StoredAnswer AnswerStore::pack(const http::Reply& sent, bool secret_answer, std::string_view context) const {
  StoredAnswer stored;
  stored.status = sent.status;
  stored.headers_json = headers_of(sent);
  if (sent.file || sent.body.size() > max_body_bytes_ || (secret_answer && !sent.body.empty() && !box_)) {
    stored.form = Form::kDropped;
  } else if (sent.body.empty()) {
    stored.form = Form::kNone;
  } else if (secret_answer) {
    stored.form = Form::kSealed;
    stored.body_json = without_values(sent.body);
    stored.blob = box_->seal(sent.body, context);
  } else {
    stored.form = Form::kBytes;  // a column of JSON may keep another spelling of it
    stored.blob = bytes_of(sent.body);
    if (parsed(sent.body)) stored.body_json = sent.body;  // what other programs on the same database read
  }
  return stored;
}

std::optional<http::Reply> AnswerStore::unpack(const StoredAnswer& stored, std::string_view context) const {
  http::Reply reply;
  reply.status = stored.status;
  read_headers(stored.headers_json, reply);
  switch (stored.form) {
    case Form::kNone:
      return reply;
    case Form::kJson:
      reply.body = stored.body_json.value_or("");
      return reply;
    case Form::kBytes:
      reply.body = as_text(stored.blob);
      return reply;
    case Form::kSealed: {
      std::optional<std::string> body = box_ ? box_->open(stored.blob, context) : std::nullopt;
      if (!body) return std::nullopt;
      reply.body = std::move(*body);
      return reply;
    }
    case Form::kDropped:
      break;
  }
  return std::nullopt;
}

std::optional<std::string> without_values(std::string_view json_body) {
  std::optional<bj::value> body = parsed(json_body);
  if (!body) return std::nullopt;
  if (!body->is_object()) {
    hide(*body);
  } else {
    for (bj::key_value_pair& member : body->get_object())
      if (member.key() != "meta") hide(member.value());
  }
  return json::write(*body);
}

}  // namespace nexus::idempotency

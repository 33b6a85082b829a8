#include "http/message.h"

#include "base/encoding.h"

#include <string>
#include <string_view>
#include <utility>

namespace nexus::http {

std::string_view to_string(Verb verb) {
  switch (verb) {
    case Verb::kGet:
      return "GET";
    case Verb::kHead:
      return "HEAD";
    case Verb::kPost:
      return "POST";
    case Verb::kPut:
      return "PUT";
    case Verb::kPatch:
      return "PATCH";
    case Verb::kDelete:
      return "DELETE";
    case Verb::kOptions:
      return "OPTIONS";
    case Verb::kOther:
      return "OTHER";
  }
  return "OTHER";
}

const std::string* Request::header(std::string_view name) const {
  for (const auto& [key, value] : headers)
    if (ascii_iequals(key, name)) return &value;
  return nullptr;
}

const std::string* Request::query_value(std::string_view name) const {
  const std::string* last = nullptr;
  for (const auto& [key, value] : query)
    if (key == name) last = &value;
  return last;
}

Reply Reply::json(std::string payload, int status) {
  Reply reply;
  reply.status = status;
  reply.body = std::move(payload);
  reply.is_payload = true;
  return reply;
}

Reply Reply::no_content() {
  Reply reply;
  reply.status = 204;
  reply.content_type.clear();
  return reply;
}

Reply Reply::raw(std::string body, std::string content_type, int status) {
  Reply reply;
  reply.status = status;
  reply.body = std::move(body);
  reply.content_type = std::move(content_type);
  return reply;
}

}  // namespace nexus::http

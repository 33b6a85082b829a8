#include "json/reader.h"
#include "json/schema.h"

#include <cstddef>
#include <string_view>
#include <utility>

namespace nexus::schema {
namespace detail {

std::size_t weight(const bj::value& value) {
  std::size_t sum = 8;
  if (value.is_string()) {
    sum += value.get_string().size();
  } else if (value.is_array()) {
    for (const bj::value& item : value.get_array())
      if ((sum += weight(item)) > kLongestEcho) break;
  } else if (value.is_object()) {
    for (const bj::key_value_pair& member : value.get_object())
      if ((sum += member.key().size() + weight(member.value())) > kLongestEcho) break;
  }
  return sum;
}

void redact(bj::value& value, const FieldTable& table) {
  if (!value.is_object()) return;
  for (const FieldRow& row : table.rows()) {
    bj::value* member = row.location == Location::kBody ? value.get_object().if_contains(row.name) : nullptr;
    if (member == nullptr) continue;
    if (row.constraints.sensitive) {
      *member = kRedacted;
    } else {
      redact(*member, *row.type);
    }
  }
}

void redact(bj::value& value, const Type& type) {
  switch (type.kind) {
    case Kind::kOptional:
    case Kind::kPatch:
      return redact(value, *type.inner);
    case Kind::kList:
      if (value.is_array())
        for (bj::value& item : value.get_array()) redact(item, *type.inner);
      return;
    case Kind::kMap:
      if (value.is_object())
        for (bj::key_value_pair& member : value.get_object()) redact(member.value(), *type.inner);
      return;
    case Kind::kStruct:
      redact(value, type.table());
      return;
    default:
      return;
  }
}

}  // namespace detail

void Problems::add(std::string_view type, boost::json::array loc, std::string_view msg, boost::json::value input,
                   boost::json::object ctx) {
  if (full()) return;
  boost::json::object item;
  item.reserve(5);
  item.emplace("type", boost::json::string_view(type.data(), type.size()));
  item.emplace("loc", std::move(loc));
  item.emplace("msg", boost::json::string_view(msg.data(), msg.size()));
  if (detail::weight(input) > detail::kLongestEcho) input = "[too long to repeat]";
  item.emplace("input", std::move(input));
  if (!ctx.empty()) item.emplace("ctx", std::move(ctx));
  items_.emplace_back(std::move(item));
}

}  // namespace nexus::schema
